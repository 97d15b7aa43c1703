#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/builder/git_server.h"
#include "tests/builder/source_fixture.h"

namespace cooper::builder {
namespace {

class GitSources : public SourceTest {
 protected:
  GitSource source(const std::string& repository = "r") {
    GitSource made;
    made.remote = server_.url(repository);
    return made;
  }
  GitSource at(const std::string& ref) {
    GitSource made = source();
    made.ref = ref;
    return made;
  }
  // "a b/ b/c": everything of it.
  std::string names(const PlannedLayer& layer) {
    std::string text;
    const auto files = tree(layer);
    class All : public layers::WalkGuide {
     public:
      layers::WalkChoice choose(const TreePath&, bool) const override { return {}; }
    };
    for (const layers::Entry& entry : files->walk(TreePath(), All()).entries) {
      text += (text.empty() ? "" : " ") + entry.path.str();
      if (entry.type == layers::EntryType::directory) text += "/";
    }
    return text;
  }
  // As `git submodule add` would, wherever the url leads.
  void add_submodule(const std::string& repository, const std::string& path, const std::string& url,
                     const std::string& from) {
    server_.put(repository, ".gitmodules", "[submodule \"" + path + "\"]\n\tpath = " + path + "\n\turl = " + url + "\n");
    server_.git(repository, {"add", "-A"});
    server_.git(repository, {"update-index", "--add", "--cacheinfo",
                             "160000," + server_.git(from, {"rev-parse", "HEAD"}) + "," + path});
    server_.git(repository, {"commit", "-q", "-m", "submodule"});
  }
  layers::Entry entry(const PlannedLayer& layer, const std::string& path) {
    return tree(layer)->find(TreePath::clean(path)).value();
  }

  GitServer server_;
};

TEST_F(GitSources, ADD_17_ADD_22_the_default_branch_without_its_git_directory) {
  server_.put("r", "f", "1");
  server_.put("r", "d/x", "2");
  ::chmod((server_.git("r", {"rev-parse", "--show-toplevel"}) + "/d/x").c_str(), 0700);
  server_.commit("r");
  const mode_t before = ::umask(077);
  const PlannedLayer layer = get(source());
  ::umask(before);
  EXPECT_EQ(names(layer), "d/ d/x f");
  EXPECT_EQ(text(layer, "f"), "1");
  EXPECT_EQ(entry(layer, "f").mode, 0644U);
  EXPECT_EQ(entry(layer, "d/x").mode, 0755U);
  EXPECT_EQ(entry(layer, "d").mode, 0755U);
  EXPECT_EQ(entry(layer, "f").mtime.seconds, 1'700'000'000);
  EXPECT_EQ(tree(layer)->find(TreePath())->mtime.seconds, 1'700'000'000);
  EXPECT_EQ(entry(layer, "f").uid, 0U);
}

TEST_F(GitSources, ADD_17_branches_tags_refs_and_commits) {
  server_.put("r", "f", "old");
  const std::string old = server_.commit("r");
  server_.git("r", {"tag", "light"});
  server_.git("r", {"tag", "-a", "-m", "t", "noted"});
  server_.git("r", {"branch", "side/way"});
  server_.put("r", "f", "new");
  server_.commit("r");
  for (const std::string& ref : {std::string("light"), std::string("noted"), std::string("side/way"),
                                 std::string("refs/heads/side/way"), std::string("refs/tags/noted"), old}) {
    EXPECT_EQ(text(get(at(ref)), "f"), "old") << ref;
  }
  EXPECT_EQ(text(get(at("main")), "f"), "new");
  EXPECT_HAS(failure(at("way")).message, "repository does not contain ref way");
  EXPECT_EQ(failure(at("way")).code, Errc::not_found);
}

TEST_F(GitSources, ADD_19_a_branch_comes_before_a_tag_of_its_name) {
  server_.put("r", "f", "tag");
  server_.commit("r");
  server_.git("r", {"tag", "x"});
  server_.put("r", "f", "branch");
  server_.commit("r");
  server_.git("r", {"branch", "x"});
  EXPECT_EQ(text(get(at("x")), "f"), "branch");
  EXPECT_EQ(text(get(at("refs/tags/x")), "f"), "tag");
}

TEST_F(GitSources, ADD_23_a_commit_is_fetched_once_and_names_are_asked_again) {
  server_.put("r", "f", "1");
  const std::string commit = server_.commit("r");
  const PlannedLayer first = get(source());
  EXPECT_FALSE(found_);
  EXPECT_EQ(get(source()), first);
  EXPECT_TRUE(found_);
  const std::size_t asked = server_.requests();
  EXPECT_EQ(get(at(commit)), first);
  EXPECT_TRUE(found_);
  EXPECT_EQ(server_.requests(), asked);  // its name says it all
  server_.put("r", "f", "2");
  server_.commit("r");
  EXPECT_EQ(text(get(source()), "f"), "2");
  EXPECT_FALSE(found_);
}

TEST_F(GitSources, ADD_17_subdirectories) {
  server_.put("r", "d/e/x", "1");
  server_.put("r", "f", "2");
  server_.git("r", {"status"});
  const std::string top = server_.git("r", {"rev-parse", "--show-toplevel"});
  ASSERT_EQ(::symlink("/", (top + "/out").c_str()), 0);
  server_.commit("r");
  GitSource sub = source();
  sub.subdir = "d/e";
  EXPECT_EQ(names(get(sub)), "x");
  sub.subdir = "d/none";
  EXPECT_HAS(failure(sub).message, "invalid subdir d/none");
  for (const char* link : {"out", "out/etc"}) {  // SEC-07
    sub.subdir = link;
    EXPECT_HAS(failure(sub).message, "contains non-directory \"out\"");
  }
  sub.subdir = "f";
  EXPECT_HAS(failure(sub).message, "contains non-directory \"f\"");
}

TEST_F(GitSources, SEC_07_links_stay_links) {
  server_.put("r", "f", "1");
  const std::string top = server_.git("r", {"rev-parse", "--show-toplevel"});
  ASSERT_EQ(::symlink("/etc/passwd", (top + "/link").c_str()), 0);
  server_.commit("r");
  const PlannedLayer layer = get(source());
  EXPECT_EQ(entry(layer, "link").type, layers::EntryType::symlink);
  EXPECT_EQ(entry(layer, "link").link_target, "/etc/passwd");
}

TEST_F(GitSources, ADD_20_checksums) {
  server_.put("r", "f", "1");
  const std::string commit = server_.commit("r");
  server_.git("r", {"tag", "-a", "-m", "t", "noted"});
  const std::string tag = server_.git("r", {"rev-parse", "noted"});
  for (const std::string& good : {commit, commit.substr(0, 7), tag.substr(0, 9)}) {
    GitSource checked = at("noted");
    checked.checksum = good;
    EXPECT_EQ(text(get(checked), "f"), "1") << good;
  }
  GitSource wrong = at("main");
  wrong.checksum = std::string(40, '0');
  EXPECT_HAS(failure(wrong).message, "expected checksum to match " + wrong.checksum + ", got " + commit);
  wrong.checksum = "xyz";
  EXPECT_HAS(failure(wrong).message, "invalid checksum xyz");
  GitSource by_name = at(commit);
  by_name.checksum = "0";
  EXPECT_HAS(failure(by_name).message, "expected checksum to match 0");
}

TEST_F(GitSources, ADD_21_keep_git_dir) {
  server_.put("inner", "deep", "3");
  server_.commit("inner");
  server_.put("r", "f", "1");
  add_submodule("r", "mod", "../../inner/.git", "inner");
  const std::string commit = server_.git("r", {"rev-parse", "HEAD"});
  GitSource kept = at("main");
  kept.remote.replace(kept.remote.find("://") + 3, 0, "me:secret@");
  kept.keep_git_dir = true;
  const PlannedLayer layer = get(kept);
  EXPECT_HAS(*text(layer, ".git/config"), "xxxxx:xxxxx@");
  EXPECT_EQ(text(layer, ".git/config")->find("secret"), std::string::npos);
  EXPECT_EQ(text(layer, ".git/modules/mod/config")->find("secret"), std::string::npos);
  EXPECT_EQ(text(layer, "mod/deep"), "3");
  EXPECT_EQ(text(layer, ".git/HEAD"), commit + "\n");
  EXPECT_EQ(text(layer, ".git/refs/heads/main"), commit + "\n");
  EXPECT_EQ(text(layer, ".git/FETCH_HEAD"), std::nullopt);
  EXPECT_EQ(names(layer).find("hooks"), std::string::npos);
  EXPECT_EQ(text(layer, "f"), "1");
  EXPECT_NE(get(at("main")), layer);
}

TEST_F(GitSources, ADD_22_submodules) {
  server_.put("inner", "deep", "3");
  server_.commit("inner");
  server_.put("sub", "s", "2");
  add_submodule("sub", "in", "../../inner/.git", "inner");
  server_.put("r", "f", "1");
  add_submodule("r", "mod", server_.url("sub"), "sub");
  const PlannedLayer layer = get(source());
  EXPECT_EQ(text(layer, "mod/s"), "2");
  EXPECT_EQ(text(layer, "mod/in/deep"), "3");
  EXPECT_EQ(text(layer, "mod/.git"), std::nullopt);
  GitSource bare = source();
  bare.submodules = false;
  const PlannedLayer without = get(bare);
  EXPECT_EQ(text(without, "mod/s"), std::nullopt);
  EXPECT_EQ(entry(without, "mod").type, layers::EntryType::directory);
}

TEST_F(GitSources, SEC_07_a_submodule_never_reads_the_host) {
  server_.put("host", "secret", "1");
  server_.commit("host");
  const std::string host = server_.git("host", {"rev-parse", "--show-toplevel"});
  server_.put("r", "f", "1");
  server_.commit("r");
  for (const std::string& where : {"file://" + host, host}) {
    add_submodule("r", "m", where, "host");
    const auto refused = failure(source());
    EXPECT_EQ(refused.code, Errc::network) << where;
    EXPECT_HAS(refused.message, "not allowed");
  }
}

TEST_F(GitSources, SEC_07_hooks_and_configuration_of_the_host_do_not_run) {
  server_.put("r", ".gitattributes", "* filter=evil\n");
  server_.put("r", "f", "1");
  server_.commit("r");
  const fs::path mark = path("mark");
  write_file(path("home/.gitconfig"), "[filter \"evil\"]\n\tsmudge = touch " + mark.string() + "\n");
  const char* home = ::getenv("HOME");
  ::setenv("HOME", path("home").c_str(), 1);
  EXPECT_EQ(text(get(source()), "f"), "1");
  if (home != nullptr) ::setenv("HOME", home, 1);
  EXPECT_FALSE(fs::exists(mark));
}

TEST_F(GitSources, ADD_22_servers_that_cannot_do_shallow) {
  server_.put("r", "f", "old");
  const std::string old = server_.commit("r");
  server_.put("r", "f", "new");
  server_.commit("r");
  server_.set_dumb(true);
  EXPECT_EQ(text(get(source()), "f"), "new");
  EXPECT_EQ(text(get(at(old)), "f"), "old");
}

TEST_F(GitSources, ADD_18_fetch_by_commit) {
  server_.put("r", "f", "1");
  const std::string commit = server_.commit("r");
  server_.put("r", "f", "2");
  server_.commit("r");
  GitSource pinned = at("main");
  pinned.fetch_by_commit = true;
  EXPECT_HAS(failure(pinned).message, "fetch-by-commit requires a checksum");
  pinned.checksum = "abc";
  EXPECT_HAS(failure(pinned).message, "full commit SHA checksum, got \"abc\"");
  pinned.checksum = commit;
  pinned.keep_git_dir = true;
  const PlannedLayer layer = get(pinned);
  EXPECT_EQ(text(layer, "f"), "1");
  EXPECT_EQ(text(layer, ".git/refs/heads/main"), commit + "\n");
}

TEST_F(GitSources, ADD_25_times) {
  server_.put("r", "f", "1");
  server_.commit("r");
  GitSource timed = source();
  timed.commit_times = true;
  EXPECT_EQ(entry(get(timed), "f").mtime.seconds, 1'500'000'001);
  epoch_ = 5;
  EXPECT_EQ(entry(get(source()), "f").mtime.seconds, 5);
}

TEST_F(GitSources, ADD_24_logins) {
  server_.put("r", "f", "1");
  server_.commit("r");
  server_.set_login("basic eC1hY2Nlc3MtdG9rZW46dG9r");  // x-access-token:tok
  const auto refused = failure(source());
  EXPECT_EQ(refused.code, Errc::network);
  secrets_["GIT_AUTH_TOKEN"] = "tok\n";
  EXPECT_EQ(text(get(source()), "f"), "1");
  server_.put("r", "f", "2");
  server_.commit("r");
  const std::string remote = server_.url("r");
  const std::string host = remote.substr(7, remote.find('/', 7) - 7);
  secrets_["GIT_AUTH_TOKEN"] = "other";
  secrets_["GIT_AUTH_HEADER." + host] = "basic eC1hY2Nlc3MtdG9rZW46dG9r";
  EXPECT_EQ(text(get(source()), "f"), "2");
}

TEST_F(GitSources, ADD_24_ssh_needs_an_agent) {
  GitSource ssh;
  ssh.remote = "git@127.0.0.1:a/b";
  const auto refused = failure(ssh);
  EXPECT_HAS(refused.message, "no SSH key \"default\" forwarded from the client");
}

TEST_F(GitSources, SEC_06_failures_hide_logins) {
  GitSource gone = source("gone");
  gone.remote.replace(gone.remote.find("://") + 3, 0, "me:secret@");
  const auto failed = failure(gone);
  EXPECT_EQ(failed.code, Errc::network);
  EXPECT_EQ(failed.message.find("secret"), std::string::npos) << failed.message;
  for (const std::string& line : progress_.activities()) EXPECT_EQ(line.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace cooper::builder
