#include "parser/mount.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/parser/expect_error.h"

namespace cooper::parser {
namespace {

using ::testing::HasSubstr;

std::string same(const std::string& value) {
  return value;
}
RunMount parse(std::string_view text) {
  return parse_mount(text, same);
}

TEST(Mount, MNT_02_defaults_by_type) {
  const RunMount bind = parse("target=/x");
  EXPECT_EQ(bind.type, MountType::bind);
  EXPECT_TRUE(bind.read_only);
  const RunMount cache = parse("TYPE=Cache,Target=/x");
  EXPECT_EQ(cache.type, MountType::cache);
  EXPECT_FALSE(cache.read_only);
  EXPECT_EQ(cache.sharing, CacheSharing::shared);
  EXPECT_FALSE(parse("type=tmpfs,target=/x").read_only);
  EXPECT_FALSE(parse("type=secret,id=a").required);
  EXPECT_EQ(parse("type=ssh").type, MountType::ssh);
}

TEST(Mount, MNT_03_keys_and_their_other_spellings) {
  const RunMount mount =
      parse("type=cache,from=base,src=/s,dst=/d,id=i,sharing=LOCKED,mode=0750,uid=1,gid=2,ro");
  EXPECT_EQ(mount.from, "base");
  EXPECT_EQ(mount.source, "/s");
  EXPECT_EQ(mount.target, "/d");
  EXPECT_EQ(mount.id, "i");
  EXPECT_EQ(mount.sharing, CacheSharing::locked);
  EXPECT_EQ(mount.mode, 0750U);
  EXPECT_EQ(mount.uid, 1U);
  EXPECT_EQ(mount.gid, 2U);
  EXPECT_TRUE(mount.read_only);
  EXPECT_EQ(parse("destination=/d,source=/s").target, "/d");
  EXPECT_EQ(parse("type=cache,target=/x,sharing=private").sharing, CacheSharing::exclusive);
}

TEST(Mount, MNT_04_bare_flags) {
  EXPECT_FALSE(parse("target=/x,rw").read_only);
  EXPECT_FALSE(parse("target=/x,readwrite=true").read_only);
  EXPECT_TRUE(parse("target=/x,readwrite=false").read_only);
  EXPECT_FALSE(parse("target=/x,ro=0").read_only);
  EXPECT_TRUE(parse("type=secret,id=a,required").required);
  EXPECT_FALSE(parse("type=ssh,required=false").required);
}

TEST(Mount, MNT_01_quoted_fields) {
  EXPECT_EQ(parse("\"target=/a,b\",\"source=say \"\"hi\"\"\"").target, "/a,b");
  EXPECT_EQ(parse("\"target=/a,b\",\"source=say \"\"hi\"\"\"").source, "say \"hi\"");
}

TEST(Mount, MNT_07_values_expand_but_from) {
  const auto mark = [](const std::string& value) { return "<" + value + ">"; };
  const RunMount mount = parse_mount("from=base,source=s,target=t", mark);
  EXPECT_EQ(mount.from, "base");
  EXPECT_EQ(mount.source, "<s>");
  EXPECT_EQ(mount.target, "<t>");
}

TEST(Mount, MNT_13_sizes) {
  const std::vector<std::pair<std::string, std::uint64_t>> sizes = {
      {"4096", 4096},          {"1k", 1024},          {"128m", 128ULL << 20U},
      {"1.5GiB", 3ULL << 29U}, {"2 gb", 2ULL << 30U}, {"1b", 1}};
  for (const auto& [text, bytes] : sizes)
    EXPECT_EQ(parse("type=tmpfs,target=/x,size=" + text).size_bytes, bytes) << text;
}

TEST(Mount, MNT_21_env) {
  EXPECT_EQ(parse("type=secret,id=a,env=TOKEN").env, "TOKEN");
  EXPECT_EQ(parse("type=secret,id=a").env, std::nullopt);
}

TEST(Mount, MNT_02_MNT_03_MNT_04_MNT_05_MNT_06_MNT_19_MNT_24_EXP_22_ERR_05_errors) {
  const std::vector<std::pair<std::string, std::string>> failures = {
      {"type=tmp,target=/x", "unsupported mount type \"tmp\" (did you mean tmpfs?)"},
      {"typ=tmpfs", "unexpected key 'typ' in 'typ=tmpfs' (did you mean type?)"},
      {"frobnicate=1", "unexpected key 'frobnicate' in 'frobnicate=1'"},
      {"target", "invalid field 'target' must be a key=value pair"},
      {"xyz", "invalid field 'xyz' must be a key=value pair"},
      {"required,type=secret", "unexpected key 'required' for mount type 'bind'"},
      {"size=1,type=tmpfs", "unexpected key 'size' for mount type 'bind'"},
      {"mode=0700,target=/x", "mode not allowed for \"bind\" type mounts"},
      {"type=tmpfs,uid=1", "uid not allowed for \"tmpfs\" type mounts"},
      {"gid=1", "gid not allowed for \"bind\" type mounts"},
      {"sharing=locked", "invalid cache sharing set for bind mount"},
      {"type=cache,sharing=lockd", "unsupported sharing value \"lockd\" (did you mean locked?)"},
      {"type=cache,mode=9", "invalid value 9 for mode"},
      {"type=cache,uid=-1", "invalid value -1 for uid"},
      {"type=cache,gid=4294967296", "invalid value 4294967296 for gid"},
      {"type=tmpfs,size=lots", "invalid value for size: lots"},
      {"type=tmpfs,size=99999999999999999999", "invalid value for size"},
      {"type=tmpfs,size=9000000p", "invalid value for size"},
      {"ro=perhaps", "invalid value for ro: perhaps"},
      {"type=secret", "invalid secret mount"},
      {"type=secret,id=a,source=b", "both source and id can't be set"},
      {"type=secret,id=a,from=b", "secret mount should not have a from"},
      {"type=secret,id=a,sharing=shared", "secret mount should not define sharing"},
      {"type=ssh,source=a", "ssh does not support source"},
      {"from=$x", "'from' doesn't support variable expansion, define alias stage instead"},
      {"", "failed to parse csv"},
      {"target=\"x", "failed to parse csv"},
      {"\"a\"b", "failed to parse csv"},
      {"\"open", "failed to parse csv"}};
  for (const auto& [text, message] : failures) {
    EXPECT_THAT(error_of([&] { parse(text); }), HasSubstr(message)) << text;
  }
}

TEST(Mount, check_reads_from_and_defers_the_rest) {
  EXPECT_EQ(check_mount("type=cache,FROM=base,bogus=1"), "base");
  EXPECT_EQ(check_mount("type=$x,target=/y"), "");
}

}  // namespace
}  // namespace cooper::parser
