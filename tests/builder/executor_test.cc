// Plans that need no process and no namespace: COPY from contexts and WORKDIR.
#include "builder/executor.h"

#include <gtest/gtest.h>
#include <sys/xattr.h>

#include <map>
#include <thread>

#include "base/guarded.h"
#include "builder/context.h"
#include "builder/step_error.h"
#include "layers/apply.h"
#include "tests/builder/store_fixture.h"

namespace cooper::builder {
namespace {

class RecordingProgress : public Progress {
 public:
  void planned(const Plan&) override {}
  void started(StepId) override {}
  void output(StepId, std::string_view, bool) override {}
  void finished(StepId step, StepOutcome outcome) override {
    outcomes_.with([&](auto& map) { map[step] = outcome; });
  }
  void activity_started(const std::string&) override {}
  void activity_finished(const std::string&, bool) override {}
  void notice(const std::string&) override {}

  // "done cached …" of the steps that are no sources, in the plan's order.
  std::string told(const Plan& plan) const {
    return outcomes_.with([&](const auto& map) {
      std::string text;
      for (const auto& [step, outcome] : map) {
        if (std::holds_alternative<SourceStep>(plan.steps[step].operation)) continue;
        static constexpr const char* kNames[] = {"done", "cached", "failed", "cancelled"};
        text += (text.empty() ? "" : " ") + std::string(kNames[static_cast<int>(outcome)]);
      }
      return text;
    });
  }

 private:
  Guarded<std::map<StepId, StepOutcome>> outcomes_;
};

struct Built {
  std::string told;
  LayerStack rootfs;
  std::vector<StepResult> results;
  std::vector<std::string> events;  // "open <context>", "run"
};

class Executor : public StoreTest {
 protected:
  void SetUp() override { fs::create_directories(path("context")); }

  void put(const std::string& name, const std::string& content) {
    write_file(path("context") / name, content);
  }

  ExecuteOptions options(std::vector<std::string>& events) {
    ExecuteOptions made;
    made.source_date_epoch = epoch_;
    made.keep_xattrs = keep_xattrs_;
    made.clock = [this] { return std::pair<std::int64_t, std::uint32_t>(clock_, 0); };
    made.open_context = [this, &events](const std::string& name) {
      events.push_back("open " + name);
      const ContextOptions context{path("context") / name, std::nullopt, nullptr, 2, keep_xattrs_};
      return open_local_context(context, read_ignore_file(context));
    };
    made.before_running = [&events] { events.emplace_back("run"); };
    return made;
  }

  Built execute_plan(const Plan& plan, std::stop_token stop = {}) {
    Built built;
    RecordingProgress progress;
    built.results =
        execute(plan, *store_, fetcher_, progress, options(built.events), std::move(stop));
    built.told = progress.told(plan);
    built.rootfs = built.results[plan.result().rootfs].rootfs;
    return built;
  }

  Built build(const std::string& text) { return execute_plan(plan_of(text)); }

  // "path content" of every file of a layer, as its blob holds them.
  std::map<std::string, layers::Entry> entries(const PlannedLayer& layer) {
    std::map<std::string, layers::Entry> found;
    const auto table = layers::read_table(store_->open_blob(layer.descriptor.digest), {}, "layer");
    for (const layers::Entry& entry : table.entries()) found[entry.path.str()] = entry;
    return found;
  }

  std::int64_t clock_ = 1'700'000'000;
  std::optional<std::int64_t> epoch_;
  bool keep_xattrs_ = false;
};

oci::ContentDigest digest_of(const std::string& text) {
  return {oci::sha256(text)};
}

TEST_F(Executor, the_second_time_everything_is_cached_and_nothing_started) {
  put("a", "1");
  put("b", "2");
  const std::string text = "FROM scratch\nCOPY a /x\nWORKDIR /w\nCOPY b ./\n";
  const Built first = build(text);
  EXPECT_EQ(first.told, "done done done");
  EXPECT_EQ(first.events, (Words{"open ", "run"}));
  clock_ += 1000;
  const Built second = build(text);
  EXPECT_EQ(second.told, "cached cached cached");
  EXPECT_EQ(second.events, Words{"open "});
  EXPECT_EQ(second.rootfs.layers(), first.rootfs.layers());
  EXPECT_EQ(second.results.back().created, first.results.back().created);  // IMG-04
}

TEST_F(Executor, layers_hold_what_was_copied) {
  put("a", "1");
  put("dir/b", "2");
  const Built built = build("FROM scratch\nCOPY a dir /d/\nCOPY <<X <<Y a /e/\nx\nX\ny\nY\n");
  ASSERT_EQ(built.rootfs.layers().size(), 2U);
  const auto first = entries(built.rootfs.layers()[0]);
  EXPECT_EQ(first.at("d/a").content, digest_of("1"));
  EXPECT_EQ(first.at("d/b").content, digest_of("2"));
  EXPECT_EQ(first.at("d").mode, 0755U);
  EXPECT_EQ(first.at("d/a").uid, 0U);
  const auto second = entries(built.rootfs.layers()[1]);
  EXPECT_EQ(second.at("e/X").content, digest_of("x\n"));
  EXPECT_EQ(second.at("e/Y").content, digest_of("y\n"));
  EXPECT_EQ(second.at("e/a").content, digest_of("1"));
}

TEST_F(Executor, HEREDOC_14_paths_first_then_heredocs) {
  put("X", "path");
  const Built built = build("FROM scratch\nCOPY <<X X /d/\nheredoc\nX\n");
  EXPECT_EQ(entries(built.rootfs.layers()[0]).at("d/X").content, digest_of("heredoc\n"));
}

TEST_F(Executor, CACHE_12_a_changed_file_reruns_its_step_and_what_stands_on_it) {
  put("a", "1");
  put("b", "2");
  put("c", "3");
  const std::string text = "FROM scratch\nCOPY a /\nCOPY b /\nCOPY --link c /\n";
  build(text);
  put("b", "changed");
  EXPECT_EQ(build(text).told, "cached done cached");
  put("a", "changed");
  const Built all = build(text);
  EXPECT_EQ(all.told, "done done cached");  // COPY-26: the link copy does not stand on them
  EXPECT_EQ(all.rootfs.layers().size(), 3U);
  put("c", "changed");
  EXPECT_EQ(build(text).told, "cached cached done");
}

TEST_F(Executor, CACHE_03_CACHE_04_CACHE_05_what_a_copy_is_judged_by) {
  put("a.txt", "1");
  put("other", "1");
  const std::string text = "FROM scratch\nCOPY *.txt /d/\n";
  build(text);
  put("other", "2");
  EXPECT_EQ(build(text).told, "cached") << "a file that does not match";
  fs::last_write_time(path("context/a.txt"),
                      fs::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_EQ(build(text).told, "cached") << "mtime";
  put("b.txt", "1");
  EXPECT_EQ(build(text).told, "done") << "a file more";
  fs::rename(path("context/b.txt"), path("context/c.txt"));
  EXPECT_EQ(build(text).told, "done") << "renamed";
  fs::permissions(path("context/c.txt"), fs::perms::owner_all);
  EXPECT_EQ(build(text).told, "done") << "mode";
}

TEST_F(Executor, IMG_14_COPY_18_CACHE_04_attributes_are_kept_and_count_when_asked) {
  put("f", "1");
  const auto mark = [&](const std::string& value) {
    return ::setxattr(path("context/f").c_str(), "user.mine", value.data(), value.size(), 0) == 0;
  };
  if (!mark("1")) GTEST_SKIP() << "a file system without attributes";
  const std::string text = "FROM scratch\nCOPY f /f\n";
  const Built plain = build(text);
  EXPECT_TRUE(entries(plain.rootfs.layers()[0]).at("f").xattrs.empty());
  keep_xattrs_ = true;
  const Built kept = build(text);
  EXPECT_EQ(kept.told, "done");
  EXPECT_EQ(entries(kept.rootfs.layers()[0]).at("f").xattrs.at("user.mine"), "1");
  ASSERT_TRUE(mark("2"));
  EXPECT_EQ(build(text).told, "done");
  EXPECT_EQ(build(text).told, "cached");
  keep_xattrs_ = false;
  const Built again = build(text);
  EXPECT_EQ(again.told, "cached");
  EXPECT_EQ(again.rootfs.layers(), plain.rootfs.layers());
}

TEST_F(Executor, CACHE_20_an_equal_tree_is_answered_by_the_older_layer) {
  put("a", "1");
  put("b", "2");
  const Built first = build("FROM scratch\nCOPY a /x\nCOPY b /\n");
  clock_ += 1000;
  const Built second = build("FROM scratch\nCOPY --chown=0:0 a /x\nCOPY b /\n");
  EXPECT_EQ(second.told, "done cached");
  EXPECT_EQ(second.rootfs.layers(), first.rootfs.layers());
  EXPECT_EQ(second.results.back().created, first.results.back().created);
  EXPECT_EQ(build("FROM scratch\nCOPY --chown=0:0 a /x\nCOPY b /\n").told, "cached cached");
}

TEST_F(Executor, CACHE_15_no_cache_runs_all_and_keeps_the_results) {
  put("a", "1");
  const std::string text = "FROM scratch\nCOPY a /\nCOPY a /b\n";
  build(text);
  PlanOptions plan_options = amd64_options();
  plan_options.no_cache = true;
  const Built again = execute_plan(plan_of(text, plan_options));
  EXPECT_EQ(again.told, "done done");
  EXPECT_EQ(again.events, (Words{"open ", "run"}));  // contexts are opened before anything runs
  EXPECT_EQ(build(text).told, "cached cached");
}

TEST_F(Executor, CACHE_16_COPY_12_a_failure_has_its_place_and_leaves_the_rest_cached) {
  put("a", "1");
  try {
    build("FROM scratch\nCOPY a /\nCOPY missing /\n");
    FAIL() << "copied a missing file";
  } catch (const StepError& error) {
    EXPECT_EQ(error.code(), Errc::not_found);
    EXPECT_HAS(error.what(), "\"/missing\": not found");
    EXPECT_EQ(error.range(), (parser::SourceRange{3, 3}));
    EXPECT_EQ(error.display(), "[2/2] COPY missing /");
  }
  EXPECT_EQ(build("FROM scratch\nCOPY a /\n").told, "cached");
}

TEST_F(Executor, IGNORE_12_ignored_files_can_not_be_copied_and_influence_no_key) {
  put(".dockerignore", "secret\n");
  put("a", "1");
  put("secret", "1");
  build("FROM scratch\nCOPY . /\n");
  put("secret", "2");
  EXPECT_EQ(build("FROM scratch\nCOPY . /\n").told, "cached");
  EXPECT_THROW(build("FROM scratch\nCOPY secret /\n"), StepError);
}

TEST_F(Executor, CACHE_14_builds_at_the_same_time_do_the_work_once) {
  put("a", std::string(100'000, 'x'));
  const Plan plan = plan_of("FROM scratch\nCOPY a /\nWORKDIR /w\n");
  Guarded<std::vector<Built>> all;
  {
    std::vector<std::jthread> builds;
    for (int i = 0; i < 4; ++i) {
      builds.emplace_back([&] {
        Built built = execute_plan(plan);
        all.with([&](auto& list) { list.push_back(std::move(built)); });
      });
    }
  }
  std::size_t done = 0;
  all.with([&](const auto& list) {
    ASSERT_EQ(list.size(), 4U);
    for (const Built& built : list) {
      EXPECT_EQ(built.rootfs.layers(), list[0].rootfs.layers());
      for (std::size_t at = 0; (at = built.told.find("done", at)) != std::string::npos; ++at)
        ++done;
    }
  });
  EXPECT_EQ(done, 2U);
}

TEST_F(Executor, COPY_26_a_link_copy_reads_nothing_of_its_base) {
  put("a", "1");
  const Built one = build("FROM busybox\nCOPY --link a /\n");
  EXPECT_TRUE(fetcher_.fetched.empty());
  FakeResolver other;
  other.images["busybox"] = made_up_base("other");
  const Built two =
      execute_plan(plan_of("FROM busybox\nCOPY --link a /\n", amd64_options(), other));
  EXPECT_EQ(two.told, "cached");
  EXPECT_EQ(two.rootfs.layers().back(), one.rootfs.layers().back());
  EXPECT_NE(two.rootfs.layers().front(), one.rootfs.layers().front());
}

TEST_F(Executor, a_plain_copy_looks_at_its_base) {
  put("a", "1");
  EXPECT_THROW(build("FROM busybox\nCOPY a /\n"), StepError);  // the made-up layer is nowhere
  EXPECT_EQ(fetcher_.fetched.size(), 1U);
}

TEST_F(Executor, REPRO_05_WORKDIR_06_IMG_04_an_epoch_is_the_time_of_files_not_of_the_record) {
  put("a", "1");
  epoch_ = 1'000'000'000;
  const Built built = build("FROM scratch\nWORKDIR /w\nCOPY a /d/\n");
  EXPECT_EQ(built.results.back().created, oci::format_time(clock_));
  EXPECT_EQ(entries(built.rootfs.layers()[0]).at("w").mtime.seconds, 1'000'000'000);
  EXPECT_EQ(entries(built.rootfs.layers()[1]).at("d").mtime.seconds, 1'000'000'000);
  epoch_ = 1'000'000'001;
  EXPECT_EQ(build("FROM scratch\nWORKDIR /w\nCOPY a /d/\n").told, "done done");  // REPRO-11
}

TEST_F(Executor, REPRO_05_CACHE_20_a_layer_of_another_time_is_no_answer_with_an_epoch) {
  put("a", "1");
  const std::string text = "FROM scratch\nWORKDIR /w\nCOPY a /d/\n";
  const Built plain = build(text);
  for (const std::int64_t epoch : {1'000'000'000, 1'000'000'001}) {
    epoch_ = epoch;
    const Built built = build(text);
    EXPECT_EQ(entries(built.rootfs.layers()[0]).at("w").mtime.seconds, epoch);
    EXPECT_EQ(entries(built.rootfs.layers()[1]).at("d").mtime.seconds, epoch);
  }
  epoch_.reset();
  clock_ += 1000;
  put("b", "2");  // a step that ran again, with an equal tree
  const Built again = build("FROM scratch\nWORKDIR /w/\nCOPY a /d/\n");
  EXPECT_EQ(again.rootfs.layers()[0], plain.rootfs.layers()[0]);
}

TEST_F(Executor, CACHE_03_a_file_swapped_after_its_digest_was_taken_gives_no_record) {
  put("a", "first of its kind");
  EXPECT_EQ(build("FROM scratch\nCOPY a /x\n").told, "done");
  put("a", "old");
  const auto before = fs::last_write_time(path("context/a"));
  const auto swap = [&] {  // same size, same time: only the bytes tell
    put("a", "new");
    fs::last_write_time(path("context/a"), before);
  };
  std::vector<std::string> events;
  ExecuteOptions swapping = options(events);
  swapping.before_running = swap;
  RecordingProgress progress;
  const Plan plan = plan_of("FROM scratch\nCOPY a /x\n");
  try {
    execute(plan, *store_, fetcher_, progress, swapping, {});
    FAIL() << "the new bytes got the old key";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::io);
    EXPECT_HAS(error.what(), "changed");
  }
  EXPECT_EQ(build("FROM scratch\nCOPY a /x\n").told, "done");
}

TEST_F(Executor, CACHE_14_equal_copies_of_one_build_are_known_by_their_key_before_they_run) {
  put("a", "old");
  const auto before = fs::last_write_time(path("context/a"));
  std::vector<std::string> events;
  ExecuteOptions swapping = options(events);
  swapping.before_running = [&] {
    put("a", "new");
    fs::last_write_time(path("context/a"), before);
  };
  RecordingProgress progress;
  const Plan plan = plan_of(
      "FROM scratch AS one\nCOPY a /x\nFROM scratch AS two\nCOPY a /x\n"
      "FROM scratch\nCOPY --from=one x /1\nCOPY --from=two x /2\n");
  EXPECT_THROW(execute(plan, *store_, fetcher_, progress, swapping, {}), StepError);
}

// The first of its kind is read when it is written: a swap before that is no swap.
TEST_F(Executor, CACHE_03_the_first_copy_of_its_kind_has_the_key_of_what_was_written) {
  fs::create_directories(path("context/d"));
  put("d/a", "old");
  const auto before = fs::last_write_time(path("context/d/a"));
  std::vector<std::string> events;
  ExecuteOptions swapping = options(events);
  swapping.before_running = [&] {
    put("d/a", "new");
    fs::last_write_time(path("context/d/a"), before);
  };
  RecordingProgress progress;
  const std::string text = "FROM scratch\nCOPY d /\n";
  const Plan plan = plan_of(text);
  const auto results = execute(plan, *store_, fetcher_, progress, swapping, {});
  const LayerStack& rootfs = results[plan.result().rootfs].rootfs;
  EXPECT_EQ(entries(rootfs.layers()[0]).at("a").content, digest_of("new"));
  const Built again = build(text);
  EXPECT_EQ(again.told, "cached");
  EXPECT_EQ(again.rootfs.layers(), rootfs.layers());
  put("d/a", "old");
  EXPECT_EQ(entries(build(text).rootfs.layers()[0]).at("a").content, digest_of("old"));
}

// What is noted of it only saves looking through all records.
TEST_F(Executor, CACHE_19_a_kind_of_copy_of_which_nothing_is_noted_is_cached_all_the_same) {
  put("a", "1");
  const std::string text = "FROM scratch\nCOPY a /x\n";
  const Built first = build(text);
  const auto kinds = store_->facts("copied");
  ASSERT_EQ(kinds.size(), 1U);
  store_->drop_fact("copied", kinds.begin()->first);
  const Built again = build(text);
  EXPECT_EQ(again.told, "cached");
  EXPECT_EQ(again.rootfs.layers(), first.rootfs.layers());
  EXPECT_EQ(again.events, std::vector<std::string>{"open "});  // nothing was started
  EXPECT_EQ(store_->facts("copied"), kinds);
}

TEST_F(Executor, CTX_11_named_contexts_are_opened_when_used) {
  put("assets/f", "1");
  PlanOptions plan_options = amd64_options();
  plan_options.named_contexts = directories({"assets", "broken"});
  const Built built = execute_plan(plan_of("FROM scratch\nCOPY --from=assets f /\n", plan_options));
  EXPECT_EQ(built.told, "done");
  EXPECT_EQ(built.events.front(), "open assets");
}

TEST_F(Executor, ERR_06_a_stop_request_cancels) {
  put("a", "1");
  std::stop_source stop;
  stop.request_stop();
  try {
    execute_plan(plan_of("FROM scratch\nCOPY a /\n"), stop.get_token());
    FAIL() << "ran";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::cancelled);
  }
}

}  // namespace
}  // namespace cooper::builder
