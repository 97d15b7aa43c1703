#include "cmd/spelling.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>

namespace cooper::cmd {
namespace {

using Words = std::vector<std::string>;

TEST(Spelling, of_docker_becomes_ours) {
  struct Row {
    Words typed;
    Words ours;
  };
  const Row table[] = {
      {{"buildx", "build", "-t", "a", "."}, {"build", "-t", "a", "."}},
      {{"buildx", "du", "--verbose"}, {"store", "du", "--verbose"}},
      {{"builder", "prune", "-af"}, {"prune", "--keep-names", "-af"}},
      {{"buildx", "prune"}, {"prune", "--keep-names"}},
      {{"image", "ls", "-q"}, {"images", "-q"}},
      {{"image", "list"}, {"images"}},
      {{"image", "rm", "-f", "a"}, {"rmi", "-f", "a"}},
      {{"image", "remove", "a"}, {"rmi", "a"}},
      {{"system", "df", "-v"}, {"store", "du", "-v"}},
      {{"system", "prune", "-f"}, {"prune", "-f"}},
  };
  for (const Row& row : table) {
    const Spelled spelled = in_our_words(row.typed);
    EXPECT_EQ(spelled.words, row.ours) << row.typed[0] << " " << row.typed[1];
    EXPECT_TRUE(
        spelled.notice.starts_with(row.typed[0] + " " + row.typed[1] + " is " + row.ours[0]))
        << spelled.notice;
  }
  for (const std::string same : {"tag", "save", "load", "push", "pull", "inspect", "build"}) {
    EXPECT_EQ(in_our_words({"image", same, "x"}).words, (Words{same, "x"}));
  }
}

TEST(Spelling, a_short_flag_takes_its_value_after_an_equals_sign) {
  CLI::App app{"", "cooper"};
  Words tags;
  Words labels;
  take_equals_sign(app.add_option("-t,--tag", tags)->take_all());
  app.add_option("--label", labels)->take_all();
  Words typed = {"-t=a:1", "-t", "b", "-tc", "--tag=d", "--label", "x==y"};
  std::reverse(typed.begin(), typed.end());
  app.parse(typed);
  EXPECT_EQ(tags, (Words{"a:1", "b", "c", "d"}));
  EXPECT_EQ(labels, (Words{"x==y"}));
}

TEST(Spelling, FROM_10_an_empty_value_after_an_equals_sign_takes_no_other_word) {
  CLI::App app{"", "cooper"};
  CLI::App* build = app.add_subcommand("build", "");
  std::string target = "t";
  bool no_cache = false;
  std::string context;
  build->add_option("--target", target);
  build->add_flag("--no-cache", no_cache);
  build->add_option("context", context);
  const Words typed = {"build", "--target=", "--no-cache", "c"};
  Words words = with_empty_values(app, typed);
  EXPECT_EQ(words, (Words{"build", "--target", "", "--no-cache", "c"}));
  std::reverse(words.begin(), words.end());
  app.parse(words);
  EXPECT_EQ(target, "");
  EXPECT_TRUE(no_cache);
  EXPECT_EQ(context, "c");
  for (const char* same : {"--target=x=", "--no-cache=", "--nobodys=", "target=", "--=", "-t="}) {
    EXPECT_EQ(with_empty_values(app, {same}), Words{same});
  }
}

TEST(Spelling, what_is_ours_or_nobodys_stays) {
  for (const Words& words :
       {Words{}, Words{"image"}, Words{"image", "lss"}, Words{"image", "prune"},
        Words{"build", "image"}, Words{"images", "ls"}}) {
    EXPECT_EQ(in_our_words(words).words, words);
    EXPECT_EQ(in_our_words(words).notice, "");
  }
}

// What is said of a refused command line, in its first line.
std::string refusal(Words words) {
  CLI::App app{"", "cooper"};
  app.require_subcommand(1);
  std::string value;
  std::string name;
  CLI::App* build = app.add_subcommand("build", "");
  build->add_option("-t,--tag", value);
  build->add_option("context", name)->required();
  app.add_subcommand("push", "");
  app.add_subcommand("rmi", "");
  app.add_subcommand("store", "")->require_subcommand(1)->add_subcommand("verify", "");
  std::reverse(words.begin(), words.end());
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    const std::string said = usage_message(app, error);
    return said.substr(0, said.find('\n'));
  }
  return "";
}

TEST(Spelling, ERR_05_the_nearest_word_is_suggested) {
  EXPECT_EQ(refusal({"build", "."}), "");
  EXPECT_EQ(refusal({"biuld", "."}), "unknown command: biuld (did you mean build?)");
  EXPECT_EQ(refusal({"psuh"}), "unknown command: psuh (did you mean push?)");
  EXPECT_EQ(refusal({"run", "x"}), "unknown command: run");  // rmi is as far as it is long
  EXPECT_EQ(refusal({"image", "lss"}), "unknown command: image lss (did you mean ls?)");
  EXPECT_EQ(refusal({"image"}), "image alone is no command");
  EXPECT_EQ(refusal({"builder", "push"}), "unknown command: builder push");
  EXPECT_EQ(refusal({"store", "verfy"}), "unknown command: verfy (did you mean verify?)");
  EXPECT_EQ(refusal({"build", "--tga=x", "."}), "unknown flag: --tga (did you mean --tag?)");
  EXPECT_EQ(refusal({"build", "--tga"}),
            "unknown flag: --tga (did you mean --tag?)");  // before the missing context
  EXPECT_EQ(refusal({"build", "--far-off", "."}), "unknown flag: --far-off");
  EXPECT_EQ(refusal({"build", "-x", "."}), "unknown flag: -x");
  EXPECT_EQ(refusal({"build"}), "context is required");
}

TEST(Spelling, the_help_of_the_command_is_named) {
  CLI::App app{"", "cooper"};
  app.add_subcommand("push", "");
  try {
    app.parse(Words{"--no", "push"});
    FAIL() << "accepted";
  } catch (const CLI::ParseError& error) {
    EXPECT_TRUE(usage_message(app, error).ends_with("\nRun `cooper push --help` for more."));
  }
}

}  // namespace
}  // namespace cooper::cmd
