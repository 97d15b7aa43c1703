// RUN --mount as planned (rows MNT-*).
#include "tests/builder/plan_fixture.h"

namespace cooper::builder {
namespace {

using parser::MountType;

std::vector<RunStep::Mount> mounts_of(const std::string& flags, const std::string& before = "",
                                      const PlanOptions& options = amd64_options()) {
  const Plan plan = plan_of("FROM scratch AS base\nFROM base\n" + before + "RUN " + flags + " x\n", options);
  return steps_of<RunStep>(plan).back().mounts;
}

std::string failure(const std::string& flags) {
  return failure_of("FROM scratch\nRUN " + flags + " x\n").message;
}

const SourceStep& source_of(const Plan& plan, StepId id) {
  return std::get<SourceStep>(plan.steps[id].operation);
}

TEST(MountPlan, MNT_08_WORKDIR_05_relative_targets_join_the_working_directory) {
  const auto mounts = mounts_of(
      "--mount=type=tmpfs,target=t --mount=type=cache,target=../c/ --mount=target=/a//b/. "
      "--mount=type=secret,id=s,target=f",
      "WORKDIR /w/d\n");
  EXPECT_EQ(mounts.at(0).mount.target, "/w/d/t");
  EXPECT_EQ(mounts.at(1).mount.target, "/w/c");
  EXPECT_EQ(mounts.at(2).mount.target, "/a/b");
  EXPECT_EQ(mounts.at(3).mount.target, "/w/d/f");
}

TEST(MountPlan, MNT_08_the_root_is_no_target) {
  for (const char* flags : {"--mount=type=bind", "--mount=type=tmpfs,target=/", "--mount=type=cache,target=/a/.."}) {
    EXPECT_HAS(failure(flags), "invalid mount target \"/\"");
  }
}

TEST(MountPlan, MNT_09_where_a_bind_comes_from) {
  FakeResolver resolver;
  PlanOptions options = amd64_options();
  options.named_contexts = directories({"named"});
  const Plan plan = plan_of(
      "FROM scratch AS Base\nFROM scratch\n"
      "RUN --mount=target=/a --mount=from=base,target=/b --mount=from=busybox,target=/c "
      "--mount=from=named,target=/d --mount=from=scratch,target=/e x\n",
      options, resolver);
  const auto mounts = steps_of<RunStep>(plan).at(0).mounts;
  EXPECT_EQ(source_of(plan, *mounts.at(0).from).kind, SourceStep::Kind::local_context);
  EXPECT_EQ(source_of(plan, *mounts.at(0).from).name, "");
  EXPECT_EQ(source_of(plan, *mounts.at(1).from).kind, SourceStep::Kind::scratch);
  EXPECT_EQ(source_of(plan, *mounts.at(2).from).kind, SourceStep::Kind::image);
  EXPECT_EQ(source_of(plan, *mounts.at(3).from).name, "named");
  EXPECT_EQ(source_of(plan, *mounts.at(4).from).kind, SourceStep::Kind::scratch);
  for (const RunStep::Mount& mount : mounts) EXPECT_TRUE(mount.mount.read_only);
  EXPECT_EQ(inputs_of(plan.steps.back()).size(), 6U);
}

TEST(MountPlan, FROM_05_FROM_06_FROM_11_stages_of_mounts) {
  EXPECT_HAS(failure_of("FROM scratch\nRUN --mount=from=later,target=/a x\nFROM scratch AS later\n"
                        "FROM scratch\nCOPY --from=0 / /\n").message,
             "cannot mount from stage \"later\"");
  EXPECT_HAS(failure_of("FROM scratch AS me\nRUN --mount=from=me,target=/a x\n").message,
             "circular dependency detected on stage: me");
  // A number is no stage here, but an image.
  EXPECT_HAS(failure_of("FROM scratch\nFROM scratch\nRUN --mount=from=0,target=/a x\n").message, "0: no such image");
}

TEST(MountPlan, MNT_14_what_a_cache_is_called) {
  EXPECT_EQ(mounts_of("--mount=type=cache,id=x,target=/c").at(0).mount.id, "/x");
  EXPECT_EQ(mounts_of("--mount=type=cache,target=/a//b/../c/").at(0).mount.id, "//a/c");
  EXPECT_EQ(mounts_of("--mount=type=cache,target=c", "WORKDIR /w\n").at(0).mount.id, "/c");
  EXPECT_EQ(mounts_of("--mount=type=cache,id=x,target=/c", "", with_args({{"BUILDKIT_CACHE_MOUNT_NS", "n"}}))
                .at(0)
                .mount.id,
            "n/x");
}

TEST(MountPlan, MNT_17_a_cache_begins_with_a_stage_or_with_nothing) {
  EXPECT_FALSE(mounts_of("--mount=type=cache,target=/c").at(0).from);
  EXPECT_TRUE(mounts_of("--mount=type=cache,target=/c,from=base,source=/s").at(0).from);
  EXPECT_HAS(failure("--mount=type=cache,target=/c,source=/s"), "\"/s\": not found");
}

TEST(MountPlan, MNT_19_MNT_20_MNT_21_what_a_secret_is_called_and_where_it_is) {
  const auto secret = [](const std::string& flags) { return mounts_of("--mount=type=secret," + flags).at(0).mount; };
  EXPECT_EQ(secret("id=a/b").id, "a/b");
  EXPECT_EQ(secret("id=a/b").target, "/run/secrets/b");
  EXPECT_EQ(secret("source=s").id, "s");
  EXPECT_EQ(secret("target=/x/y").id, "y");
  EXPECT_EQ(secret("target=/x/y").target, "/x/y");
  EXPECT_EQ(secret("id=a,env=V").target, "");
  EXPECT_EQ(secret("id=a,env=V,target=/f").target, "/f");
}

TEST(MountPlan, MNT_24_the_ssh_socket_and_its_variable) {
  const Plan plan = plan_of(
      "FROM scratch\nRUN --mount=type=ssh --mount=type=tmpfs,target=/t --mount=type=ssh,id=two x\n"
      "RUN --mount=type=ssh,target=/s x\nENV SSH_AUTH_SOCK=/mine\nRUN --mount=type=ssh x\n");
  const auto runs = steps_of<RunStep>(plan);
  EXPECT_EQ(runs.at(0).mounts.at(0).mount.id, "default");
  EXPECT_EQ(runs.at(0).mounts.at(0).mount.target, "/run/buildkit/ssh_agent.0");
  EXPECT_EQ(runs.at(0).mounts.at(2).mount.target, "/run/buildkit/ssh_agent.1");
  EXPECT_EQ(runs.at(0).environment.words().back(), "SSH_AUTH_SOCK=/run/buildkit/ssh_agent.0");
  EXPECT_EQ(runs.at(1).environment.words().back(), "SSH_AUTH_SOCK=/s");
  EXPECT_EQ(runs.at(2).environment.words().back(), "SSH_AUTH_SOCK=/mine");
  for (const std::string& text : new_history(plan)) EXPECT_EQ(text.find("buildkit/ssh"), std::string::npos) << text;
}

TEST(MountPlan, MNT_07_EXP_17_values_see_the_stages_variables) {
  const auto mounts = mounts_of("--mount=type=cache,target=/$A,id=${B:-d}", "ARG A=x\n");
  EXPECT_EQ(mounts.at(0).mount.target, "/x");
  EXPECT_EQ(mounts.at(0).mount.id, "/d");
}

TEST(MountPlan, FROM_09_mounts_of_stages_nobody_needs_are_not_judged) {
  EXPECT_EQ(failure_of("FROM scratch\nRUN --mount=type=tmp x\nFROM scratch\nCOPY a /\n").code, std::nullopt);
}

TEST(MountPlan, ONBUILD_05_triggers_may_mount) {
  const auto runs = steps_of<RunStep>(plan_of(
      "FROM scratch AS a\nONBUILD RUN --mount=type=secret,id=s x\nFROM a\n"));
  EXPECT_EQ(runs.at(0).mounts.at(0).mount.id, "s");
}

TEST(MountPlan, MNT_23_SEC_06_the_plan_shows_ids_at_most) {
  const Plan plan = plan_of("FROM scratch\nRUN --mount=type=secret,id=s,env=V echo $V\n");
  EXPECT_HAS(plan_text(plan), "echo $V");
  EXPECT_EQ(new_history(plan).at(0), "RUN /bin/sh -c echo $V # buildkit");
}

}  // namespace
}  // namespace cooper::builder
