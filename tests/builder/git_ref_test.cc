#include "builder/sources/git_ref.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace cooper::builder {
namespace {

// "remote|ref|subdir", or "" when it is no git source.
std::string parsed(const std::string& text) {
  const auto ref = parse_git_ref(text);
  if (!ref) return "";
  return ref->source.remote + "|" + ref->source.ref + "|" + ref->source.subdir;
}

TEST(GitRef, ADD_16_ADD_17_CTX_06_forms) {
  struct Row {
    const char* written;
    const char* expected;
  };
  const Row table[] = {
      {"git@github.com:a/b.git", "git@github.com:a/b.git||"},
      {"git@github.com:a/b#main:sub/dir", "git@github.com:a/b|main|sub/dir"},
      {"me@host-1:path", "me@host-1:path||"},
      {"ssh://git@host:22/a/b", "ssh://git@host:22/a/b||"},
      {"git://host/a", "git://host/a||"},
      {"https://host/a.git", "https://host/a.git||"},
      {"https://u:p@host/a.git#v1", "https://u:p@host/a.git|v1|"},
      {"http://host/a%2egit", "http://host/a%2egit||"},
      {"https://host/a.git#:sub", "https://host/a.git||sub"},
      {"https://host/a.git#r:/../x/./y/", "https://host/a.git|r|x/y"},
      {"https://host/a.git#refs/heads/x%3Ay", "https://host/a.git|refs/heads/x|y"},
      {"https://host/a.git?ref=r&subdir=s", "https://host/a.git|r|s"},
      {"https://host/a.git?tag=v1", "https://host/a.git|refs/tags/v1|"},
      {"https://host/a.git?branch=refs/heads/b#:s", "https://host/a.git|refs/heads/b|s"},
      {"github.com/a/b", "https://github.com/a/b||"},
      {"github.com/a/b.git#r:s", "https://github.com/a/b.git|r|s"},
      {"https://host/a", ""},
      {"https://host/a.tar.git.gz", ""},
      {"https://host/a?x.git", ""},
      {"HTTPS://host/a.git", "HTTPS://host/a.git||"},
      {"ftp://host/a.git", ""},
      {"file:///a.git", ""},
      {"./git@host:a", ""},
      {"../a.git", ""},
      {"a.git", ""},
      {"dir/file", ""},
      {"a b@host:p", ""},
      {"@host:p", ""},
      {"x@:p", ""},
  };
  for (const Row& row : table) EXPECT_EQ(parsed(row.written), row.expected) << row.written;
  EXPECT_TRUE(parse_git_ref("github.com/a/b")->looks_local);
  EXPECT_FALSE(parse_git_ref("https://github.com/a/b.git")->looks_local);
}

TEST(GitRef, ADD_18_queries) {
  const GitRef all = *parse_git_ref(
      "https://host/a.git?commit=abc&keep-git-dir&submodules=0&fetch-by-commit=true&mtime=commit");
  EXPECT_EQ(all.source.checksum, "abc");
  EXPECT_EQ(all.keep_git_dir, true);
  EXPECT_TRUE(all.source.keep_git_dir);
  EXPECT_FALSE(all.source.submodules);
  EXPECT_TRUE(all.source.fetch_by_commit);
  EXPECT_TRUE(all.source.commit_times);
  const GitRef none = *parse_git_ref("git@host:a?checksum=abc");
  EXPECT_EQ(none.source.checksum, "abc");
  EXPECT_EQ(none.keep_git_dir, std::nullopt);
  EXPECT_TRUE(none.source.submodules);
  EXPECT_FALSE(parse_git_ref("https://host/a.git?keep-git-dir=false")->source.keep_git_dir);
}

TEST(GitRef, ADD_18_ADD_19_refusals) {
  struct Row {
    const char* query;
    const char* message;
  };
  const Row table[] = {
      {"?x=1", "unexpected query \"x\""},
      {"?ref=a&ref=b", "query \"ref\" has multiple values"},
      {"?ref=", "query \"ref\" has no value"},
      {"?tag", "query \"tag\" has no value"},
      {"?ref=a#b", "ref conflicts: \"b\" vs \"a\""},
      {"?tag=a#b", "ref conflicts: \"b\" vs \"refs/tags/a\""},
      {"?subdir=a#:b", "subdir conflicts: \"b\" vs \"a\""},
      {"?tag=a&branch=b", "branch conflicts with tag"},
      {"?keep-git-dir=maybe", "invalid keep-git-dir value: \"maybe\""},
      {"?mtime=now", "invalid mtime value: \"now\""},
      {"#-x", "invalid git ref \"-x\""},
  };
  for (const Row& row : table) {
    try {
      parse_git_ref(std::string("https://host/a.git") + row.query);
      ADD_FAILURE() << row.query << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::invalid);
      EXPECT_EQ(std::string(error.what()).substr(0, std::string(row.message).size()), row.message);
    }
  }
}

TEST(GitRef, SEC_06_nothing_shown_has_a_login) {
  EXPECT_EQ(without_credentials("https://u:p@host/a?x=@"), "https://xxxxx:xxxxx@host/a?x=@");
  EXPECT_EQ(without_credentials("https://token@host/a"), "https://xxxxx@host/a");
  EXPECT_EQ(without_credentials("https://u:p@w@host/a"), "https://xxxxx:xxxxx@host/a");
  EXPECT_EQ(without_credentials("https://host/a@b"), "https://host/a@b");
  EXPECT_EQ(without_credentials("ssh://git@host/a"), "ssh://git@host/a");
  EXPECT_EQ(without_credentials("ssh://git:p@host/a"), "ssh://xxxxx:xxxxx@host/a");
  EXPECT_EQ(without_credentials("git@host:a"), "git@host:a");
  EXPECT_EQ(without_credentials("dir/file"), "dir/file");
  EXPECT_EQ(shown(HttpSource{"https://u:p@host/a?signature=s#f", {}}), "https://xxxxx:xxxxx@host/a");
  GitSource git;
  git.remote = "https://u:p@host/a.git";
  git.subdir = "s";
  EXPECT_EQ(shown(git), "https://xxxxx:xxxxx@host/a.git#:s");
}

TEST(GitRef, commits) {
  EXPECT_TRUE(is_commit(std::string(40, 'a')));
  EXPECT_TRUE(is_commit(std::string(64, '0')));
  EXPECT_FALSE(is_commit(std::string(40, 'A')));
  EXPECT_FALSE(is_commit(std::string(39, 'a')));
  EXPECT_FALSE(is_commit("main"));
}

}  // namespace
}  // namespace cooper::builder
