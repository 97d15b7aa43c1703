#include "builder/early_archive.h"

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "oci/image.h"
#include "tests/builder/store_fixture.h"

namespace cooper::builder {
namespace {

class EarlyArchiveTest : public StoreTest {
 protected:
  static constexpr std::size_t kBaseBytes = 17 << 20;

  void SetUp() override {
    try {
      AtomicFile(path("out"), AtomicFile::Meanwhile::nameless);
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();  // a file system that has no nameless files
    }
    base_ = oci::write_blob(*store_, oci::kLayerTarType, std::string(kBaseBytes, 'b'));
    own_ = oci::write_blob(*store_, oci::kLayerTarType, "what the step made");
    fs::create_directories(path("out"));
    output_.kind = Output::Kind::oci;
    output_.destination = path("out/image.tar");
    plan_ = plan_on({base_});
  }

  static Plan plan_on(const std::vector<oci::Descriptor>& layers) {
    SourceStep source{SourceStep::Kind::image, "base", "base", {}};
    for (const oci::Descriptor& layer : layers)
      source.layers.push_back({layer, {layer.digest.value}});
    Plan plan;
    plan.steps.push_back({source, "", "", {}});
    plan.steps.push_back({RunStep{}, "", "", {}});
    plan.targets.emplace_back().result.rootfs = 1;
    return plan;
  }

  oci::ExportImage image_of(const std::vector<oci::Descriptor>& layers) {
    oci::Manifest manifest;
    manifest.config = oci::write_blob(*store_, oci::kConfigType, "{}");
    manifest.layers = layers;
    return {oci::write_blob(*store_, oci::kManifestType, oci::to_json(manifest)), {}, std::nullopt};
  }

  std::string whole(const oci::ExportImage& image, bool docker_format = false) {
    StringSink out;
    oci::write_archive(*store_, {image}, docker_format, out);
    return out.text;
  }

  std::unique_ptr<EarlyArchive> begin(const Plan& plan) {
    return EarlyArchive::begin(plan, outputs_, *store_, {},
                               [this](const fs::path&) { return room_.load(); });
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path("out")), {}));
  }

  oci::Descriptor base_;
  oci::Descriptor own_;
  Output output_;
  Plan plan_;
  std::vector<Output> outputs_;
  std::atomic<std::uint64_t> room_ = std::uint64_t{3} << 30;
};

// nullopt: there is none in the folder.
std::optional<std::uint64_t> bytes_of_nameless_file(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const fs::path target = fs::read_symlink(entry.path(), gone);
    struct stat status {};
    const bool is_one = !gone && target.string().starts_with(folder.string() + "/#");
    if (is_one && ::stat(entry.path().c_str(), &status) == 0) {
      return static_cast<std::uint64_t>(status.st_size);
    }
  }
  return std::nullopt;
}

// Within a minute.
bool comes_true(const std::function<bool()>& condition) {
  for (int i = 0; i < 60'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

TEST_F(EarlyArchiveTest, OUT_13_OUT_14_it_is_the_same_archive) {
  for (const auto kind : {Output::Kind::oci, Output::Kind::docker}) {
    output_.kind = kind;
    Output name;
    outputs_ = {name, output_};
    const auto begun = begin(plan_);
    ASSERT_TRUE(begun);
    const oci::ExportImage image = image_of({base_, own_});
    EXPECT_FALSE(begun->finish(outputs_[0], *store_, image)) << "another output";
    EXPECT_EQ(files(), 0U) << "a step could find it";
    ASSERT_TRUE(begun->finish(outputs_[1], *store_, image));
    EXPECT_EQ(files(), 1U);
    EXPECT_EQ(read_file(output_.destination), whole(image, kind == Output::Kind::docker));
    fs::remove(output_.destination);
  }
}

TEST_F(EarlyArchiveTest, a_layer_that_is_there_twice_is_written_once) {
  outputs_ = {output_};
  const auto begun = begin(plan_on({base_, base_}));
  ASSERT_TRUE(begun);
  const oci::ExportImage image = image_of({base_, base_, own_});
  ASSERT_TRUE(begun->finish(outputs_[0], *store_, image));
  EXPECT_EQ(read_file(output_.destination), whole(image));
}

TEST_F(EarlyArchiveTest, what_the_store_lacks_comes_later) {
  outputs_ = {output_};
  const oci::Descriptor late{std::string(oci::kLayerTarType), {oci::sha256("late")}, 4};
  const auto begun = begin(plan_on({base_, late}));
  ASSERT_TRUE(begun);
  EXPECT_EQ(oci::write_blob(*store_, oci::kLayerTarType, "late").digest, late.digest);
  const oci::ExportImage image = image_of({base_, late});
  ASSERT_TRUE(begun->finish(outputs_[0], *store_, image));
  EXPECT_EQ(read_file(output_.destination), whole(image));
}

TEST_F(EarlyArchiveTest, another_beginning_is_not_published) {
  outputs_ = {output_};
  write_file(output_.destination, "old");
  const auto begun = begin(plan_);
  ASSERT_TRUE(begun);
  EXPECT_FALSE(begun->finish(outputs_[0], *store_, image_of({own_, base_})));
  EXPECT_FALSE(begun->finish(outputs_[0], *store_, image_of({base_, own_}))) << "it is given up";
  EXPECT_EQ(read_file(output_.destination), "old");
  EXPECT_EQ(files(), 1U);
}

TEST_F(EarlyArchiveTest, what_fails_early_is_left_to_the_whole_archive) {
  outputs_ = {output_};
  oci::Descriptor damaged = base_;
  damaged.size_bytes += 1;
  const auto begun = begin(plan_on({damaged}));
  ASSERT_TRUE(begun);
  EXPECT_FALSE(begun->finish(outputs_[0], *store_, image_of({base_})));
  std::stop_source stopped;
  stopped.request_stop();
  const auto interrupted = EarlyArchive::begin(plan_, outputs_, *store_, stopped.get_token(),
                                               [this](const fs::path&) { return room_.load(); });
  ASSERT_TRUE(interrupted);
  EXPECT_FALSE(interrupted->finish(outputs_[0], *store_, image_of({base_})));
  EXPECT_EQ(files(), 0U);
}

TEST_F(EarlyArchiveTest, what_is_no_plain_file_by_now_is_not_replaced) {
  outputs_ = {output_};
  for (const bool link : {true, false}) {
    const auto begun = begin(plan_);
    ASSERT_TRUE(begun);
    if (link) {
      fs::create_symlink("elsewhere", output_.destination);
    } else {
      fs::create_directories(output_.destination);
    }
    EXPECT_FALSE(begun->finish(outputs_[0], *store_, image_of({base_, own_})));
    EXPECT_EQ(files(), 1U);
    EXPECT_EQ(fs::is_symlink(output_.destination), link);
    fs::remove(output_.destination);
  }
}

TEST_F(EarlyArchiveTest, it_is_given_up_when_room_gets_short) {
  outputs_ = {output_};
  const auto begun = begin(plan_);
  ASSERT_TRUE(begun);
  EXPECT_TRUE(comes_true([&] { return bytes_of_nameless_file(path("out")) >= kBaseBytes; }));
  room_ = 1000;
  EXPECT_TRUE(comes_true([&] { return !bytes_of_nameless_file(path("out")); }));
  room_ = std::uint64_t{3} << 30;
  EXPECT_FALSE(begun->finish(outputs_[0], *store_, image_of({base_, own_})));
  EXPECT_EQ(files(), 0U);
}

TEST_F(EarlyArchiveTest, room_that_gets_short_while_it_is_written_counts_until_it_is_due) {
  outputs_ = {output_};
  const std::thread::id here = std::this_thread::get_id();
  for (const bool beside : {true, false}) {
    bool asked = false;  // by this thread: once, to begin
    const auto begun =
        EarlyArchive::begin(plan_, outputs_, *store_, {}, [&, beside](const fs::path&) {
          const bool is_short =
              std::this_thread::get_id() == here ? std::exchange(asked, true) : beside;
          return is_short ? std::uint64_t{1000} : std::uint64_t{3} << 30;
        });
    ASSERT_TRUE(begun);
    const oci::ExportImage image = image_of({base_, own_});
    EXPECT_TRUE(beside ||
                comes_true([&] { return bytes_of_nameless_file(path("out")) >= kBaseBytes; }));
    EXPECT_TRUE(!beside || comes_true([&] { return !bytes_of_nameless_file(path("out")); }));
    EXPECT_EQ(begun->finish(outputs_[0], *store_, image), !beside);
  }
}

TEST(RoomBeside, is_what_is_free_but_not_memory) {
  struct statfs status {};
  const bool has_tmpfs = ::statfs("/dev/shm", &status) == 0 && status.f_type == TMPFS_MAGIC;
  EXPECT_TRUE(!has_tmpfs || room_beside("/dev/shm/file") == 0);
  EXPECT_EQ(room_beside("/proc/file"), 0U);
  EXPECT_EQ(room_beside("/no/such/folder/file"), 0U);
}

TEST_F(EarlyArchiveTest, without_an_end_nothing_is_left) {
  outputs_ = {output_};
  write_file(output_.destination, "old");
  EXPECT_TRUE(begin(plan_));
  EXPECT_EQ(read_file(output_.destination), "old");
  EXPECT_EQ(files(), 1U);
}

TEST_F(EarlyArchiveTest, is_not_begun_where_it_could_be_noticed_or_is_not_worth_it) {
  outputs_ = {output_};
  EXPECT_FALSE(begin(plan_on({own_}))) << "small";
  room_ = std::uint64_t{2} << 30;
  EXPECT_FALSE(begin(plan_)) << "little room";
  room_ = std::uint64_t{3} << 30;
  EXPECT_FALSE(begin(plan_on({}))) << "scratch";
  EXPECT_FALSE(
      begin(plan_on({{std::string(oci::kLayerTarType), {oci::sha256("no")}, kBaseBytes}})));
  Plan two = plan_;
  two.targets.push_back(two.targets[0]);
  EXPECT_FALSE(begin(two));
  Plan platforms = plan_;
  platforms.targets[0].platforms.emplace_back();
  EXPECT_FALSE(begin(platforms));

  const auto refused = [&](const std::function<void(Output&)>& change) {
    outputs_ = {output_};
    change(outputs_[0]);
    return begin(plan_) == nullptr;
  };
  EXPECT_TRUE(refused([](Output& output) { output.to_stdout = true; }));
  EXPECT_TRUE(refused([](Output& output) { output.as_directory = true; }));
  EXPECT_TRUE(refused([](Output& output) { output.kind = Output::Kind::tar; }));
  EXPECT_TRUE(refused([](Output& output) { output.kind = Output::Kind::image; }));
  EXPECT_TRUE(refused([](Output& output) { output.destination = "/dev/null"; }));
  EXPECT_TRUE(refused([&](Output& output) { output.destination = path("out"); }));
  EXPECT_TRUE(refused([&](Output& output) { output.destination = path("nowhere/image.tar"); }));
  EXPECT_TRUE(refused([&](Output& output) {
    fs::create_symlink("image.tar", path("out/link"));
    output.destination = path("out/link");
  }));
}

}  // namespace
}  // namespace cooper::builder
