// Plans that need no process and no namespace: COPY from contexts and WORKDIR.
#include <sys/xattr.h>

#include <thread>

#include "builder/step_error.h"
#include "tests/builder/executor_fixture.h"

namespace cooper::builder {
namespace {

using Executor = ExecutorTest;

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
