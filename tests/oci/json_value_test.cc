#include "oci/json_value.h"

#include "tests/oci/expect_error.h"

namespace cooper::oci {
namespace {

using namespace std::literals;
using tests::expect_error;

TEST(JsonValue, cursor_reads_typed_members) {
  const JsonValue value = parse_json(R"({"t":"x","b":true,"n":-7,"u":9223372036854775807,
      "a":["p","q"],"o":{"k":{"z":1}},"nil":null,"t2":"old","t2":"new"})",
                                     "doc");
  const JsonCursor root(value, "doc");
  EXPECT_EQ(root.at("t").text(), "x");
  EXPECT_TRUE(root.at("b").boolean());
  EXPECT_EQ(root.at("n").integer(), -7);
  EXPECT_EQ(root.at("u").size_bytes(), 9223372036854775807U);
  EXPECT_EQ(root.at("a").strings(), (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(root.at("o").members().at(0).first, "k");
  EXPECT_FALSE(root.find("nil"));
  EXPECT_FALSE(root.find("absent"));
  EXPECT_EQ(root.text_or_empty("nil"), "");
  EXPECT_TRUE(root.strings_or_empty("absent").empty());
  EXPECT_EQ(root.at("t2").text(), "new");
}

TEST(JsonValue, refusals_name_document_and_member) {
  const JsonValue value = parse_json(R"({"a":[{"s":1.5}],"u":18446744073709551615,"n":-1})", "doc");
  const JsonCursor root(value, "doc");
  const JsonCursor first = root.at("a").elements().at(0);
  expect_error(Errc::corrupt, "doc: a[0].s must be a whole number",
               [&] { first.at("s").integer(); });
  expect_error(Errc::corrupt, "doc: a[0].s must be a string", [&] { first.at("s").text(); });
  expect_error(Errc::corrupt, "doc: a[0] lacks the member \"t\"", [&] { first.at("t"); });
  expect_error(Errc::corrupt, "doc: a must be an object", [&] { root.at("a").find("x"); });
  expect_error(Errc::corrupt, "doc: u is too large", [&] { root.at("u").integer(); });
  expect_error(Errc::corrupt, "doc: n must not be negative", [&] { root.at("n").size_bytes(); });
  expect_error(Errc::corrupt, "doc: n must be true or false", [&] { root.at("n").boolean(); });
  expect_error(Errc::corrupt, "doc: the document must be an array", [&] { root.elements(); });
}

TEST(JsonValue, malformed_text_is_refused) {
  for (const std::string_view text :
       {"", " ", "{", "[", "{\"a\"}", "{\"a\":}", "[1,]", "{}{}", "{} x", "nul", "\"\xff\"", "'a'",
        "[01]", "\"a", "{\"a\":1,}", "\"\\ud800\"", "1e", "[1 2]", "NaN"}) {
    SCOPED_TRACE(text);
    expect_error(Errc::corrupt, "doc: malformed JSON at byte", [&] { parse_json(text, "doc"); });
  }
}

TEST(JsonValue, nothing_hides_behind_a_zero_byte) {
  for (const std::string_view text : {"{}\0"sv, "{}\0x"sv, "\0{}"sv, "{\"a\0\":1}"sv}) {
    expect_error(Errc::corrupt, "doc: malformed JSON at byte", [&] { parse_json(text, "doc"); });
  }
}

TEST(JsonValue, depth_is_limited) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_NO_THROW(parse_json(nested(kMaxJsonDepth), "doc"));
  expect_error(Errc::corrupt, "nested deeper",
               [&] { parse_json(nested(kMaxJsonDepth + 1), "doc"); });
  expect_error(Errc::corrupt, "nested deeper",
               [&] { parse_json(std::string(1 << 20, '['), "doc"); });
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"a":)";
  expect_error(Errc::corrupt, "nested deeper", [&] { parse_json(objects, "doc"); });
}

}  // namespace
}  // namespace cooper::oci
