// What people type: docker's spellings of our commands, and the nearest of our words for what is none.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
class ParseError;
}  // namespace CLI

namespace cooper::cmd {

// "image rm -f x" becomes "rmi -f x"; what is no such spelling stays. `notice`: a line that tells, or "".
struct Spelled {
  std::vector<std::string> words;
  std::string notice;
};
Spelled in_our_words(std::vector<std::string> words);

// "--target=" becomes "--target" and "", as docker has it: to CLI11 it has no value yet, and takes the next word. A switch
// needs none.
std::vector<std::string> with_empty_values(const CLI::App& app, const std::vector<std::string>& words);

// "-t=x" means x, as docker has it: CLI11 would leave the "=" in the value.
void take_equals_sign(CLI::Option* option);

// What is wrong with a command line that CLI11 refused: "unknown flag: --tga (did you mean --tag?)", and where the help is.
std::string usage_message(const CLI::App& app, const CLI::ParseError& error);

}  // namespace cooper::cmd
