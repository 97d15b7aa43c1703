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

bool skips(const CheckOptions& options, std::string_view rule) {
  return options.skip_all ||
         std::find(options.skip.begin(), options.skip.end(), rule) != options.skip.end();
}

CheckOptions check_of_comments(const std::vector<std::string>& comments) {
  constexpr std::string_view kMark = "check=";
  CheckOptions merged;
  for (const std::string_view comment : comments) {
    if (!comment.starts_with(kMark)) continue;
    try {
      const CheckOptions options = parse_check(cut(comment.substr(kMark.size()), ' ').before);
      merged.skip.insert(merged.skip.end(), options.skip.begin(), options.skip.end());
      merged.skip_all = merged.skip_all || options.skip_all;
    } catch (const DockerfileError&) {
      continue;  // prose that happens to begin like an option
    }
  }
  return merged;
}

}  // namespace cooper::parser
