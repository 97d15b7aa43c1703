#include "oci/image.h"
#include "tests/oci/expect_error.h"
#include "tests/oci/golden.h"

namespace cooper::oci {
namespace {

using tests::expect_error;
using tests::expect_golden;
using tests::read_testdata;
using Words = std::vector<std::string>;

ImageConfig full_config() {
  ImageConfig config;
  config.user = "1000:users";
  config.env = {"PATH=/usr/bin:/bin", "EMPTY=", "Q=\"a b\"\n<&>"};
  config.entrypoint = Words{"/init", "--"};
  config.cmd = Words{"serve"};
  config.working_dir = "/srv";
  config.labels = {{"z", "26"}, {"a", "1"}};
  config.exposed_ports = {"80/tcp", "53/udp"};
  config.volumes = {"/data"};
  config.stop_signal = "SIGTERM";
  config.shell = Words{"/bin/bash", "-c"};
  config.healthcheck = Healthcheck{{"CMD-SHELL", "true"}, 30'000'000'000, 1'000'000'000, 5, 7, 3};
  config.on_build = {"RUN make"};
  config.args_escaped = true;
  config.platform = {"linux", "arm", "v7", "6.1"};
  config.author = "me";
  config.created = "2024-01-02T03:04:05.6Z";
  config.diff_ids = {DiffId{sha256("one")}, DiffId{sha256("two")}};
  config.history = {
      {"2024-01-02T03:04:05Z", "COPY . . # buildkit", "", "buildkit.dockerfile.v0", false},
      {"", "ENV a=b", "me", "", true}};
  return config;
}

TEST(ImageConfig, golden_and_round_trip) {
  const std::string json = to_json(full_config());
  EXPECT_EQ(parse_config(json, "config"), full_config());
  expect_golden("config/full.json", json);
}

// OUT-19: metadata only, no layer.
TEST(ImageConfig, OUT_19_empty_image) {
  ImageConfig config;
  config.platform = {"linux", "amd64", "", ""};
  const std::string json = to_json(config);
  EXPECT_EQ(
      json,
      R"({"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}})");
  EXPECT_EQ(parse_config(json, "config"), config);
}

TEST(ImageConfig, HEALTH_04_unset_options_are_absent) {
  ImageConfig config;
  config.healthcheck = Healthcheck{{"NONE"}, 0, 0, 0, 0, 0};
  EXPECT_THAT(to_json(config), testing::HasSubstr(R"("Healthcheck":{"Test":["NONE"]})"));
}

TEST(ImageConfig, empty_words_are_left_out) {
  ImageConfig config;
  config.cmd = Words{};
  config.entrypoint = Words{};
  EXPECT_THAT(to_json(config), testing::HasSubstr(R"("config":{})"));
}

// What an engine of 2017 wrote: nulls for nothing, members nobody needs any more.
TEST(ImageConfig, IMG_06_nulls_and_old_members_of_real_images) {
  const ImageConfig config = parse_config(read_testdata("config/engine-2017.json"), "config");
  EXPECT_EQ(config.platform.str(), "linux/amd64");
  EXPECT_EQ(config.cmd, Words{"sh"});
  EXPECT_EQ(config.entrypoint, std::nullopt);
  EXPECT_EQ(config.shell, std::nullopt);
  EXPECT_TRUE(config.labels.empty());
  EXPECT_TRUE(config.volumes.empty());
  EXPECT_TRUE(config.on_build.empty());
  EXPECT_EQ(config.env, Words{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"});
  EXPECT_EQ(config.created, "2017-03-09T18:28:04.586987216Z");
  ASSERT_EQ(config.history.size(), 2U);
  EXPECT_TRUE(config.history[1].empty_layer);
  EXPECT_EQ(config.diff_ids.size(), 1U);
}

TEST(ImageConfig, null_parts_count_as_absent) {
  const ImageConfig config = parse_config(
      R"({"architecture":"amd64","os":"linux","config":null,"history":null,"created":null,
          "rootfs":{"type":"layers","diff_ids":null}})",
      "config");
  EXPECT_TRUE(config.diff_ids.empty());
  EXPECT_TRUE(config.history.empty());
  EXPECT_EQ(config.created, "");
  EXPECT_EQ(config.healthcheck, std::nullopt);
}

TEST(ImageConfig, bytes_that_are_no_utf_8_print_as_replacement) {
  ImageConfig config;
  config.env = {"A=\xc3(", "B=\xed\xa0\x80", "C=ok\xf0\x9f\x90\xb3"};
  const ImageConfig read = parse_config(to_json(config), "config");
  EXPECT_THAT(read.env[0], testing::HasSubstr("\xef\xbf\xbd("));
  EXPECT_EQ(read.env[2], config.env[2]);
}

TEST(ImageConfig, printing_depends_on_content_only) {
  ImageConfig other = full_config();
  other.labels.clear();
  other.labels["a"] = "1";
  other.labels["z"] = "26";
  EXPECT_EQ(to_json(other), to_json(full_config()));
}

TEST(ImageConfig, hostile_documents_are_refused) {
  const std::string good = to_json(full_config());
  struct Row {
    std::string from, to, phrase;
    Errc code = Errc::corrupt;
  };
  const Row rows[] = {
      {"\"architecture\":", "\"x\":", "c: the document lacks the member \"architecture\""},
      {"\"os\":", "\"x\":", "c: the document lacks the member \"os\""},
      {"\"rootfs\":", "\"x\":", "c: the document lacks the member \"rootfs\""},
      {"\"type\":\"layers\"", "\"type\":\"btrfs\"", "c: rootfs.type must be \"layers\""},
      {"\"diff_ids\":[", "\"diff_ids\":[7,", "c: rootfs.diff_ids[0] must be a string"},
      {"\"diff_ids\":[\"sha256:", "\"diff_ids\":[\"sha256:x", "c: rootfs.diff_ids[0] is damaged"},
      {"\"diff_ids\":[\"sha256:", "\"diff_ids\":[\"sha512:", "sha512", Errc::unsupported},
      {"\"config\":{", "\"config\":[],\"x\":{", "c: config must be an object"},
      {"\"Env\":[", "\"Env\":[null,", "c: config.Env[0] must be a string"},
      {"\"Env\":[", "\"Env\":{},\"x\":[", "c: config.Env must be an array"},
      {"\"Cmd\":[\"serve\"]", "\"Cmd\":\"serve\"", "c: config.Cmd must be an array"},
      {"\"User\":\"1000:users\"", "\"User\":1000", "c: config.User must be a string"},
      {"\"a\":\"1\"", "\"a\":1", "c: config.Labels.a must be a string"},
      {"\"Volumes\":{\"/data\":{}}", "\"Volumes\":[\"/data\"]",
       "c: config.Volumes must be an object"},
      {"\"ArgsEscaped\":true", "\"ArgsEscaped\":1", "c: config.ArgsEscaped must be true or false"},
      {"\"Retries\":3", "\"Retries\":-3", "c: config.Healthcheck.Retries is out of range"},
      {"\"Retries\":3", "\"Retries\":3000000000", "c: config.Healthcheck.Retries is out of range"},
      {"\"Interval\":30000000000", "\"Interval\":\"30s\"",
       "c: config.Healthcheck.Interval must be"},
      {"\"created\":\"2024", "\"created\":\"x2024", "c: created must be an RFC 3339 time"},
      {"\"history\":[{\"created\":\"2024", "\"history\":[{\"created\":\"x",
       "c: history[0].created must be"},
      {"\"history\":[", "\"history\":[[],", "c: history[0] must be an object"},
      {"\"empty_layer\":true", "\"empty_layer\":\"true\"", "c: history[1].empty_layer must be"},
      {"\"author\":\"me\"", "\"author\":{}", "c: author must be a string"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.to);
    std::string text = good;
    const std::size_t at = text.find(row.from);
    ASSERT_NE(at, std::string::npos) << row.from;
    text.replace(at, row.from.size(), row.to);
    expect_error(row.code, row.phrase, [&] { parse_config(text, "c"); });
  }
}

TEST(ImageConfig, truncation_anywhere_is_refused) {
  const std::string json = to_json(full_config());
  for (std::size_t size = 0; size < json.size(); ++size) {
    expect_error(Errc::corrupt, "c: ", [&] { parse_config(json.substr(0, size), "c"); });
  }
}

}  // namespace
}  // namespace cooper::oci
