#include "builder/step_key.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/builder/plan_fixture.h"

namespace cooper::builder {
namespace {

oci::ChainId chain(const std::string& seed) {
  return {oci::sha256(seed)};
}
oci::ContentDigest content(const std::string& seed) {
  return {oci::sha256(seed)};
}

RunStep sample_run() {
  RunStep step;
  step.platform = "linux/amd64";
  step.argv = {"/bin/sh", "-c", "make"};
  step.environment = StepEnvironment({"PATH=/bin", "A=1"});
  step.working_dir = "/w";
  step.user = "u";
  step.extra_hosts = {{"db", "10.0.0.1"}};
  step.ulimits = {{"nofile", 1, 2}};
  return step;
}

std::string run_key(const RunStep& step) {
  return run_record(step, chain("p"), "",
                    std::vector<std::optional<oci::ContentDigest>>(step.mounts.size()))
      .key.str();
}

template <class Kind>
struct Change {
  const char* what;
  std::function<void(Kind&)> apply;
};

TEST(RunKey, CACHE_01_everything_that_counts_changes_it) {
  const Change<RunStep> table[] = {
      {"argv",
       [](RunStep& s) {
         s.argv = {"/bin/sh", "-c", "make "};
       }},
      {"argv split",
       [](RunStep& s) {
         s.argv = {"/bin/sh", "-c make"};
       }},
      {"environment value", [](RunStep& s) { s.environment.set("A", "2"); }},
      {"environment extra", [](RunStep& s) { s.environment.set("B", ""); }},
      {"platform", [](RunStep& s) { s.platform = "linux/arm64"; }},
      {"cwd", [](RunStep& s) { s.working_dir = "/v"; }},
      {"user", [](RunStep& s) { s.user = "v"; }},
      {"network", [](RunStep& s) { s.network = Network::none; }},
      {"security", [](RunStep& s) { s.insecure = true; }},
      {"hostname", [](RunStep& s) { s.hostname = "h"; }},
      {"host names", [](RunStep& s) { s.extra_hosts[0].name = "db2"; }},
      {"ulimits", [](RunStep& s) { s.ulimits[0].hard = 3; }},
      {"shm", [](RunStep& s) { s.shm_bytes = 1; }},
      {"script",
       [](RunStep& s) {
         s.script = {"n", "#!x"};
       }},
      {"mount", [](RunStep& s) { s.mounts.emplace_back(); }},
  };
  const std::string key = run_key(sample_run());
  for (const auto& row : table) {
    RunStep changed = sample_run();
    row.apply(changed);
    EXPECT_NE(run_key(changed), key) << row.what;
  }
}

TEST(RunKey, CACHE_01_parent_machine_and_mounted_content_count) {
  RunStep step = sample_run();
  const std::string key = run_key(step);
  EXPECT_NE(run_record(step, chain("q"), "", {}).key.str(), key);
  EXPECT_NE(run_record(step, std::nullopt, "", {}).key.str(), key);
  EXPECT_NE(run_record(step, chain("p"), "one id", {}).key.str(), key);
  step.mounts.emplace_back();
  EXPECT_NE(run_record(step, chain("p"), "", {content("a")}).key,
            run_record(step, chain("p"), "", {content("b")}).key);  // CACHE-07
}

TEST(RunKey, CACHE_02_ARG_12_what_does_not_count) {
  const Change<RunStep> table[] = {
      {"proxies",
       [](RunStep& s) {
         s.proxies = {{"HTTP_PROXY", "x"}};
       }},
      {"host addresses", [](RunStep& s) { s.extra_hosts[0].address = "10.9.9.9"; }},
      {"step number of the parent", [](RunStep& s) { s.parent = 7; }},
      {"cache id",
       [](RunStep& s) {
         s.mounts.emplace_back();
         s.mounts.back().mount.id = "x";
       }},
  };
  for (const auto& row : table) {
    RunStep plain = sample_run();
    RunStep changed = sample_run();
    row.apply(changed);
    if (!changed.mounts.empty()) plain.mounts.emplace_back();
    EXPECT_EQ(run_key(changed), run_key(plain)) << row.what;
  }
}

TEST(RunKey, CACHE_01_the_layout_of_mounts_counts) {
  using parser::MountType;
  const auto key = [](const std::function<void(parser::RunMount&)>& change) {
    RunStep step = sample_run();
    parser::RunMount& mount = step.mounts.emplace_back().mount;
    mount.type = MountType::secret;
    mount.id = "x";
    mount.target = "/s";
    change(mount);
    return run_key(step);
  };
  const std::string plain = key([](parser::RunMount&) {});
  const Change<parser::RunMount> counts[] = {
      {"type", [](parser::RunMount& m) { m.type = MountType::ssh; }},
      {"target", [](parser::RunMount& m) { m.target = "/t"; }},
      {"secret id", [](parser::RunMount& m) { m.id = "y"; }},
      {"required", [](parser::RunMount& m) { m.required = true; }},
      {"variable", [](parser::RunMount& m) { m.env = "V"; }},
      {"mode", [](parser::RunMount& m) { m.mode = 0444; }},
      {"uid", [](parser::RunMount& m) { m.uid = 1; }},
      {"gid", [](parser::RunMount& m) { m.gid = 1; }},
      {"read-write", [](parser::RunMount& m) { m.read_only = false; }},
      {"size", [](parser::RunMount& m) { m.size_bytes = 1; }},
  };
  for (const auto& row : counts) EXPECT_NE(key(row.apply), plain) << row.what;
}

TEST(RunKey, MNT_15_CACHE_02_a_caches_id_and_sharing_do_not_count) {
  const auto key = [](const std::string& id, parser::CacheSharing sharing) {
    RunStep step = sample_run();
    parser::RunMount& mount = step.mounts.emplace_back().mount;
    mount.type = parser::MountType::cache;
    mount.target = "/c";
    mount.id = id;
    mount.sharing = sharing;
    return run_key(step);
  };
  EXPECT_EQ(key("a", parser::CacheSharing::shared), key("b", parser::CacheSharing::locked));
}

TEST(RunKey, words_that_are_not_utf8_are_told_apart) {
  RunStep left = sample_run();
  RunStep right = sample_run();
  left.environment.set("A", "\xff");
  right.environment.set("A", "\xfe");
  EXPECT_NE(run_key(left), run_key(right));
  right.environment = StepEnvironment({"PATH=/bin", "bytes:413dff"});
  EXPECT_NE(run_key(left), run_key(right));
}

TEST(RunKey, the_key_is_the_digest_of_the_text) {
  const KeyedRecord record = run_record(sample_run(), chain("p"), "", {});
  EXPECT_EQ(record.key.value, oci::sha256(record.text));
  EXPECT_HAS(record.text, "\"v\":2");
  EXPECT_EQ(record.text.find("10.0.0.1"), std::string::npos);
}

// -- whole Dockerfiles ----------------------------------------------------------------------------

// Keys of every RUN, as if all stood on one parent.
std::vector<std::string> run_keys(const std::string& text,
                                  const std::map<std::string, std::string>& args = {}) {
  std::vector<std::string> keys;
  for (const RunStep& step : steps_of<RunStep>(plan_of(text, with_args(args))))
    keys.push_back(run_key(step));
  return keys;
}

std::string copy_key(const CopyStep& step) {
  return copy_record(step, chain("p"), {content("files")}, std::nullopt, {}).key.str();
}

std::vector<std::string> copy_keys(const std::string& text,
                                   const std::map<std::string, std::string>& args = {}) {
  std::vector<std::string> keys;
  for (const CopyStep& step : steps_of<CopyStep>(plan_of(text, with_args(args))))
    keys.push_back(copy_key(step));
  return keys;
}

TEST(DockerfileKeys, CACHE_09_LABEL_04_CMD_07_HEALTH_06_metadata_never_busts) {
  const auto plain = run_keys("FROM busybox\nRUN x\n");
  for (const std::string line :
       {"LABEL a=b", "CMD [\"c\"]", "ENTRYPOINT e", "EXPOSE 80", "HEALTHCHECK CMD h",
        "STOPSIGNAL 9", "VOLUME /v", "ONBUILD RUN y", "MAINTAINER m"}) {
    EXPECT_EQ(run_keys("FROM busybox\n" + line + "\nRUN x\n"), plain) << line;
  }
}

TEST(DockerfileKeys, CACHE_11_SHELL_04_ENV_05_what_busts_run) {
  const auto plain = run_keys("FROM busybox\nRUN x\n");
  for (const std::string line : {"ENV E=1", "USER u", "WORKDIR /w", "SHELL [\"/s\"]", "ARG X=1"}) {
    EXPECT_NE(run_keys("FROM busybox\n" + line + "\nRUN x\n"), plain) << line;
  }
}

TEST(DockerfileKeys, CACHE_10_ARG_13_args) {
  const std::string text = "FROM busybox\nRUN before\nARG X=1\nRUN after\nCOPY a /\nCOPY b /$X\n";
  EXPECT_EQ(run_keys(text, {{"NOBODY", "1"}}), run_keys(text));
  EXPECT_EQ(run_keys(text, {{"X", "2"}})[0], run_keys(text)[0]);
  EXPECT_NE(run_keys(text, {{"X", "2"}})[1], run_keys(text)[1]);
  EXPECT_EQ(copy_keys(text, {{"X", "2"}})[0], copy_keys(text)[0]);
  EXPECT_NE(copy_keys(text, {{"X", "2"}})[1], copy_keys(text)[1]);
}

TEST(DockerfileKeys, ARG_12_a_declared_proxy_counts) {
  EXPECT_EQ(run_keys("FROM scratch\nRUN x\n", {{"HTTP_PROXY", "p"}}),
            run_keys("FROM scratch\nRUN x\n"));
  const std::string declared = "FROM scratch\nARG HTTP_PROXY\nRUN x\n";
  EXPECT_NE(run_keys(declared, {{"HTTP_PROXY", "p"}}), run_keys(declared, {{"HTTP_PROXY", "q"}}));
}

TEST(DockerfileKeys, REPRO_11_the_epoch_only_when_declared) {
  const std::map<std::string, std::string> epoch = {{"SOURCE_DATE_EPOCH", "1"}};
  EXPECT_EQ(run_keys("FROM scratch\nRUN x\n", epoch), run_keys("FROM scratch\nRUN x\n"));
  const std::string declared = "FROM scratch\nARG SOURCE_DATE_EPOCH\nRUN x\n";
  EXPECT_NE(run_keys(declared, epoch), run_keys(declared));
}

TEST(DockerfileKeys, CACHE_13_layout_does_not_matter_but_blanks_in_run_do) {
  const auto plain = run_keys("FROM busybox\nENV a=1 b=2\nRUN echo hi\n");
  EXPECT_EQ(run_keys("# hello\n\nfrom   busybox\n\nenv a=1 \\\n  b=2\n# c\nrun echo hi\n"), plain);
  EXPECT_NE(run_keys("FROM busybox\nENV a=1 b=2\nRUN echo  hi\n"), plain);
}

TEST(DockerfileKeys, CACHE_14_the_same_step_in_two_stages_has_one_key) {
  const auto keys = run_keys(
      "FROM busybox AS a\nRUN x\nFROM busybox AS b\nRUN x\nFROM scratch\n"
      "COPY --from=a /x /\nCOPY --from=b /x /\n");
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0], keys[1]);
}

// -- COPY and WORKDIR -----------------------------------------------------------------------------

TEST(CopyKey, CACHE_03_options_count) {
  CopyStep step;
  step.destination = "/d";
  const Change<CopyStep> table[] = {
      {"destination", [](CopyStep& s) { s.destination = "/d/"; }},
      {"chmod", [](CopyStep& s) { s.chmod = "644"; }},
      {"link", [](CopyStep& s) { s.link = true; }},
      {"parents", [](CopyStep& s) { s.parents = true; }},
      {"add", [](CopyStep& s) { s.is_add = true; }},
  };
  for (const auto& row : table) {
    CopyStep changed = step;
    row.apply(changed);
    EXPECT_NE(copy_key(changed), copy_key(step)) << row.what;
  }
  CopyStep add = step;
  add.is_add = true;
  add.sources = {{0, {"a"}, true}};
  CopyStep kept = add;
  kept.sources[0].unpack = false;
  EXPECT_NE(copy_key(add), copy_key(kept));
}

TEST(CopyKind, CACHE_03_a_record_is_of_the_kind_that_differs_from_it_in_content_only) {
  CopyStep step;
  step.destination = "/\"contents\":[]";
  const Making making{.epoch = 1};
  const layers::Owner owner{1, 2};
  const auto is_of = [](const KeyedRecord& record, const CopyKind& kind) {
    return record.text.starts_with(kind.begin) && record.text.ends_with(kind.end);
  };
  const CopyKind kind = copy_kind(step, chain("p"), owner, making);
  EXPECT_TRUE(is_of(copy_record(step, chain("p"), {content("a")}, owner, making), kind));
  EXPECT_TRUE(is_of(copy_record(step, chain("p"), {content("a"), content("b")}, owner, making), kind));
  EXPECT_FALSE(is_of(copy_record(step, chain("q"), {content("a")}, owner, making), kind));
  EXPECT_FALSE(is_of(copy_record(step, chain("p"), {content("a")}, std::nullopt, making), kind));
  EXPECT_FALSE(is_of(copy_record(step, chain("p"), {content("a")}, owner, {}), kind));
  for (const auto change : {+[](CopyStep& s) { s.destination += "/"; }, +[](CopyStep& s) { s.chmod = "1"; },
                            +[](CopyStep& s) { s.link = true; }, +[](CopyStep& s) { s.is_add = true; },
                            +[](CopyStep& s) { s.parents = true; }}) {
    CopyStep other = step;
    change(other);
    EXPECT_FALSE(is_of(copy_record(other, chain("p"), {content("a")}, owner, making), kind));
  }
}

TEST(CopyKey, CACHE_03_files_owner_parent_and_epoch_count) {
  CopyStep step;
  step.destination = "/d";
  const auto base = copy_record(step, chain("p"), {content("a")}, std::nullopt, {}).key;
  EXPECT_NE(copy_record(step, chain("p"), {content("b")}, std::nullopt, {}).key, base);
  EXPECT_NE(copy_record(step, chain("q"), {content("a")}, std::nullopt, {}).key, base);
  EXPECT_NE(copy_record(step, chain("p"), {content("a")}, layers::Owner{1, 2}, {}).key,
            base);
  EXPECT_NE(copy_record(step, chain("p"), {content("a")}, layers::Owner{1, 2}, {}).key,
            copy_record(step, chain("p"), {content("a")}, layers::Owner{2, 1}, {}).key);
  EXPECT_NE(copy_record(step, chain("p"), {content("a")}, std::nullopt, Making{0}).key, base);
}

TEST(CopyKey, COPY_26_a_link_copy_has_no_parent) {
  CopyStep step;
  step.destination = "/d";
  step.link = true;
  EXPECT_EQ(copy_record(step, chain("p"), {content("a")}, std::nullopt, {}).key,
            copy_record(step, chain("q"), {content("a")}, std::nullopt, {}).key);
}

TEST(CopyKey, patterns_and_spelling_of_the_owner_do_not_count) {
  CopyStep left;
  left.destination = "/d";
  CopyStep right = left;
  left.sources = {{1, {"a*"}}};
  left.chown = "0";
  right.sources = {{2, {"ab"}}};
  right.chown = "0:0";
  EXPECT_EQ(copy_key(left), copy_key(right));
}

TEST(MakeDirKey, WORKDIR_06_path_user_parent_and_epoch_count) {
  const MakeDirStep step{0, "/w", "u"};
  const auto base = make_dir_record(step, chain("p"), {}).key;
  EXPECT_EQ(make_dir_record({3, "/w", "u"}, chain("p"), {}).key, base);
  EXPECT_NE(make_dir_record({0, "/v", "u"}, chain("p"), {}).key, base);
  EXPECT_NE(make_dir_record({0, "/w", "v"}, chain("p"), {}).key, base);
  EXPECT_NE(make_dir_record(step, chain("q"), {}).key, base);
  EXPECT_NE(make_dir_record(step, chain("p"), Making{1}).key, base);
}

TEST(StepKeys, IMG_14_CACHE_04_keeping_attributes_counts_in_every_step) {
  const Making keep{std::nullopt, true};
  const MakeDirStep made{0, "/w", "u"};
  EXPECT_NE(make_dir_record(made, chain("p"), keep).key, make_dir_record(made, chain("p"), {}).key);
  CopyStep copy;
  copy.destination = "/d";
  for (const bool link : {false, true}) {
    copy.link = link;
    EXPECT_NE(copy_record(copy, chain("p"), {content("a")}, std::nullopt, keep).key,
              copy_record(copy, chain("p"), {content("a")}, std::nullopt, {}).key);
  }
  EXPECT_NE(run_record(sample_run(), chain("p"), "", {}, keep).key, run_record(sample_run(), chain("p"), "", {}).key);
}

}  // namespace
}  // namespace cooper::builder
