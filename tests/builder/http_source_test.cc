#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "oci/http_retry.h"
#include "tests/builder/source_fixture.h"
#include "tests/support/http_server.h"

namespace cooper::builder {
namespace {

using tests::HttpServer;
using tests::ServerRequest;
using tests::ServerResponse;

constexpr const char* kDate = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr std::int64_t kDateSeconds = 784111777;

oci::ContentDigest digest_of(const std::string& text) { return {oci::sha256(text)}; }

class HttpSources : public SourceTest {
 protected:
  // One file behind /f, with what a good server says of it.
  ServerResponse answer(const ServerRequest& request) {
    ServerResponse response;
    if (request.path != "/f") return {404, {}, "nothing here"};
    if (etag_) response.headers.emplace_back("ETag", *etag_);
    if (!date_.empty()) response.headers.emplace_back("Last-Modified", date_);
    if (etag_ && honest_ && request.header("if-none-match") == *etag_) {
      response.status = 304;
      return response;
    }
    response.body = request.method == "HEAD" ? "" : content_;
    return response;
  }
  HttpSource source() { return {server_.url("/f"), std::nullopt}; }
  std::size_t gets() {
    const auto log = server_.log();
    return static_cast<std::size_t>(std::count(log.begin(), log.end(), "GET /f"));
  }

  std::string content_ = "one";
  std::optional<std::string> etag_ = "\"1\"";
  std::string date_ = kDate;
  bool honest_ = true;  // answers 304 where it should
  HttpServer server_{[this](const ServerRequest& request) { return answer(request); }};
};

TEST_F(HttpSources, ADD_10_a_downloaded_file) {
  const PlannedLayer layer = get(source());
  EXPECT_FALSE(found_);
  const auto entry = tree(layer)->find(TreePath::clean(kDownloadName));
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->mode, 0600U);
  EXPECT_EQ(entry->uid, 0U);
  EXPECT_EQ(entry->gid, 0U);
  EXPECT_EQ(entry->mtime.seconds, kDateSeconds);
  EXPECT_EQ(text(layer, "context"), "one");
  date_.clear();
  etag_.reset();
  EXPECT_EQ(tree(get(source()))->find(TreePath::clean(kDownloadName))->mtime.seconds, 0);
}

TEST_F(HttpSources, ADD_11_an_unchanged_url_is_not_transferred_again) {
  const PlannedLayer first = get(source());
  EXPECT_EQ(get(source()), first);
  EXPECT_TRUE(found_);
  honest_ = false;  // answers 200 to a HEAD, with the same ETag
  EXPECT_EQ(get(source()), first);
  EXPECT_TRUE(found_);
  EXPECT_EQ(gets(), 1U);
  content_ = "two";
  etag_ = "\"2\"";
  EXPECT_EQ(text(get(source()), "context"), "two");
  EXPECT_EQ(gets(), 2U);
}

TEST_F(HttpSources, ADD_11_without_an_etag_it_is_fetched_every_time) {
  etag_.reset();
  get(source());
  content_ = "two";
  EXPECT_EQ(text(get(source()), "context"), "two");
  EXPECT_EQ(gets(), 2U);
}

TEST_F(HttpSources, ADD_11_a_layer_that_is_gone_is_fetched_again) {
  get(source());
  store_->prune({});
  EXPECT_EQ(text(get(source()), "context"), "one");
  EXPECT_EQ(gets(), 2U);
}

TEST_F(HttpSources, ADD_12_ERR_status_outside_200_to_399) {
  const auto missing = failure(HttpSource{server_.url("/x?token=s"), std::nullopt});
  EXPECT_HAS(missing.message, "invalid response status 404");
  EXPECT_EQ(missing.message.find("token"), std::string::npos);
  EXPECT_EQ(missing.code, Errc::not_found);
}

TEST_F(HttpSources, ADD_12_busy_servers_are_asked_again) {
  std::atomic<int> calls = 0;
  HttpServer server([&](const ServerRequest&) -> ServerResponse {
    if (++calls < 3) return {503, {}, "busy"};
    return {200, {}, "at last"};
  });
  EXPECT_EQ(text(get(HttpSource{server.url("/f"), {}}), "context"), "at last");
  HttpServer never([&](const ServerRequest&) { return ServerResponse{503, {}, "busy"}; });
  EXPECT_HAS(failure(HttpSource{never.url("/f"), {}}).message, "invalid response status 503");
  EXPECT_EQ(never.log().size(), 4U);
}

TEST_F(HttpSources, ADD_12_a_broken_transfer_starts_over) {
  std::atomic<int> calls = 0;
  HttpServer server([&](const ServerRequest&) {
    ServerResponse response{200, {}, std::string(100'000, 'x')};
    if (++calls == 1) response.drop_after = 50'000;
    return response;
  });
  EXPECT_EQ(text(get(HttpSource{server.url("/f"), {}}), "context"), std::string(100'000, 'x'));
}

TEST_F(HttpSources, ADD_12_redirects_are_followed_without_our_login) {
  HttpServer elsewhere([](const ServerRequest& request) {
    return ServerResponse{200, {}, request.header("authorization") + "."};
  });
  HttpServer server([&](const ServerRequest&) {
    return ServerResponse{302, {{"Location", elsewhere.url("/there")}}, ""};
  });
  secrets_["HTTP_AUTH_TOKEN_127.0.0.1"] = "t";
  EXPECT_EQ(text(get(HttpSource{server.url("/f"), {}}), "context"), ".");
}

TEST_F(HttpSources, ADD_13_secrets_of_the_host) {
  HttpServer server([](const ServerRequest& request) {
    return ServerResponse{200, {}, request.header("authorization")};
  });
  const HttpSource url{server.url("/f"), {}};
  secrets_["HTTP_AUTH_TOKEN_elsewhere"] = "no";
  EXPECT_EQ(text(get(url), "context"), "");
  secrets_["HTTP_AUTH_HEADER_127.0.0.1"] = "Basic abc\n";
  EXPECT_EQ(text(get(url), "context"), "Basic abc");
  secrets_["HTTP_AUTH_TOKEN_127.0.0.1"] = "t\n";
  EXPECT_EQ(text(get(url), "context"), "Bearer t");
}

TEST_F(HttpSources, ADD_14_ADD_15_checksums) {
  HttpSource checked{server_.url("/f"), digest_of("one")};
  const PlannedLayer layer = get(checked);
  EXPECT_EQ(text(layer, "context"), "one");
  content_ = "two";
  EXPECT_EQ(get(checked), layer);  // known by its digest
  EXPECT_TRUE(found_);
  EXPECT_EQ(server_.log().size(), 1U);
  checked.url = "http://127.0.0.1:1/gone";
  EXPECT_EQ(get(checked), layer);
  const auto wrong = failure(HttpSource{server_.url("/f"), digest_of("three")});
  EXPECT_EQ(wrong.code, Errc::invalid);
  EXPECT_HAS(wrong.message, "digest mismatch");
  EXPECT_HAS(wrong.message, digest_of("two").str());
  EXPECT_HAS(wrong.message, digest_of("three").str());
}

TEST_F(HttpSources, ADD_15_plain_downloads_serve_checksums_too) {
  const PlannedLayer plain = get(source());
  EXPECT_EQ(get(HttpSource{server_.url("/f"), digest_of("one")}), plain);
  EXPECT_TRUE(found_);
}

TEST_F(HttpSources, content_that_was_packed_for_the_way_is_unpacked) {
  // gzip -n of "packed\n"
  const std::string packed("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x2b\x48\x4c\xce\x4e\x4d\xe1\x02\x00\x43\xe0"
                           "\x41\x2f\x07\x00\x00\x00",
                           27);
  HttpServer server([&](const ServerRequest&) {
    return ServerResponse{200, {{"Content-Encoding", "gzip"}}, packed};
  });
  EXPECT_EQ(text(get(HttpSource{server.url("/f"), {}}), "context"), "packed\n");
}

TEST(HttpDate, forms) {
  for (const char* text : {kDate, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"}) {
    EXPECT_EQ(oci::parse_http_date(text), kDateSeconds) << text;
  }
  for (const char* text : {"", "yesterday", "Sun, 06 Nov 1994 08:49:37 GMT."}) {
    EXPECT_EQ(oci::parse_http_date(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace cooper::builder
