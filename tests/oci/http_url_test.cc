#include "oci/http_url.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace cooper::oci {
namespace {

TEST(HttpUrl, redacted_url_hides_user_query_and_fragment) {
  EXPECT_EQ(redacted_url("https://u:p@h:5/v2/?token=x#y"), "https://h:5/v2/");
  EXPECT_EQ(redacted_url("https://u:p/x@h/"), "https://u:p/x@h/");  // the @ is in the path
  EXPECT_EQ(redacted_url("https://a@b@h"), "https://h");
  EXPECT_EQ(redacted_url("http://h/p"), "http://h/p");
  EXPECT_EQ(redacted_url(""), "");
}

TEST(HttpUrl, authority_is_as_written) {
  EXPECT_EQ(authority_of("http://localhost:5000/v2/"), "localhost:5000");
  EXPECT_EQ(authority_of("https://u:p@example.org/x?y"), "example.org");
}

TEST(HttpUrl, origin_is_scheme_host_and_port) {
  EXPECT_TRUE(same_origin("https://h/a", "https://H:443/b"));
  EXPECT_FALSE(same_origin("https://h/a", "http://h/a"));
  EXPECT_FALSE(same_origin("https://h/a", "https://h:444/a"));
  EXPECT_FALSE(same_origin("https://h/a", "https://h.evil/a"));
  EXPECT_FALSE(same_origin("https://h/a", "https://h@evil/a"));
}

TEST(HttpUrl, locations_resolve_like_links) {
  EXPECT_EQ(resolve_url("https://h/v2/a/uploads/", "/v2/x?y=%2F"), "https://h/v2/x?y=%2F");
  EXPECT_EQ(resolve_url("https://h/v2/a", "https://o:7/b"), "https://o:7/b");
  EXPECT_EQ(resolve_url("https://h/v2/a", "b?c"), "https://h/v2/b?c");
}

TEST(HttpUrl, hostile_locations_are_refused) {
  for (const std::string location : {"file:///etc/passwd", "gopher://h/", "ftp://h/", "https://",
                                     "http://h:99999/", "http://[::1", ""}) {
    EXPECT_THROW(redirect_target("http://h/", location), Error) << location;
  }
  EXPECT_THROW(redirect_target("http://h/", std::string("http://h/\0x", 11)), Error);
}

TEST(HttpUrl, https_is_never_left_for_http) {
  try {
    redirect_target("https://h/a", "http://h/b?secret");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::denied);
    EXPECT_STREQ(error.what(), "https://h/a redirects from https to http://h/b");
  }
  EXPECT_EQ(redirect_target("http://h/a", "https://h/b"), "https://h/b");
}

TEST(HttpUrl, query_values_are_encoded) {
  EXPECT_EQ(with_query("http://h/x", "digest", "sha256:ab"), "http://h/x?digest=sha256%3Aab");
  EXPECT_EQ(with_query("http://h/x?s=1", "a b", "&="), "http://h/x?s=1&a%20b=%26%3D");
}

TEST(HttpUrl, loopback_names) {
  for (const char* name :
       {"localhost", "localhost:5000", "LOCALHOST", "127.0.0.1", "127.9.8.7:80", "[::1]:5000"}) {
    EXPECT_TRUE(is_loopback(name)) << name;
  }
  for (const char* name : {"127.0.0.1.example.org", "localhost.example.org", "127.example.org",
                           "10.0.0.1", "docker.io", "", "[::2]", "127.0.0.1.5"}) {
    EXPECT_FALSE(is_loopback(name)) << name;
  }
}

}  // namespace
}  // namespace cooper::oci
