#include "oci/http.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/http_server.h"

namespace cooper::oci {
namespace {

using tests::HttpServer;
using tests::ServerRequest;
using tests::ServerResponse;
using Kind = TransportError::Kind;

const bool loaded_at_start = ::dlopen("libcurl.so.4", RTLD_NOW | RTLD_NOLOAD) != nullptr;

HttpRequest get(const std::string& url) {
  HttpRequest request;
  request.url = url;
  return request;
}

Kind transport_kind(HttpClient& client, const HttpRequest& request) {
  try {
    client.send(request);
  } catch (const TransportError& error) {
    return error.kind();
  }
  ADD_FAILURE() << "no TransportError";
  return Kind::transfer;
}

TEST(Http, answer_has_status_headers_and_body) {
  HttpServer server([](const ServerRequest& request) {
    return ServerResponse{
        201, {{"X-Thing", " a b "}, {"X-THING", "c"}}, request.header("user-agent")};
  });
  const HttpResponse response = HttpClient("agent/1").send(get(server.url("/x?y")));
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.header("x-thing"), "a b");
  EXPECT_EQ(response.headers.count("x-thing"), 2U);
  EXPECT_EQ(response.header("x-other"), std::nullopt);
  EXPECT_EQ(response.body, "agent/1");
  EXPECT_EQ(response.url, server.url("/x?y"));
}

TEST(Http, this_machine_is_reached_without_a_proxy) {
  HttpServer server([](const ServerRequest&) { return ServerResponse{200, {}, "here"}; });
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  const HttpResponse response = HttpClient("t").send(get(server.url("/")));
  ::unsetenv("http_proxy");
  EXPECT_EQ(response.body, "here");
}

TEST(Http, every_status_is_a_result) {
  HttpServer server([](const ServerRequest&) { return ServerResponse{503, {}, "busy"}; });
  StringSink sink;
  HttpRequest request = get(server.url("/"));
  request.into = &sink;
  const HttpResponse response = HttpClient("t").send(request);
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, "busy");
  EXPECT_EQ(sink.text, "");  // errors never reach the sink
}

TEST(Http, body_streams_into_the_sink_after_the_head) {
  const std::string content(3'000'000, 'x');
  HttpServer server([&](const ServerRequest&) {
    return ServerResponse{200, {{"A", "b"}}, content};
  });
  StringSink sink;
  HttpRequest request = get(server.url("/"));
  request.into = &sink;
  int heads = 0;
  request.on_head = [&](const HttpResponse& head) {
    ++heads;
    EXPECT_EQ(head.header("a"), "b");
    EXPECT_TRUE(sink.text.empty());
  };
  EXPECT_EQ(HttpClient("t").send(request).body, "");
  EXPECT_EQ(heads, 1);
  EXPECT_EQ(sink.text, content);
}

TEST(Http, head_of_an_empty_answer_is_seen) {
  HttpServer server([](const ServerRequest&) { return ServerResponse{}; });
  HttpRequest request = get(server.url("/"));
  int heads = 0;
  request.on_head = [&](const HttpResponse&) { ++heads; };
  HttpClient("t").send(request);
  EXPECT_EQ(heads, 1);
}

TEST(Http, connections_are_reused) {
  HttpServer server([](const ServerRequest&) { return ServerResponse{200, {}, "x"}; });
  HttpClient client("t");
  for (int i = 0; i < 5; ++i) client.send(get(server.url("/")));
  EXPECT_EQ(server.connections(), 1U);
}

TEST(Http, one_client_serves_many_threads) {
  HttpServer server([](const ServerRequest& request) {
    return ServerResponse{200, {}, request.path};
  });
  HttpClient client("t");
  std::vector<std::jthread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 10; ++n) {
        const std::string path = cat("/", i, "/", n);
        if (client.send(get(server.url(path))).body == path) ++good;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(good, 80);
}

TEST(Http, requests_carry_method_headers_range_and_body) {
  HttpServer server([](const ServerRequest&) { return ServerResponse{}; });
  HttpRequest request = get(server.url("/up"));
  request.method = "PUT";
  request.headers = {{"Content-Type", "a/b"}};
  request.body = text_body(std::string(700'000, 'b'));
  request.range_from = 5;
  HttpClient client("t");
  client.send(request);
  request = get(server.url("/post"));
  request.method = "POST";
  request.body = text_body("");
  client.send(request);
  request = get(server.url("/head"));
  request.method = "HEAD";
  client.send(request);
  const auto seen = server.requests();
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0].method, "PUT");
  EXPECT_EQ(seen[0].header("content-type"), "a/b");
  EXPECT_EQ(seen[0].header("range"), "bytes=5-");
  EXPECT_EQ(seen[0].header("expect"), "");
  EXPECT_EQ(seen[0].body, std::string(700'000, 'b'));
  EXPECT_EQ(seen[1].method, "POST");
  EXPECT_EQ(seen[1].header("content-length"), "0");
  EXPECT_EQ(seen[2].method, "HEAD");
}

TEST(Http, a_long_answer_is_refused_and_a_long_error_is_cut) {
  int status = 200;
  HttpServer server([&](const ServerRequest&) {
    return ServerResponse{status, {}, std::string(1000, 'x')};
  });
  HttpRequest request = get(server.url("/secret?token=t"));
  request.body_limit_bytes = 999;
  HttpClient client("t");
  try {
    client.send(request);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::network);
    EXPECT_EQ(std::string(error.what()),
              "the answer of " + server.url("/secret") + " is larger than 999 bytes");
  }
  status = 500;
  EXPECT_EQ(client.send(request).body, std::string(999, 'x'));
  status = 200;
  request.body_limit_bytes = 1000;
  EXPECT_EQ(client.send(request).body.size(), 1000U);
}

TEST(Http, a_down_server_is_told_in_one_line) {
  const std::string authority = cat("127.0.0.1:", tests::unused_port());
  try {
    HttpClient("t").send(get("http://" + authority + "/v2/?x"));
    FAIL();
  } catch (const TransportError& error) {
    EXPECT_EQ(error.kind(), Kind::connect);
    EXPECT_EQ(error.code(), Errc::network);
    EXPECT_EQ(std::string(error.what()), "connecting to " + authority + ": connection refused");
  }
}

TEST(Http, kinds_of_transport_failures) {
  HttpServer server([](const ServerRequest& request) {
    ServerResponse response{200, {}, std::string(100, 'x')};
    if (request.path == "/drop") response.drop_after = 50;
    if (request.path == "/stall")
      response.stall = true, response.headers = {{"Content-Length", "500"}};
    if (request.path == "/stall") response.content_length = false;
    return response;
  });
  HttpClient client("t");
  EXPECT_EQ(transport_kind(client, get(server.url("/drop"))), Kind::transfer);
  EXPECT_EQ(transport_kind(client, get("https://" + server.authority() + "/")), Kind::tls);
  // No label is longer than 63 bytes: no name server is asked.
  EXPECT_EQ(transport_kind(client, get("http://" + std::string(70, 'a') + "/")), Kind::resolve);
  HttpRequest request = get(server.url("/stall"));
  request.idle_timeout_s = 1;
  EXPECT_EQ(transport_kind(client, request), Kind::transfer);
}

TEST(Http, plain_http_where_https_was_expected_is_told) {
  HttpServer server([](const ServerRequest&) { return ServerResponse{}; });
  try {
    HttpClient("t").send(get("https://" + server.authority() + "/"));
    FAIL();
  } catch (const TransportError& error) {
    EXPECT_EQ(error.kind(), Kind::tls);
    EXPECT_EQ(std::string(error.what()),
              "connecting to " + server.authority() + ": it does not speak TLS");
  }
}

TEST(Http, missing_ca_file_is_a_tls_failure) {
  HttpServer server([](const ServerRequest&) { return ServerResponse{}; });
  HttpRequest request = get("https://" + server.authority() + "/");
  request.tls.ca_file = "/nonexistent/ca.pem";
  HttpClient client("t");
  EXPECT_EQ(transport_kind(client, request), Kind::tls);
}

class ThrowingSink : public ByteSink {
 public:
  void write(Bytes) override { throw Error(Errc::io, "disk full"); }
};
class ThrowingSource : public ByteSource {
 public:
  std::size_t read(std::span<std::byte>) override { throw Error(Errc::corrupt, "bad blob"); }
};

TEST(Http, exceptions_pass_through_libcurl_unchanged) {
  HttpServer server([](const ServerRequest&) { return ServerResponse{200, {}, "body"}; });
  HttpClient client("t");
  ThrowingSink sink;
  HttpRequest request = get(server.url("/"));
  request.into = &sink;
  try {
    client.send(request);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "disk full");
  }
  request = get(server.url("/"));
  request.on_head = [](const HttpResponse&) { throw std::logic_error("head"); };
  EXPECT_THROW(client.send(request), std::logic_error);
  request = get(server.url("/"));
  request.method = "PUT";
  request.body = HttpBody{10, [] { return std::make_unique<ThrowingSource>(); }};
  try {
    client.send(request);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "bad blob");
  }
  EXPECT_EQ(client.send(get(server.url("/"))).body, "body");  // and the client still works
}

TEST(Http, a_body_shorter_than_announced_fails_at_once) {
  HttpServer server([](const ServerRequest&) { return ServerResponse{}; });
  HttpRequest request = get(server.url("/"));
  request.method = "PUT";
  request.body = HttpBody{10, [] { return std::make_unique<MemorySource>("1234567"); }};
  try {
    HttpClient("t").send(request);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::corrupt);
  }
}

TEST(Http, headers_cannot_be_injected) {
  HttpServer server([](const ServerRequest&) { return ServerResponse{}; });
  for (const std::string& value :
       {std::string("a\r\nX-Evil: 1"), std::string("a\nb"), std::string("a\0b", 3)}) {
    HttpRequest request = get(server.url("/"));
    request.headers = {{"Authorization", value}};
    EXPECT_THROW(HttpClient("t").send(request), Error);
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST(Http, only_http_urls_are_sent) {
  HttpClient client("t");
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/", "", "/v2/", "127.0.0.1"}) {
    EXPECT_THROW(client.send(get(url)), Error) << url;
  }
}

TEST(Http, redirects_are_followed) {
  HttpServer server([](const ServerRequest& request) {
    if (request.path == "/a") return ServerResponse{307, {{"Location", "b?q=1"}}, "moved"};
    if (request.path == "/loop") return ServerResponse{302, {{"Location", "/loop"}}, ""};
    if (request.path == "/bare") return ServerResponse{302, {}, "no location"};
    return ServerResponse{200, {}, request.target + request.body};
  });
  HttpClient client("t");
  const HttpResponse response = client.send(get(server.url("/a")));
  EXPECT_EQ(response.body, "/b?q=1");
  EXPECT_EQ(response.url, server.url("/b?q=1"));
  HttpRequest put = get(server.url("/a"));
  put.method = "PUT";
  put.body = text_body("again");
  EXPECT_EQ(client.send(put).body, "/b?q=1again");
  EXPECT_EQ(client.send(get(server.url("/bare"))).status, 302);
  try {
    client.send(get(server.url("/loop")));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::network);
  }
}

TEST(Http, a_post_is_not_repeated_by_302) {
  HttpServer server([](const ServerRequest&) {
    return ServerResponse{302, {{"Location", "/b"}}, ""};
  });
  HttpRequest request = get(server.url("/a"));
  request.method = "POST";
  request.body = text_body("x");
  EXPECT_EQ(HttpClient("t").send(request).status, 302);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(Http, credentials_stay_with_their_origin) {
  HttpServer other([](const ServerRequest&) { return ServerResponse{200, {}, "other"}; });
  HttpServer server([&](const ServerRequest& request) {
    if (request.path == "/same") return ServerResponse{302, {{"Location", "/end"}}, ""};
    if (request.path == "/away") return ServerResponse{302, {{"Location", other.url("/x")}}, ""};
    return ServerResponse{200, {}, "end"};
  });
  HttpRequest request = get(server.url("/same"));
  request.headers = {{"authorization", "Bearer s"}, {"Cookie", "c"}, {"Accept", "a/b"}};
  request.range_from = 3;
  HttpClient client("t");
  EXPECT_EQ(client.send(request).body, "end");
  EXPECT_EQ(server.requests().back().header("authorization"), "Bearer s");
  request.url = server.url("/away");
  EXPECT_EQ(client.send(request).body, "other");  // another port is another origin
  ASSERT_EQ(other.requests().size(), 1U);
  EXPECT_EQ(other.requests()[0].header("authorization"), "");
  EXPECT_EQ(other.requests()[0].header("cookie"), "");
  EXPECT_EQ(other.requests()[0].header("accept"), "a/b");
  EXPECT_EQ(other.requests()[0].header("range"), "bytes=3-");
}

TEST(Http, stop_ends_a_stalled_transfer) {
  std::stop_source stop;
  HttpServer server([&](const ServerRequest&) {
    stop.request_stop();
    ServerResponse response{200, {{"Content-Length", "500"}}, "some"};
    response.content_length = false;
    response.stall = true;
    return response;
  });
  HttpRequest request = get(server.url("/"));
  request.stop = stop.get_token();
  try {
    HttpClient("t").send(request);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::cancelled);
  }
  EXPECT_THROW(HttpClient("t").send(request), Error);
  EXPECT_EQ(server.requests().size(), 1U);  // nothing is sent once stopped
}

TEST(Http, endless_headers_are_refused) {
  HttpServer server([](const ServerRequest&) {
    ServerResponse response;
    for (int i = 0; i < 400; ++i)
      response.headers.emplace_back(cat("X-", i), std::string(1000, 'h'));
    return response;
  });
  EXPECT_THROW(HttpClient("t").send(get(server.url("/"))), Error);
}

TEST(Http, libcurl_is_loaded_on_first_use_only) {
  EXPECT_FALSE(loaded_at_start);  // nothing links it: see oci/http_curl.h
  static_cast<void>(HttpClient("t"));
}

}  // namespace
}  // namespace cooper::oci
