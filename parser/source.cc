#include "parser/source.h"

namespace cooper::parser {

Diagnostic make_diagnostic(const Rule& rule, std::string message, std::vector<SourceRange> ranges) {
  return {std::string(rule.name), std::string(rule.description), std::string(rule.url),
          std::move(message), std::move(ranges)};
}

}  // namespace cooper::parser
