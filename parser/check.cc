#include "parser/check.h"

#include <algorithm>

#include "parser/source.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

void read_names(std::string_view value, std::vector<std::string>& names, bool& all) {
  if (value == "all") {
    all = true;
    return;
  }
  for (const std::string_view name : split(value, ',')) names.emplace_back(trim(name));
}

void read_option(std::string_view option, CheckOptions& options) {
  const Cut pair = cut(option, '=');
  const std::string_view key = trim(pair.before);
  const std::string_view value = trim(pair.after);
  if (pair.found && key == "skip") {
    read_names(value, options.skip, options.skip_all);
  } else if (pair.found && key == "experimental") {
    read_names(value, options.experimental, options.experimental_all);
  } else if (pair.found && key == "error") {
    const auto flag = to_bool(value);
    if (!flag)
      throw DockerfileError(cat("invalid check option ", quoted(option), ": not a boolean"));
    options.error = *flag;
  } else {
    throw DockerfileError(cat("invalid check option ", quoted(trim(option))));
  }
}

}  // namespace

CheckOptions parse_check(std::string_view text) {
  CheckOptions options;
  text = trim(text);
  if (text.empty()) return options;
  for (const std::string_view option : split(text, ';')) read_option(option, options);
  return options;
}

CheckOptions check_of_file(const Directives& directives, const std::string* build_arg) {
  try {
    return parse_check(build_arg != nullptr ? *build_arg : directives.check);
  } catch (DockerfileError& error) {
    if (build_arg == nullptr) error.locate(directives.check_range);
    throw;
  }
}

bool allows(const CheckOptions& options, const Rule& rule) {
  const auto names = [&rule](const std::vector<std::string>& list) {
    return std::find(list.begin(), list.end(), rule.name) != list.end();
  };
  if (rule.experimental) return options.experimental_all || names(options.experimental);
  return !options.skip_all && !names(options.skip);
}

CheckOptions with_comments(CheckOptions options, const std::vector<std::string>& comments) {
  for (const std::string_view comment : comments) {
    const Cut pair = cut(comment, '=');
    if (!pair.found || to_lower(trim(pair.before)) != "check") continue;
    try {
      const CheckOptions added = parse_check(cut(trim(pair.after), ' ').before);
      options.skip.insert(options.skip.end(), added.skip.begin(), added.skip.end());
      options.skip_all = options.skip_all || added.skip_all;
      options.experimental.insert(options.experimental.end(), added.experimental.begin(), added.experimental.end());
      options.experimental_all = options.experimental_all || added.experimental_all;
    } catch (const DockerfileError&) {
      continue;  // prose that happens to begin like an option
    }
  }
  return options;
}

}  // namespace cooper::parser
