#include "oci/registry_error.h"

#include <gtest/gtest.h>

namespace cooper::oci {
namespace {

using std::chrono::seconds;

TEST(RegistryError, retry_after_forms) {
  constexpr std::int64_t kNow = 1'700'000'000;  // Tue, 14 Nov 2023 22:13:20 GMT
  EXPECT_EQ(parse_retry_after("0", kNow), seconds(0));
  EXPECT_EQ(parse_retry_after("120", kNow), seconds(120));
  EXPECT_EQ(parse_retry_after("Tue, 14 Nov 2023 22:14:20 GMT", kNow), seconds(60));
  EXPECT_EQ(parse_retry_after("Tue, 14 Nov 2023 22:00:00 GMT", kNow), seconds(0));  // past
  EXPECT_GT(parse_retry_after("99999999999999999999999", kNow), seconds(1'000'000));
  for (const char* text :
       {"", "-1", "soon", "1.5", "Tue, 14 Nov 2023", "Tue, 14 Nov 2023 22:14:20 GMT x"}) {
    EXPECT_EQ(parse_retry_after(text, kNow), std::nullopt) << text;
  }
}

TEST(RegistryError, texts_of_error_bodies) {
  const std::pair<const char*, const char*> table[] = {
      {R"({"errors":[{"code":"A","message":"b"},{"code":"C"},{"message":"d"},{}]})", "A: b; C; d"},
      {R"({"details":"incorrect username or password"})", "incorrect username or password"},
      {R"({"error":"invalid_grant","error_description":"expired"})", "expired"},
      {R"({"errors":"no list"})", ""},
      {R"({"errors":[1,null,[],{"code":5,"message":{}}]})", ""},
      {R"({"details":"a\u001b[1mb\u009b31m\u202ec"})", "a [1mb 31m c"},
      {"<html>502</html>", ""},
      {"", ""},
      {"[]", ""},
  };
  for (const auto& [body, text] : table) EXPECT_EQ(registry_error_text(body), text) << body;
}

TEST(RegistryError, messages_show_no_query) {
  HttpResponse response;
  response.status = 403;
  response.url = "https://u:p@h/token?secret=1";
  const StatusError error(response, "pulling x");
  EXPECT_EQ(error.code(), Errc::denied);
  EXPECT_STREQ(error.what(), "pulling x: access denied (HTTP 403 from https://h/token)");
}

TEST(RegistryError, tls_failures_are_not_retried) {
  const RetryPolicy policy;
  EXPECT_EQ(retry_delay(TransportError(TransportError::Kind::tls, "x"), 1, policy), std::nullopt);
  EXPECT_NE(retry_delay(TransportError(TransportError::Kind::connect, "x"), 1, policy),
            std::nullopt);
  EXPECT_EQ(retry_delay(TransportError(TransportError::Kind::connect, "x"), 4, policy),
            std::nullopt);
  EXPECT_EQ(retry_delay(Error(Errc::network, "x"), 1, policy), std::nullopt);
}

TEST(RegistryError, a_host_without_an_address_is_looked_up_again_unless_asked_for_once) {
  const TransportError unresolved(TransportError::Kind::resolve, "x");
  RetryPolicy policy;
  EXPECT_NE(retry_delay(unresolved, 1, policy), std::nullopt);
  policy.lookup = Lookup::once;
  EXPECT_EQ(retry_delay(unresolved, 1, policy), std::nullopt);
  EXPECT_NE(retry_delay(TransportError(TransportError::Kind::connect, "x"), 1, policy),
            std::nullopt);
}

TEST(RegistryError, a_sleep_ends_with_the_stop) {
  std::stop_source stop;
  stop.request_stop();
  RetryPolicy policy;
  policy.stop = stop.get_token();
  EXPECT_THROW(retry_sleep(policy, std::chrono::hours(1)), Error);
}

}  // namespace
}  // namespace cooper::oci
