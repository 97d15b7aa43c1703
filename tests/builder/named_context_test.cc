#include "builder/sources/named_context.h"

#include <gtest/gtest.h>

#include "builder/scope.h"
#include "tests/builder/plan_fixture.h"

namespace cooper::builder {
namespace {

using Kind = NamedContext::Kind;

const oci::Platform kAmd64{"linux", "amd64", "", ""};
const oci::Platform kArm64{"linux", "arm64", "", ""};

NamedContexts contexts(const std::vector<std::pair<std::string, std::string>>& flags) {
  NamedContexts made;
  for (const auto& [name, value] : flags) made[context_name(name)] = parse_named_context(name, value);
  return made;
}

PlanOptions with_contexts(const std::vector<std::pair<std::string, std::string>>& flags) {
  PlanOptions options = amd64_options();
  options.named_contexts = contexts(flags);
  return options;
}

TEST(NamedContexts, CTX_08_values) {
  struct Row {
    const char* value;
    Kind kind;
    const char* kept;
  };
  const Row table[] = {
      {"dir", Kind::directory, "dir"},
      {"/a/b", Kind::directory, "/a/b"},
      {"docker-image://alpine:3", Kind::image, "alpine:3"},
      {"docker-image://scratch", Kind::image, "scratch"},
      {"oci-layout:///x:tag", Kind::image, "oci-layout:///x:tag"},
      {"target:build", Kind::stage, "build"},
      {"https://host/f", Kind::remote, "https://host/f"},
      {"https://host/r.git#main", Kind::remote, "https://host/r.git#main"},
      {"git@host:r", Kind::remote, "git@host:r"},
      {"github.com/a/b", Kind::remote, "github.com/a/b"},
  };
  for (const Row& row : table) {
    const NamedContext context = parse_named_context("n", row.value);
    EXPECT_EQ(context.kind, row.kind) << row.value;
    EXPECT_EQ(context.value, row.kept);
    EXPECT_EQ(context.remote.has_value(), row.kind == Kind::remote);
  }
  EXPECT_TRUE(std::holds_alternative<HttpSource>(*parse_named_context("n", "https://host/f").remote));
  EXPECT_TRUE(std::holds_alternative<GitSource>(*parse_named_context("n", "git@host:r").remote));
  try {
    parse_named_context("n", "ftp://host/f");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "unsupported context source ftp for n");
  }
}

TEST(NamedContexts, CTX_10_names_compare_in_familiar_form) {
  for (const char* name : {"alpine", "alpine:latest", "docker.io/library/alpine", "docker.io/library/alpine:latest"}) {
    EXPECT_EQ(context_name(name), "alpine");
    const NamedContexts one = contexts({{name, "dir"}});
    for (const char* word : {"alpine", "alpine:latest", "docker.io/library/alpine"}) {
      EXPECT_NE(find_context(one, word, kAmd64).context, nullptr) << name << " " << word;
    }
    EXPECT_EQ(find_context(one, "alpine:3.20", kAmd64).context, nullptr);
    EXPECT_EQ(find_context(one, "localhost/alpine", kAmd64).context, nullptr);
  }
  EXPECT_EQ(context_name("alpine:3.20"), "alpine:3.20");
  EXPECT_EQ(context_name("alpine::linux/aarch64"), "alpine::linux/arm64");
  EXPECT_THROW(context_name("UPPER"), Error);
  EXPECT_THROW(context_name(""), Error);
}

TEST(NamedContexts, CTX_10_a_platform_s_own_entry_wins) {
  const NamedContexts both = contexts({{"a", "all"}, {"a::linux/arm64", "arm"}});
  EXPECT_EQ(find_context(both, "a", kAmd64).context->value, "all");
  EXPECT_EQ(find_context(both, "a", kArm64).context->value, "arm");
}

TEST(NamedContexts, CTX_12_scratch_and_context_are_nobodys) {
  const NamedContexts reserved = contexts({{"scratch", "x"}, {"context", "x"}});
  for (const char* word : {"scratch", "context", "Scratch", "CONTEXT"}) {
    EXPECT_EQ(find_context(reserved, word, kAmd64).context, nullptr);
  }
  const Plan plan = plan_of("FROM scratch\nCOPY a /\n", with_contexts({{"scratch", "docker-image://busybox"}}));
  EXPECT_EQ(steps_of<SourceStep>(plan).at(0).kind, SourceStep::Kind::scratch);
}

TEST(NamedContexts, CTX_12_docker_image_scratch_is_empty) {
  FakeResolver resolver;
  const Plan plan = plan_of("FROM busybox\nCOPY --from=busybox /x /\n",
                            with_contexts({{"busybox", "docker-image://scratch"}}), resolver);
  EXPECT_TRUE(resolver.asked.empty());
  EXPECT_EQ(plan.result().config.cmd, std::nullopt);
}

TEST(NamedContexts, CTX_09_a_stage_is_overridden_and_not_built) {
  FakeResolver resolver;
  const Plan plan = plan_of(
      "FROM missing AS base\nRUN never\nFROM base\nRUN mine\nCOPY --from=base /x /\n"
      "COPY --from=0 /y /\n",
      with_contexts({{"base", "docker-image://busybox"}}), resolver);
  EXPECT_EQ(resolver.asked, Words{"busybox linux/amd64"});
  ASSERT_EQ(steps_of<RunStep>(plan).size(), 1U);
  EXPECT_EQ(plan.result().config.cmd, Words{"sh"});  // CTX-13: the image's config
  const auto copies = steps_of<CopyStep>(plan);
  const auto& from = std::get<SourceStep>(plan.steps[copies.at(0).sources.at(0).from].operation);
  EXPECT_EQ(from.name, "busybox");
  EXPECT_EQ(copies[0].sources[0].from, copies.at(1).sources.at(0).from);
}

TEST(NamedContexts, CTX_09_CTX_13_an_image_is_overridden) {
  FakeResolver resolver;
  resolver.images["other:1"] = made_up_base("other");
  const Plan plan = plan_of("FROM alpine:latest\nCOPY --from=tools /x /\n",
                            with_contexts({{"alpine", "docker-image://busybox"}, {"tools", "docker-image://other:1"}}),
                            resolver);
  EXPECT_EQ(resolver.asked, (Words{"busybox linux/amd64", "other:1 linux/amd64"}));
  EXPECT_EQ(plan.result().config.cmd, Words{"sh"});
}

TEST(NamedContexts, CTX_09_FROM_of_files_is_a_layer_of_them) {
  for (const char* value : {"dir", "https://host/f", "https://host/r.git"}) {
    const Plan plan = plan_of("FROM base\nRUN x\n", with_contexts({{"base", value}}));
    const auto copies = steps_of<CopyStep>(plan);
    ASSERT_EQ(copies.size(), 1U) << value;
    EXPECT_EQ(copies[0].destination, "/");
    EXPECT_EQ(copies[0].sources.at(0).patterns, Words{"/"});
    EXPECT_EQ(plan.result().config.env, Words{std::string(kDefaultPath)});
    EXPECT_EQ(new_history(plan), (Words{"FROM base", "RUN /bin/sh -c x # buildkit"}));
  }
}

TEST(NamedContexts, CTX_08_a_stage_by_another_name) {
  const Plan plan = plan_of("FROM scratch AS a\nCOPY x /\nFROM scratch AS b\nCOPY y /\nFROM z\nCOPY --from=y /x /\n",
                            with_contexts({{"z", "target:a"}, {"y", "target:b"}}));
  EXPECT_EQ(steps_of<CopyStep>(plan).size(), 3U);
  EXPECT_HAS(failure_of("FROM z AS a\n", with_contexts({{"z", "target:a"}})).message, "circular dependency");
  EXPECT_HAS(failure_of("FROM z\n", with_contexts({{"z", "target:no"}})).message, "could not be found");
}

TEST(NamedContexts, CTX_11_nothing_is_planned_of_what_is_not_used) {
  FakeResolver resolver;
  const Plan plan = plan_of("FROM scratch\nCOPY x /\n",
                            with_contexts({{"a", "docker-image://broken"}, {"b", "https://host/r.git"}, {"c", "no"}}),
                            resolver);
  EXPECT_TRUE(resolver.asked.empty());
  EXPECT_EQ(steps_of<SourceStep>(plan).size(), 2U);
}

TEST(AddPlan, ADD_26_sources_keep_their_order_in_one_step) {
  const Plan plan = plan_of(
      "FROM scratch\nADD a b https://host/x/f%20g?q#f c https://host/r.git#v1:sub <<H d /to/\nh\nH\n");
  const auto adds = steps_of<CopyStep>(plan);
  ASSERT_EQ(adds.size(), 1U);
  const auto& sources = adds[0].sources;
  ASSERT_EQ(sources.size(), 5U);
  EXPECT_EQ(sources[0].patterns, (Words{"a", "b"}));
  EXPECT_TRUE(sources[0].unpack);
  EXPECT_EQ(sources[1].name, "f g");  // ADD-09
  EXPECT_FALSE(sources[1].unpack);    // ADD-08
  EXPECT_EQ(sources[2].patterns, Words{"c"});
  EXPECT_EQ(sources[3].patterns, Words{"/"});
  EXPECT_EQ(sources[4].patterns, Words{"d"});
  EXPECT_EQ(adds[0].heredocs.size(), 1U);
  EXPECT_EQ(new_history(plan),
            Words{"ADD a b https://host/x/f%20g?q#f c https://host/r.git#v1:sub d <<H /to/ # buildkit"});
}

TEST(AddPlan, ADD_09_names_of_downloads) {
  struct Row {
    const char* url;
    const char* name;
  };
  const Row table[] = {
      {"http://host/a/b.txt", "b.txt"}, {"http://host/a/b/", "b"},      {"http://host", "__unnamed__"},
      {"http://host/", "__unnamed__"},  {"http://host/?q", "__unnamed__"}, {"http://host/a?x=/y", "a"},
      {"http://host/a#/y", "a"},        {"http://host/a%2Fb", "b"},     {"http://host/..", "download"},
      {"http://u:p@host/f", "f"},
  };
  for (const Row& row : table) {
    const Plan plan = plan_of(std::string("FROM scratch\nADD ") + row.url + " /d/\n");
    EXPECT_EQ(steps_of<CopyStep>(plan).at(0).sources.at(0).name, row.name) << row.url;
  }
}

TEST(AddPlan, ADD_16_github_without_a_scheme_is_a_path) {
  const Plan plan = plan_of("FROM scratch\nADD github.com/a/b /d/\n");
  EXPECT_EQ(steps_of<CopyStep>(plan).at(0).sources.at(0).patterns, Words{"github.com/a/b"});
}

TEST(AddPlan, ADD_14_ADD_20_ADD_21_ADD_25_flags_reach_the_source) {
  const std::string hex(64, 'a');
  const Plan plan = plan_of("FROM scratch\nARG C=abc\nADD --keep-git-dir --checksum=$C https://host/r.git /a\n"
                            "ADD --checksum=sha256:" + hex + " --unpack https://host/f /b\n"
                            "ADD --unpack=false x /c\n");
  const auto sources = steps_of<SourceStep>(plan);
  const auto& git = std::get<GitSource>(*sources.at(1).remote);
  EXPECT_TRUE(git.keep_git_dir);
  EXPECT_EQ(git.checksum, "abc");
  const Plan timed = plan_of("FROM scratch\nADD https://host/r.git?mtime=commit /a\n");  // ADD-25
  EXPECT_FALSE(std::get<GitSource>(*steps_of<SourceStep>(timed).at(1).remote).commit_times);
  EXPECT_EQ(std::get<HttpSource>(*sources.at(2).remote).checksum->hex(), hex);
  const auto adds = steps_of<CopyStep>(plan);
  EXPECT_TRUE(adds.at(1).sources.at(0).unpack);
  EXPECT_FALSE(adds.at(2).sources.at(0).unpack);
}

TEST(AddPlan, ADD_14_ADD_19_ADD_20_ADD_21_refusals) {
  struct Row {
    const char* line;
    const char* message;
  };
  const Row table[] = {
      {"ADD --checksum=sha256:0 https://host/f /", "invalid sha256 digest \"0\""},
      {"ADD --checksum=abc https://a/r.git https://b/r.git /", "checksum can't be specified for multiple sources"},
      {"ADD --checksum=abc f /", "checksum requires HTTP(S) or Git sources"},
      {"ADD --checksum=abc https://host/r.git?checksum=abd /", "checksum mismatch \"abc\" != \"abd\""},
      {"ADD --keep-git-dir=false https://host/r.git?keep-git-dir /", "inconsistent keep-git-dir configuration"},
      {"ADD https://host/r.git?x=1 /", "unexpected query \"x\""},
  };
  for (const Row& row : table) {
    const auto failure = failure_of(std::string("FROM scratch\n") + row.line + "\n");
    EXPECT_HAS(failure.message, row.message);
    EXPECT_EQ(failure.ranges.size(), 1U) << row.line;
  }
}

TEST(AddPlan, SEC_06_history_and_display_have_no_login) {
  const Plan plan = plan_of("FROM scratch\nADD https://me:secret@host/f https://secret@host/r.git /\n");
  EXPECT_EQ(new_history(plan), Words{"ADD https://xxxxx:xxxxx@host/f https://xxxxx@host/r.git / # buildkit"});
  for (const std::string& text : displays(plan)) EXPECT_EQ(text.find("secret"), std::string::npos) << text;
}

TEST(AddPlan, one_step_fetches_what_is_named_twice) {
  const Plan plan = plan_of("FROM scratch\nADD https://host/f /a\nADD https://host/f /b\nADD https://host/g /c\n");
  EXPECT_EQ(steps_of<SourceStep>(plan).size(), 3U);
}

TEST(MainContextPlan, CTX_06_a_fetched_context_takes_the_place_of_the_directory) {
  PlanOptions options = amd64_options();
  SourceStep fetched;
  fetched.kind = SourceStep::Kind::fetched;
  fetched.layers = {made_up_layer("context")};
  options.main_context = fetched;
  const Plan plan = plan_of("FROM scratch\nCOPY a /\nADD b /\n", options);
  const auto sources = steps_of<SourceStep>(plan);
  ASSERT_EQ(sources.size(), 2U);
  EXPECT_EQ(sources[1].kind, SourceStep::Kind::fetched);
}

}  // namespace
}  // namespace cooper::builder
