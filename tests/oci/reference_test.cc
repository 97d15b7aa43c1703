#include "oci/reference.h"

#include "tests/oci/expect_error.h"

namespace cooper::oci {
namespace {

const std::string kHex(64, 'a');
const std::string kDigest = "sha256:" + kHex;

TEST(Reference, CTX_10_names_are_normalised_and_shortened) {
  struct Row {
    std::string text;
    std::string full;
    std::string familiar;
  };
  const Row rows[] = {
      {"busybox", "docker.io/library/busybox:latest", "busybox:latest"},
      {"busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"},
      {"library/busybox", "docker.io/library/busybox:latest", "busybox:latest"},
      {"docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"},
      {"docker.io/library/busybox", "docker.io/library/busybox:latest", "busybox:latest"},
      {"index.docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"},
      {"me/app:v1", "docker.io/me/app:v1", "me/app:v1"},
      {"library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"},
      {"docker.io/localhost/x", "docker.io/localhost/x:latest", "docker.io/localhost/x:latest"},
      {"localhost/x", "localhost/x:latest", "localhost/x:latest"},
      {"localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x:latest"},
      {"127.0.0.1:5000/a/b:t", "127.0.0.1:5000/a/b:t", "127.0.0.1:5000/a/b:t"},
      {"[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a:latest"},
      {"[fe80::1]/a", "[fe80::1]/a:latest", "[fe80::1]/a:latest"},
      {"ghcr.io/a/b-c.d_e__f", "ghcr.io/a/b-c.d_e__f:latest", "ghcr.io/a/b-c.d_e__f:latest"},
      {"Host/app", "Host/app:latest", "Host/app:latest"},
      {"a---b", "docker.io/library/a---b:latest", "a---b:latest"},
      {"x:_T.9-", "docker.io/library/x:_T.9-", "x:_T.9-"},
      {"x@" + kDigest, "docker.io/library/x@" + kDigest, "x@" + kDigest},
      {"x:t@" + kDigest, "docker.io/library/x:t@" + kDigest, "x:t@" + kDigest},
      {"r.io:443/x:t@" + kDigest, "r.io:443/x:t@" + kDigest, "r.io:443/x:t@" + kDigest},
      {"host:5000", "docker.io/library/host:5000", "host:5000"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.text);
    const Reference reference = parse_reference(row.text);
    EXPECT_EQ(reference.str(), row.full);
    EXPECT_EQ(reference.familiar(), row.familiar);
    EXPECT_EQ(parse_reference(reference.str()), reference);
    EXPECT_EQ(parse_reference(reference.familiar()), reference);
  }
}

TEST(Reference, parts) {
  const Reference reference = parse_reference("r.io/a/b:t@" + kDigest);
  EXPECT_EQ(reference.registry, "r.io");
  EXPECT_EQ(reference.repository, "a/b");
  EXPECT_EQ(reference.name(), "r.io/a/b");
  EXPECT_EQ(reference.tag, "t");
  EXPECT_EQ(reference.digest->hex(), kHex);
  EXPECT_EQ(parse_reference("a@" + kDigest).tag, "");
}

TEST(Reference, FROM_15_malformed_text_is_refused) {
  const std::string rows[] = {
      "",
      " ",
      "/",
      "a/",
      "/a",
      "a//b",
      "a b",
      "Busybox",
      "r.io/App",
      "docker.io/",
      ":latest",
      "@" + kDigest,
      "a:",
      "a:-x",
      "a:.x",
      "a:b c",
      "a:" + std::string(129, 'x'),
      "a:b:c",
      "a@",
      "a@sha256:abc",
      "a@b@" + kDigest,
      "a@sha256:" + std::string(64, 'A'),
      "a@" + kDigest + "x",
      "-a",
      "a-",
      "a..b",
      "a___b",
      "a._b",
      "_a",
      "a_",
      ".a",
      "r.io:/a",
      "r.io:x/a",
      "-r.io/a",
      "r.-io/a",
      "r..io/a",
      "[::1/a",
      "[]/a",
      "[xyz]/a",
      "[::1]5/a",
      "a\nb",
      "../a",
      "./a",
      "https://r.io/a",
      "r.io/" + std::string(256, 'a'),
      std::string(248, 'a'),  // "library/" counts
      kHex,
      "ä",
      std::string("a\0b", 3),
  };
  for (const std::string& text : rows) {
    SCOPED_TRACE(text);
    tests::expect_error(Errc::invalid, "invalid reference format", [&] { parse_reference(text); });
  }
}

TEST(Reference, messages_say_what_is_wrong) {
  tests::expect_error(Errc::invalid, "repository name (App) must be lowercase",
                      [] { parse_reference("App"); });
  tests::expect_error(Errc::unsupported, "sha512",
                      [] { parse_reference("a@sha512:" + kHex + kHex); });
}

TEST(Reference, limits_are_inclusive) {
  EXPECT_EQ(parse_reference("r.io/" + std::string(255, 'a')).repository.size(), 255U);
  EXPECT_EQ(parse_reference(std::string(247, 'a')).repository.size(), 255U);
  EXPECT_EQ(parse_reference("a:" + std::string(128, 'x')).tag.size(), 128U);
}

}  // namespace
}  // namespace cooper::oci
