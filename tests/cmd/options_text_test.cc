#include "cmd/options_text.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "cmd/progress.h"

namespace cooper::cmd {
namespace {

using Kind = builder::Output::Kind;
using Words = std::vector<std::string>;

// The message of the failure, with its code in front: "invalid: …"; "" when there is none.
template <class Body>
std::string failure(Body&& body) {
  try {
    body();
    return "";
  } catch (const Error& error) {
    return cat(to_string(error.code()), ": ", error.what());
  }
}

#define EXPECT_FAILS(expression, code, part)                                    \
  do {                                                                          \
    const std::string said = failure([&] { static_cast<void>(expression); });   \
    EXPECT_TRUE(said.starts_with(std::string(to_string(code)) + ": ")) << said; \
    EXPECT_NE(said.find(part), std::string::npos) << said;                      \
  } while (false)

TEST(Csv, OUT_05_quotes_keep_commas) {
  EXPECT_EQ(split_csv("a,b", "x"), (Words{"a", "b"}));
  EXPECT_EQ(split_csv("a,\"b,c\",d", "x"), (Words{"a", "b,c", "d"}));
  EXPECT_EQ(split_csv("\"a\"\"b\"", "x"), Words{"a\"b"});
  EXPECT_EQ(split_csv("a,,", "x"), (Words{"a", "", ""}));
  EXPECT_EQ(split_csv("", "x"), Words{""});
  EXPECT_FAILS(split_csv("\"a", "--output"), Errc::invalid, "unterminated quote in --output");
}

TEST(KeyValue, needs_a_key) {
  EXPECT_EQ(split_key_value("a=b=c", "--x"), (std::pair<std::string, std::string>("a", "b=c")));
  EXPECT_EQ(split_key_value("a=", "--x").second, "");
  for (const char* text : {"", "a", "=b"}) {
    EXPECT_FAILS(split_key_value(text, "--x"), Errc::invalid, "must be a key=value pair");
  }
}

TEST(Size, units) {
  struct Row {
    const char* text;
    std::uint64_t bytes;
  };
  const Row table[] = {
      {"0", 0},           {"64", 64},         {"64b", 64},          {"2k", 2048},
      {"2K", 2048},       {"2kb", 2048},      {"64m", 64ULL << 20}, {"64MB", 64ULL << 20},
      {"1g", 1ULL << 30}, {"3t", 3ULL << 40}, {"1Gb", 1ULL << 30}};
  for (const Row& row : table) EXPECT_EQ(parse_size(row.text, "--shm-size"), row.bytes) << row.text;
  for (const char* text : {"", "b", "k", "-1", "1.5g", "1 g", "g1", "1gg", "0x10",
                           "99999999999999999999", "9999999999t", "1e"}) {
    EXPECT_FAILS(parse_size(text, "--shm-size"), Errc::invalid, cat("--shm-size: \"", text, "\""));
  }
}

TEST(Ulimit, RUN_23_soft_and_hard) {
  constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};
  EXPECT_EQ(parse_ulimit("nofile=1024:2048"), (builder::Ulimit{"nofile", 1024, 2048}));
  EXPECT_EQ(parse_ulimit("nproc=5"), (builder::Ulimit{"nproc", 5, 5}));
  EXPECT_EQ(parse_ulimit("core=-1"), (builder::Ulimit{"core", kUnlimited, kUnlimited}));
  EXPECT_EQ(parse_ulimit("core=0:unlimited"), (builder::Ulimit{"core", 0, kUnlimited}));
  for (const char* text : {"nofile", "=5", "nofile=", "nofile=a", "nofile=5:", "nofile=9:5",
                           "nofile=-2", "nofile=1:2:3", "nofile=-1:5"}) {
    EXPECT_FAILS(parse_ulimit(text), Errc::invalid, text);
  }
}

TEST(ExtraHost, names_and_addresses) {
  EXPECT_EQ(parse_extra_host("db:10.0.0.5"), (builder::ExtraHost{"db", "10.0.0.5"}));
  EXPECT_EQ(parse_extra_host("db=10.0.0.5"), (builder::ExtraHost{"db", "10.0.0.5"}));
  EXPECT_EQ(parse_extra_host("db:fd00::1"), (builder::ExtraHost{"db", "fd00::1"}));
  EXPECT_EQ(parse_extra_host("db=[fd00::1]"), (builder::ExtraHost{"db", "fd00::1"}));
  for (const char* text :
       {"", "db", "db:", ":1.2.3.4", "db:1.2.3.4\nevil 6.6.6.6", "db:host", "db:1.2.3.4 x"}) {
    EXPECT_FAILS(parse_extra_host(text), Errc::invalid, "--add-host");
  }
  EXPECT_FAILS(parse_extra_host("db:host-gateway"), Errc::unsupported, "host-gateway");
}

TEST(Bool, OUT_12_spellings) {
  for (const char* text : {"true", "1", "t", "T", "TRUE", "True"})
    EXPECT_TRUE(parse_bool(text, "push"));
  for (const char* text : {"false", "0", "f", "F", "FALSE", "False"})
    EXPECT_FALSE(parse_bool(text, "push"));
  for (const char* text : {"", "yes", "2", "tRUE", " true"}) {
    EXPECT_FAILS(parse_bool(text, "push"), Errc::invalid, "non-bool value specified for push");
  }
}

struct OutputRow {
  const char* text;
  Kind kind;
  const char* destination;
  bool to_stdout;
  bool as_directory;
  bool push;
};

TEST(Output, OUT_02_OUT_03_OUT_04_accepted) {
  const OutputRow table[] = {
      {"-", Kind::tar, "", true, false, false},
      {"out", Kind::local, "out", false, false, false},
      {"type=local,dest=out", Kind::local, "out", false, false, false},
      {"type=tar,dest=o.tar", Kind::tar, "o.tar", false, false, false},
      {"type=tar", Kind::tar, "", true, false, false},
      {"type=oci,dest=-", Kind::oci, "-", true, false, false},
      {"dest=o.tar,type=docker", Kind::docker, "o.tar", false, false, false},
      {"type=oci,dest=d,tar=false", Kind::oci, "d", false, true, false},
      {"type=oci,\"dest=a,b\"", Kind::oci, "a,b", false, false, false},
      {"type=image,push=true", Kind::image, "", false, false, true},
      {"type=image", Kind::image, "", false, false, false},
      {"type=registry,name=x/y", Kind::image, "", false, false, true},
      {"type=image,oci-mediatypes=true", Kind::image, "", false, false, false},
  };
  for (const OutputRow& row : table) {
    const builder::Output output = parse_output(row.text).output;
    EXPECT_EQ(output.kind, row.kind) << row.text;
    EXPECT_EQ(output.destination.string(), row.destination) << row.text;
    EXPECT_EQ(output.to_stdout, row.to_stdout) << row.text;
    EXPECT_EQ(output.as_directory, row.as_directory) << row.text;
    EXPECT_EQ(output.push, row.push) << row.text;
  }
}

TEST(Output, OUT_03_docker_without_a_file_is_for_the_store) {
  EXPECT_TRUE(parse_output("type=docker").into_store);
  EXPECT_TRUE(parse_output("type=docker").output.to_stdout);  // where there is no name
  EXPECT_FALSE(parse_output("type=docker,dest=-").into_store);
  EXPECT_FALSE(parse_output("type=docker,dest=x.tar").into_store);
  EXPECT_FALSE(parse_output("type=oci").into_store);
  EXPECT_FAILS(parse_output("type=docker,tar=false"), Errc::invalid, "requires dest");
}

TEST(Output, cacheonly_goes_nowhere) {
  EXPECT_TRUE(parse_output("type=cacheonly").nowhere);
  EXPECT_FALSE(parse_output("type=image").nowhere);
  EXPECT_FAILS(parse_output("type=cacheonly,dest=x"), Errc::invalid, "does not take dest");
}

TEST(Output, OUT_05_names) {
  const OutputFlag flag = parse_output("type=image,\"name=a,b/c:1\"");
  EXPECT_TRUE(flag.has_names);
  ASSERT_EQ(flag.output.names.size(), 2U);
  EXPECT_EQ(flag.output.names[0].str(), "docker.io/library/a:latest");
  EXPECT_EQ(flag.output.names[1].str(), "docker.io/b/c:1");
  EXPECT_FALSE(parse_output("type=image").has_names);
}

TEST(Output, OUT_07_compression) {
  using layers::Compression;
  EXPECT_FALSE(parse_output("type=image,compression=gzip").compression);
  EXPECT_EQ(parse_output("type=image,compression=zstd").compression->kind, Compression::zstd);
  EXPECT_EQ(parse_output("type=image,compression=uncompressed").compression->kind,
            Compression::none);
  EXPECT_EQ(parse_output("type=image,compression-level=9").compression->level, 9);
  EXPECT_EQ(parse_output("type=image,compression-level=22,compression=zstd").compression->level,
            22);
}

struct RefusedRow {
  const char* text;
  Errc code;
  const char* part;
};

TEST(Output, OUT_02_OUT_03_OUT_07_OUT_12_refused) {
  const RefusedRow table[] = {
      {"dest=x", Errc::invalid, "--output requires type=<type>"},
      {"type=", Errc::invalid, "unknown output type \"\""},
      {"type=zip", Errc::invalid, "unknown output type \"zip\""},
      {"type=oci,x", Errc::invalid, "must be a key=value pair"},
      {"type=oci,", Errc::invalid, "must be a key=value pair"},
      {"type=local", Errc::invalid, "type=local requires dest"},
      {"type=local,dest=-", Errc::invalid, "type=local requires dest"},
      {"type=image,dest=x", Errc::invalid, "type=image does not take dest"},
      {"type=registry,dest=x", Errc::invalid, "does not take dest"},
      {"type=oci,tar=false", Errc::invalid, "tar=false requires dest"},
      {"type=oci,tar=maybe", Errc::invalid, "non-bool value specified for tar"},
      {"type=image,push=", Errc::invalid, "non-bool value specified for push"},
      {"type=image,compression=lzma", Errc::invalid, "compression: \"lzma\""},
      {"type=image,compression=estargz", Errc::unsupported, "estargz"},
      {"type=image,compression=zstd,compression-level=23", Errc::invalid,
       "compression-level: \"23\""},
      {"type=image,compression=gzip,compression-level=10", Errc::invalid,
       "compression-level: \"10\""},
      {"type=image,compression-level=-1", Errc::invalid, "compression-level"},
      {"type=image,oci-mediatypes=false", Errc::unsupported, "oci-mediatypes=false"},
      {"type=image,unpack=true", Errc::unsupported, "output attribute \"unpack\""},
      {"type=image,name=UPPER", Errc::invalid, "invalid reference format"},
      {"type=oci,\"dest=x", Errc::invalid, "unterminated quote"},
  };
  for (const RefusedRow& row : table) EXPECT_FAILS(parse_output(row.text), row.code, row.part);
}

TEST(ProgressModes, words) {
  EXPECT_EQ(parse_progress(""), ProgressMode::automatic);
  EXPECT_EQ(parse_progress("auto"), ProgressMode::automatic);
  EXPECT_EQ(parse_progress("plain"), ProgressMode::plain);
  EXPECT_EQ(parse_progress("tty"), ProgressMode::tty);
  EXPECT_EQ(parse_progress("quiet"), ProgressMode::quiet);
  EXPECT_FAILS(parse_progress("rawjson"), Errc::unsupported, "rawjson");
  EXPECT_FAILS(parse_progress("Plain"), Errc::invalid, "\"Plain\"");
}

}  // namespace
}  // namespace cooper::cmd
