#include "cmd/build_inputs.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "base/temp_dir.h"
#include "layers/copy.h"

namespace cooper::cmd {
namespace {

namespace fs = std::filesystem;
using Args = std::map<std::string, std::string>;

class Inputs : public ::testing::Test {
 protected:
  void SetUp() override {
    ::unsetenv("SOURCE_DATE_EPOCH");
    ::unsetenv("DOCKER_DEFAULT_PLATFORM");
    flags_.context = home_.host_path();
  }
  void TearDown() override { SetUp(); }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(fs::path(home_.host_path()) / name) << text;
  }

  TempDir home_ = TempDir::in_host_tmp("cooper-inputs-test-");
  BuildFlags flags_;
};

TEST_F(Inputs, ARG_14_a_bare_build_arg_takes_the_environment) {
  ::setenv("COOPER_TEST_ARG", "e", 1);
  ::unsetenv("COOPER_TEST_UNSET");
  flags_.build_args = {"a=1", "b=", "c=x=y", "COOPER_TEST_ARG", "COOPER_TEST_UNSET", "a=2"};
  EXPECT_EQ(read_build_inputs(flags_).plan.build_args,
            (Args{{"COOPER_TEST_ARG", "e"}, {"a", "2"}, {"b", ""}, {"c", "x=y"}}));
  ::unsetenv("COOPER_TEST_ARG");
}

TEST_F(Inputs, REPRO_01_the_environments_epoch_is_a_build_arg) {
  EXPECT_FALSE(read_build_inputs(flags_).plan.build_args.contains("SOURCE_DATE_EPOCH"));
  ::setenv("SOURCE_DATE_EPOCH", "5", 1);
  EXPECT_EQ(read_build_inputs(flags_).plan.build_args.at("SOURCE_DATE_EPOCH"), "5");
  flags_.build_args = {"SOURCE_DATE_EPOCH=6"};
  EXPECT_EQ(read_build_inputs(flags_).plan.build_args.at("SOURCE_DATE_EPOCH"), "6");
}

TEST_F(Inputs, PLAT_04_PLAT_06_platforms) {
  EXPECT_EQ(read_build_inputs(flags_).plan.target_platform, oci::host_platform());
  EXPECT_FALSE(read_build_inputs(flags_).plan.platform_given);
  ::setenv("DOCKER_DEFAULT_PLATFORM", "linux/s390x", 1);
  EXPECT_EQ(read_build_inputs(flags_).plan.target_platform.str(), "linux/s390x");
  flags_.platforms = {"linux/aarch64"};
  EXPECT_EQ(read_build_inputs(flags_).plan.target_platform.str(), "linux/arm64");
  EXPECT_EQ(read_build_inputs(flags_).plan.build_platform, oci::host_platform());
  EXPECT_TRUE(read_build_inputs(flags_).plan.platform_given);
}

TEST_F(Inputs, PLAT_05_several_platforms_each_once_in_order) {
  flags_.platforms = {"linux/arm64,amd64", "linux/aarch64"};
  const auto plan = read_build_inputs(flags_).plan;
  ASSERT_EQ(plan.platforms.size(), 2U);
  EXPECT_EQ(plan.platforms[0].str() + " " + plan.platforms[1].str(), "linux/arm64 linux/amd64");
  EXPECT_EQ(plan.target_platform, plan.platforms[0]);
}

TEST_F(Inputs, lists_of_flags) {
  flags_.labels = {"a=1=2", "bare"};
  flags_.no_cache_filters = {"a,b", "c"};
  flags_.shm_size = "1m";
  flags_.annotations = {"k=v"};
  const BuildInputs inputs = read_build_inputs(flags_);
  EXPECT_EQ(inputs.plan.labels, (Args{{"a", "1=2"}, {"bare", ""}}));
  EXPECT_EQ(inputs.plan.no_cache_stages, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(inputs.plan.shm_bytes, 1U << 20);
  ASSERT_EQ(inputs.annotations.size(), 1U);
  EXPECT_EQ(inputs.annotations[0].key + "=" + inputs.annotations[0].value, "k=v");
}

TEST_F(Inputs, pull_policies) {
  EXPECT_EQ(read_build_inputs(flags_).pull, builder::PullPolicy::registry_first);
  flags_.pull = true;
  EXPECT_EQ(read_build_inputs(flags_).pull, builder::PullPolicy::registry_only);
  flags_.pull = false;
  EXPECT_EQ(read_build_inputs(flags_).pull, builder::PullPolicy::local_first);
}

TEST_F(Inputs, OUT_01_names_become_an_image_output) {
  EXPECT_TRUE(read_build_inputs(flags_).results.at(0).outputs.empty());
  flags_.tags = {"app"};
  EXPECT_EQ(read_build_inputs(flags_).results.at(0).outputs.size(), 1U);
  flags_.outputs = {"type=oci,dest=x.tar"};
  const BuildInputs inputs = read_build_inputs(flags_);
  ASSERT_EQ(inputs.results.at(0).outputs.size(), 2U);
  EXPECT_EQ(inputs.results.at(0).outputs[0].names.at(0).str(), "docker.io/library/app:latest");
  flags_.push = true;
  EXPECT_TRUE(read_build_inputs(flags_).results.at(0).outputs.back().push);
}

TEST_F(Inputs, OUT_03_dockers_own_output_is_the_store) {
  flags_.outputs = {"type=docker"};
  EXPECT_TRUE(read_build_inputs(flags_).results.at(0).outputs.at(0).to_stdout);
  flags_.tags = {"app"};
  const auto outputs = read_build_inputs(flags_).results.at(0).outputs;
  ASSERT_EQ(outputs.size(), 1U);
  EXPECT_EQ(outputs[0].kind, builder::Output::Kind::image);
  EXPECT_FALSE(outputs[0].to_stdout || outputs[0].push);
  flags_.outputs = {"type=docker,dest=-"};
  EXPECT_TRUE(read_build_inputs(flags_).results.at(0).outputs.at(0).to_stdout);
}

TEST_F(Inputs, cacheonly_exports_nothing) {
  flags_.tags = {"app"};
  flags_.outputs = {"type=cacheonly"};
  EXPECT_TRUE(read_build_inputs(flags_).results.at(0).outputs.empty());
}

struct Refusal {
  const char* name;
  void (*apply)(BuildFlags&);
  Errc code;
  const char* part;
};

TEST_F(Inputs, refused_before_any_work) {
  const Refusal table[] = {
      {"SEC_04", [](BuildFlags& f) { f.allow = {"everything"}; }, Errc::invalid,
       "unknown entitlement \"everything\""},
      {"RUN_17", [](BuildFlags& f) { f.network = "bridge"; }, Errc::invalid,
       "invalid network mode \"bridge\""},
      {"OUT_14",
       [](BuildFlags& f) {
         f.platforms = {"linux/amd64,linux/arm64"};
         f.outputs = {"type=docker,dest=x.tar"};
       },
       Errc::unsupported, "docker exporter does not currently support exporting manifest lists"},
      {"FROM_16", [](BuildFlags& f) { f.platforms = {"a/b/c/d/e"}; }, Errc::invalid,
       "failed to parse platform"},
      {"CALL_06", [](BuildFlags& f) { f.call = "outlines"; }, Errc::invalid, "unknown call"},
      {"secret", [](BuildFlags& f) { f.refused = {"--secret"}; }, Errc::unsupported,
       "--secret is not supported yet"},
      {"isolation", [](BuildFlags& f) { f.isolation = "vm"; }, Errc::unsupported, "--isolation=vm"},
      {"CTX_05", [](BuildFlags& f) { f.context = f.file = "-"; }, Errc::invalid,
       "can't use stdin for both build context and dockerfile"},
      {"CTX_06", [](BuildFlags& f) { f.context = "https://x.org/a.git?x=1"; }, Errc::invalid,
       "unexpected query \"x\""},
      {"no context", [](BuildFlags& f) { f.context += "/no"; }, Errc::invalid, "not found"},
      {"no directory", [](BuildFlags& f) { f.context = "/dev/null"; }, Errc::invalid, "is not a directory"},
      {"CTX_08", [](BuildFlags& f) { f.build_contexts = {"a=ftp://x"}; }, Errc::invalid,
       "unsupported context source ftp for a"},
      {"CTX_08 name", [](BuildFlags& f) { f.build_contexts = {"A=."}; }, Errc::invalid,
       "invalid context name A"},
      {"CTX_08 no value", [](BuildFlags& f) { f.build_contexts = {"a"}; }, Errc::invalid,
       "key=value"},
      {"push", [](BuildFlags& f) { f.push = true; }, Errc::invalid, "--push needs a name"},
      {"image", [](BuildFlags& f) { f.outputs = {"type=image"}; }, Errc::invalid, "needs a name"},
      {"tag", [](BuildFlags& f) { f.tags = {"UPPER"}; }, Errc::invalid, "invalid reference format"},
  };
  for (const Refusal& row : table) {
    BuildFlags changed = flags_;
    row.apply(changed);
    try {
      read_build_inputs(changed);
      ADD_FAILURE() << row.name << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), row.code) << row.name;
      EXPECT_NE(std::string(error.what()).find(row.part), std::string::npos)
          << row.name << ": " << error.what();
    }
  }
}

TEST_F(Inputs, CTX_05_CTX_06_CTX_07_what_a_context_is) {
  const auto context = [&](const std::string& text, std::map<std::string, std::string> args = {}) {
    flags_.context = text;
    return read_main_context(flags_, args);
  };
  EXPECT_EQ(context(home_.host_path()).directory, fs::path(home_.host_path()));
  EXPECT_TRUE(context("-").standard_input);
  EXPECT_EQ(std::get<builder::HttpSource>(*context("https://x.org/c.tar").remote).url,
            "https://x.org/c.tar");
  const auto git = [&](const std::string& text, std::map<std::string, std::string> args = {}) {
    return std::get<builder::GitSource>(*context(text, std::move(args)).remote);
  };
  EXPECT_EQ(git("github.com/a/b#v1:d").remote, "https://github.com/a/b");
  EXPECT_EQ(git("github.com/a/b#v1:d").subdir, "d");
  EXPECT_FALSE(git("git@x:a").keep_git_dir);
  EXPECT_TRUE(git("git@x:a", {{"BUILDKIT_CONTEXT_KEEP_GIT_DIR", "1"}}).keep_git_dir);
  EXPECT_TRUE(git("https://x/a.git?keep-git-dir").keep_git_dir);
  EXPECT_FALSE(git("https://x/a.git").commit_times);
  EXPECT_TRUE(git("https://x/a.git", {{"SOURCE_DATE_EPOCH", "5"}}).commit_times);
  EXPECT_TRUE(git("https://x/a.git?mtime=commit").commit_times);
  // A directory of that name comes first.
  fs::current_path(home_.host_path());
  fs::create_directories("github.com/a/b");
  EXPECT_TRUE(context("github.com/a/b").directory);
  fs::current_path("/");
}

TEST_F(Inputs, CTX_08_CTX_11_named_contexts_are_not_opened) {
  flags_.build_contexts = {"docker.io/library/a:latest=/no/where", "b=docker-image://x",
                           "a=second"};
  const auto contexts = read_build_inputs(flags_).plan.named_contexts;
  ASSERT_EQ(contexts.size(), 2U);
  EXPECT_EQ(contexts.at("a").value, "second");
  EXPECT_EQ(contexts.at("b").value, "x");
}

TEST_F(Inputs, CTX_06_a_dockerfile_inside_a_fetched_context) {
  builder::FetchedContext fetched;
  fetched.files = layers::memory_tree(
      {{"dockerfile", "lower"}, {"sub/Dockerfile", "sub"}, {"context", "lone"}});
  EXPECT_EQ(read_dockerfile(flags_, &fetched).text, "lower");
  EXPECT_EQ(read_dockerfile(flags_, &fetched).path, std::nullopt);
  flags_.file = "sub/Dockerfile";
  EXPECT_EQ(read_dockerfile(flags_, &fetched).text, "sub");
  flags_.file = "../sub/../Dockerfile";
  EXPECT_EQ(read_dockerfile(flags_, &fetched).text, "lower");
  flags_.file = "none";
  EXPECT_THROW(read_dockerfile(flags_, &fetched), Error);
  put("outside", "host");
  flags_.file = home_.host_path() + "/outside";  // absolute: of the host
  EXPECT_EQ(read_dockerfile(flags_, &fetched).text, "host");
  fetched.dockerfile_name = "context";
  flags_.file = "other";
  EXPECT_EQ(read_dockerfile(flags_, &fetched).text, "lone");
}

TEST_F(Inputs, CTX_05_a_dockerfile_on_standard_input) {
  builder::FetchedContext fetched;
  fetched.dockerfile_text = "FROM scratch";
  EXPECT_EQ(read_dockerfile(flags_, &fetched).text, "FROM scratch");
  flags_.file = "Dockerfile";
  try {
    read_dockerfile(flags_, &fetched);
    FAIL() << "read one of two";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("ambiguous Dockerfile source"), std::string::npos);
  }
}

TEST_F(Inputs, CTX_01_which_dockerfile) {
  put("Containerfile", "c");
  EXPECT_EQ(read_dockerfile(flags_, nullptr).text, "c");
  put("dockerfile", "lower");
  EXPECT_EQ(read_dockerfile(flags_, nullptr).text, "lower");
  put("Dockerfile", "upper");
  const DockerfileText found = read_dockerfile(flags_, nullptr);
  EXPECT_EQ(found.text, "upper");
  EXPECT_EQ(found.shown_name, "Dockerfile");
  put("other", "o");
  flags_.file = home_.host_path() + "/other";
  EXPECT_EQ(read_dockerfile(flags_, nullptr).text, "o");
  EXPECT_EQ(read_dockerfile(flags_, nullptr).path, fs::path(flags_.file));
}

TEST_F(Inputs, CTX_02_no_dockerfile) {
  for (const std::string file : {"", "/no/where"}) {
    flags_.file = file;
    try {
      read_dockerfile(flags_, nullptr);
      ADD_FAILURE() << "read nothing";
    } catch (const Error& error) {
      const std::string said = error.what();
      EXPECT_NE(said.find("failed to read dockerfile: open "), std::string::npos) << said;
      EXPECT_NE(said.find("no such file or directory"), std::string::npos) << said;
    }
  }
}

}  // namespace
}  // namespace cooper::cmd
