#include "cmd/spelling.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "parser/suggest.h"

namespace cooper::cmd {
namespace {

struct Spelling {
  std::string_view group;
  std::string_view word;
  std::vector<std::string> ours;
};

// `builder prune -a` is about the cache alone, so that -a must not reach images with names. `image prune` is none of these:
// docker's leaves caches alone, and our prune has nothing else to remove.
const std::vector<Spelling>& spellings() {
  static const std::vector<Spelling> kSpellings = {
      {"buildx", "build", {"build"}},       {"buildx", "du", {"store", "du"}},
      {"buildx", "prune", {"prune", "--keep-names"}},
      {"builder", "build", {"build"}},      {"builder", "prune", {"prune", "--keep-names"}},
      {"image", "build", {"build"}},        {"image", "inspect", {"inspect"}},
      {"image", "list", {"images"}},        {"image", "load", {"load"}},
      {"image", "ls", {"images"}},          {"image", "pull", {"pull"}},
      {"image", "push", {"push"}},          {"image", "remove", {"rmi"}},
      {"image", "rm", {"rmi"}},             {"image", "save", {"save"}},
      {"image", "tag", {"tag"}},
      {"system", "df", {"store", "du"}},    {"system", "prune", {"prune"}},
  };
  return kSpellings;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// " (did you mean x?)", or "". Of a short word only what is near for its length.
std::string nearest(const std::string& typed, const std::vector<std::string>& known) {
  const auto found = parser::find_suggestion(typed, known);
  const bool near = found && 2 * parser::edit_distance(typed, *found, 2) <= static_cast<int>(typed.size());
  return near ? parser::did_you_mean(found) : "";
}

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

// Of the app or of any of its commands.
bool takes_value(const CLI::App& app, const std::string& flag) {
  const CLI::Option* option = app.get_option_no_throw(flag);
  if (option != nullptr) return option->get_items_expected_max() > 0;
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  return std::ranges::any_of(commands, [&](const CLI::App* command) { return takes_value(*command, flag); });
}

std::string unknown_flag(const CLI::App& app, const std::string& typed) {
  const std::string flag = typed.substr(0, typed.find('='));
  return cat("unknown flag: ", flag, flag.starts_with("--") ? nearest(flag, flags_of(app)) : "");
}

std::string unknown_command(const CLI::App& app, const std::vector<std::string>& words) {
  std::vector<std::string> known;
  for (const Spelling& each : spellings()) {
    if (each.group == words.front()) known.emplace_back(each.word);
  }
  if (!known.empty() && app.get_parent() == nullptr) {
    const auto taken = app.get_subcommands();  // "buildx inspect": the second word is a command of ours
    if (words.size() < 2 && taken.empty()) return cat(words.front(), " alone is no command");
    const std::string second = words.size() < 2 ? taken.front()->get_name() : words[1];
    return cat("unknown command: ", words.front(), " ", second, nearest(second, known));
  }
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    known.push_back(command->get_name());
  }
  return cat("unknown command: ", words.front(), nearest(words.front(), known));
}

// What of the command line is nobody's; nullopt where it is CLI11's to say what is wrong.
std::optional<std::string> unknown(const CLI::App& app, const std::vector<std::string>& left) {
  const auto flag = std::find_if(left.begin(), left.end(), [](const std::string& word) {
    return word.size() > 1 && word.front() == '-';
  });
  if (flag != left.end()) return unknown_flag(app, *flag);
  const bool has_commands = !app.get_subcommands([](const CLI::App*) { return true; }).empty();
  if (!left.empty() && has_commands) return unknown_command(app, left);
  return std::nullopt;
}

}  // namespace

Spelled in_our_words(std::vector<std::string> words) {
  if (words.size() < 2) return {std::move(words), ""};
  const auto found = std::find_if(spellings().begin(), spellings().end(), [&](const Spelling& each) {
    return each.group == words[0] && each.word == words[1];
  });
  if (found == spellings().end()) return {std::move(words), ""};
  std::string notice = cat(found->group, " ", found->word, " is ", joined(found->ours));
  std::vector<std::string> ours = found->ours;
  ours.insert(ours.end(), std::make_move_iterator(words.begin() + 2), std::make_move_iterator(words.end()));
  return {std::move(ours), std::move(notice)};
}

std::vector<std::string> with_empty_values(const CLI::App& app, const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (const std::string& word : words) {
    const bool has_empty_value = word.starts_with("--") && word.find('=') == word.size() - 1;
    const std::string flag = word.substr(0, word.size() - 1);
    if (has_empty_value && takes_value(app, flag)) {
      out.push_back(flag);
      out.emplace_back();
    } else {
      out.push_back(word);
    }
  }
  return out;
}

void take_equals_sign(CLI::Option* option) {
  option->transform([](const std::string& value) { return value.starts_with('=') ? value.substr(1) : value; }, "");
}

std::string usage_message(const CLI::App& app, const CLI::ParseError& error) {
  std::string command = app.get_name();
  const CLI::App* level = &app;
  auto said = unknown(*level, level->remaining());
  while (!said && !level->get_subcommands().empty()) {
    level = level->get_subcommands().front();
    command += " " + level->get_name();
    said = unknown(*level, level->remaining());
  }
  return cat(said ? *said : error.what(), "\nRun `", command, " --help` for more.");
}

}  // namespace cooper::cmd
