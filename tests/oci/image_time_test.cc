#include "oci/image.h"
#include "tests/oci/expect_error.h"

namespace cooper::oci {
namespace {

TEST(ImageTime, formats_rfc_3339) {
  struct Row {
    std::int64_t seconds;
    std::uint32_t nanoseconds;
    std::string_view text;
  };
  const Row rows[] = {
      {0, 0, "1970-01-01T00:00:00Z"},
      {1704164645, 0, "2024-01-02T03:04:05Z"},
      {1704164645, 120000000, "2024-01-02T03:04:05.12Z"},
      {1704164645, 1, "2024-01-02T03:04:05.000000001Z"},
      {1709164799, 0, "2024-02-28T23:59:59Z"},
      {1709164800, 0, "2024-02-29T00:00:00Z"},
      {-1, 0, "1969-12-31T23:59:59Z"},
      {-62135596800, 0, "0001-01-01T00:00:00Z"},
      {-62167219200, 0, "0000-01-01T00:00:00Z"},
      {253402300799, 999999999, "9999-12-31T23:59:59.999999999Z"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(format_time(row.seconds, row.nanoseconds), row.text);
    EXPECT_EQ(parse_time(row.text), std::pair(row.seconds, row.nanoseconds)) << row.text;
  }
}

TEST(ImageTime, years_of_five_digits_are_refused) {
  tests::expect_error(Errc::invalid, "years 0 to 9999", [] { format_time(253402300800); });
  tests::expect_error(Errc::invalid, "years 0 to 9999", [] { format_time(-62167219201); });
}

TEST(ImageTime, applies_offsets_and_cuts_fractions) {
  EXPECT_EQ(parse_time("2024-01-02T05:04:05+02:00"), std::pair(std::int64_t{1704164645}, 0U));
  EXPECT_EQ(parse_time("2024-01-01T21:34:05-05:30"), std::pair(std::int64_t{1704164645}, 0U));
  EXPECT_EQ(parse_time("1970-01-01T00:00:00.1234567899Z"), std::pair(std::int64_t{0}, 123456789U));
}

TEST(ImageTime, refuses_what_is_no_time) {
  for (const std::string_view text : {"",
                                      "now",
                                      "2024-01-02",
                                      "2024-01-02T03:04:05",
                                      "2024-01-02 03:04:05Z",
                                      "2024-1-02T03:04:05Z",
                                      "2024-13-02T03:04:05Z",
                                      "2023-02-29T03:04:05Z",
                                      "2024-01-00T03:04:05Z",
                                      "2024-01-02T24:00:00Z",
                                      "2024-01-02T03:60:05Z",
                                      "2024-01-02T03:04:60Z",
                                      "2024-01-02T03:04:05.Z",
                                      "2024-01-02T03:04:05ZZ",
                                      "2024-01-02T03:04:05+2:00",
                                      "2024-01-02T03:04:05+24:00",
                                      "2024-01-02T03:04:05+02:60",
                                      "+024-01-02T03:04:05Z",
                                      "2024-01-02t03:04:05z",
                                      " 2024-01-02T03:04:05Z"}) {
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace cooper::oci
