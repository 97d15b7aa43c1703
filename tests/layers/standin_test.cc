#include "layers/standin.h"

#include <gtest/gtest.h>

namespace cooper::layers {
namespace {

oci::Digest no_digest() {
  throw std::logic_error("nobody asks for the content");
}

TEST(StandInText, round_trip_and_damage) {
  StandIn all;
  all.device = {EntryType::block_device, 8, 1};
  all.uid = {4'000'000'000u, 0};
  all.gid = {5, 65534};
  all.mode = {06755, 0755};
  all.capability = std::string("\x00\xff\x10", 3);
  all.owner = 65534;
  all.content = oci::sha256("x");
  EXPECT_EQ(StandIn::parse(all.encode()), all);
  for (const char* text : {"",
                           "type",
                           "type=x",
                           "major=1",
                           "type=c;major=x",
                           "uid=5",
                           "uid=5/",
                           "mode=9/0",
                           "cap=1",
                           "cap=zz",
                           "cap=",
                           "other=1",
                           "owner=5",
                           "owner=x",
                           "type=c;content=11",
                           "type=c;content=",
                           "type=c;owner=",
                           "uid=99999999999/1",
                           ";",
                           "type=c;;"}) {
    EXPECT_FALSE(StandIn::parse(text)) << text;
  }
}

TEST(StandInText, a_change_by_the_step_counts_over_what_was_meant) {
  StandIn stand_in;
  stand_in.uid = {1234, 0};
  stand_in.mode = {04755, 0755};
  Entry entry;
  entry.uid = 0;
  entry.mode = 0755;
  Entry changed = entry;
  changed.uid = 33;
  changed.mode = 0700;
  stand_in.apply(entry, no_digest);
  stand_in.apply(changed, no_digest);
  EXPECT_EQ(entry.uid, 1234u);
  EXPECT_EQ(entry.mode, 04755u);
  EXPECT_EQ(changed.uid, 33u);
  EXPECT_EQ(changed.mode, 0700u);
}

TEST(StandInText, a_program_that_was_written_to_loses_what_the_kernel_takes) {
  StandIn program;
  program.gid = {70000, 0};
  program.mode = {02755, 0755};
  program.capability = "x";
  program.content = oci::sha256("before");
  Entry entry;
  entry.mode = 0755;
  Entry written = entry;
  program.apply(entry, [] { return oci::sha256("before"); });
  program.apply(written, [] { return oci::sha256("after"); });
  EXPECT_EQ(entry.mode, 02755u);
  EXPECT_TRUE(entry.xattrs.contains("security.capability"));
  EXPECT_EQ(written.mode, 0755u);
  EXPECT_TRUE(written.xattrs.empty());
  EXPECT_EQ(written.gid, 70000u);
}

TEST(StandInText, a_change_of_owner_takes_what_chown_takes) {
  StandIn group;
  group.gid = {5000, 0};
  Entry below;
  below.gid = 5000;
  Entry seen;
  EXPECT_TRUE(group.speaks_of(seen, std::nullopt));
  seen.uid = 33;
  EXPECT_FALSE(group.speaks_of(seen, std::nullopt));
  EXPECT_TRUE(group.speaks_of(seen, below));
  below.gid = 5001;
  EXPECT_FALSE(group.speaks_of(seen, below));
  StandIn capable;
  capable.capability = "x";
  EXPECT_TRUE(capable.speaks_of(Entry(), std::nullopt));
  EXPECT_FALSE(capable.speaks_of(seen, below));
}

}  // namespace
}  // namespace cooper::layers
