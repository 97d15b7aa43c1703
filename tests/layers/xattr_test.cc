#include "layers/xattr.h"

#include <sys/xattr.h>
#include <unistd.h>

#include "layers/digest_memory.h"
#include "tests/layers/copy_support.h"

namespace cooper::layers {
namespace {

class TakeAll : public WalkGuide {
 public:
  WalkChoice choose(const TreePath&, bool) const override { return {}; }
};

// acl(5) as the kernel gives it: version 2, then tag, permissions, id.
std::string acl(const std::vector<std::array<int, 2>>& tags_and_permissions) {
  std::string text("\2\0\0\0", 4);
  for (const auto& [tag, permissions] : tags_and_permissions) {
    text += {
        static_cast<char>(tag), '\0', static_cast<char>(permissions), '\0', '\1', '\2', '\3', '\4'};
  }
  return text;
}
constexpr int kOwner = 1;
constexpr int kNamedUser = 2;
constexpr int kGroup = 4;
constexpr int kMask = 0x10;
constexpr int kOther = 0x20;

TEST(Xattr, IMG_14_COPY_23_an_acl_changes_with_its_mode) {
  EXPECT_EQ(acl_with_mode(acl({{kOwner, 6}, {kNamedUser, 7}, {kGroup, 4}, {kMask, 7}, {kOther, 0}}),
                          0751),
            acl({{kOwner, 7}, {kNamedUser, 7}, {kGroup, 4}, {kMask, 5}, {kOther, 1}}));
  EXPECT_EQ(acl_with_mode(acl({{kOwner, 6}, {kGroup, 4}, {kOther, 0}}), 0751),
            acl({{kOwner, 7}, {kGroup, 5}, {kOther, 1}}));
  for (const std::string& none :
       {std::string(), std::string("\2\0\0\0x", 5), std::string("\3\0\0\0", 4)}) {
    EXPECT_EQ(acl_with_mode(none, 0751), none);
  }
}

TEST(Xattr, COPY_23_chmod_of_a_copied_file_with_an_acl) {
  Item item = file_item("s/f", "x", 0640);
  item.entry.xattrs[std::string(kAccessAclXattr)] =
      acl({{kOwner, 6}, {kNamedUser, 7}, {kGroup, 4}, {kMask, 4}, {kOther, 0}});
  Copy copy(item_tree({dir_item("s"), item}), {"s"}, "/t");
  copy.options.chmod = ModeChange::parse("0755");
  tests::MemoryBlobs blobs;
  LayerWriter writer(blobs, {Compression::none});
  writer.keep_xattrs(true);
  write_copy(select(copy.source, copy.request), copy.options, *item_tree({}), writer);
  const Layer layer = read_layer(blobs, std::move(writer).finish());
  EXPECT_EQ(layer.at("/t/f").entry.mode, 0755U);
  EXPECT_EQ(layer.at("/t/f").entry.xattrs.at(std::string(kAccessAclXattr)),
            acl({{kOwner, 7}, {kNamedUser, 7}, {kGroup, 4}, {kMask, 5}, {kOther, 5}}));
}

TEST(Xattrs, none_are_none_however_they_came_to_be) {
  Xattrs emptied = {{"user.a", "1"}};
  const Xattrs copy = emptied;
  emptied.erase_if([](const auto&) { return true; });
  EXPECT_TRUE(emptied.empty());
  EXPECT_EQ(emptied, Xattrs());
  EXPECT_EQ(emptied.find("user.a"), emptied.end());
  EXPECT_EQ(copy.at("user.a"), "1") << "a copy is on its own";
  Xattrs merged;
  merged.merge(Xattrs());
  EXPECT_EQ(merged.begin(), merged.end());
  merged.merge(Xattrs(copy));
  EXPECT_EQ(merged, copy);
  merged.clear();
  EXPECT_EQ(merged.size(), 0U);
}

class ContextXattrs : public testing::Test {
 protected:
  void SetUp() override {
    context_.file("d/f").file("d/plain");
    if (!set("d/f", "user.mine", "1")) GTEST_SKIP() << "a file system without attributes";
  }
  bool set(const char* path, const char* name, const std::string& value) {
    return ::setxattr(context_.host_path(path).c_str(), name, value.data(), value.size(), 0) == 0;
  }
  Xattrs of(const std::vector<Entry>& entries, const char* path) {
    for (const Entry& entry : entries) {
      if (entry.path == at(path)) return entry.xattrs;
    }
    ADD_FAILURE() << "no " << path;
    return {};
  }
  HostTreeOptions keeping(DigestMemory* memory = nullptr) { return {nullptr, memory, 1, true}; }

  Context context_;
};

TEST_F(ContextXattrs,
       IMG_14_COPY_18_files_and_directories_of_a_context_keep_user_attributes_when_asked) {
  ASSERT_TRUE(set("d", "user.of-directory", "2"));
  ASSERT_TRUE(set("d/f", "user.overlay.opaque", "y"));
  ASSERT_TRUE(set("d/f", "user.cooper.override", "z"));
  // Whom an ACL names is a user of the host.
  set("d/f", "system.posix_acl_access",
      acl({{kOwner, 6}, {kNamedUser, 7}, {kGroup, 4}, {kMask, 7}, {kOther, 0}}));
  const auto kept = context_.tree(keeping());
  const auto walked = kept->walk(TreePath(), TakeAll()).entries;
  EXPECT_EQ(of(walked, "d"), (Xattrs{{"user.of-directory", "2"}}));
  EXPECT_EQ(of(walked, "d/f"), (Xattrs{{"user.mine", "1"}}));
  EXPECT_EQ(of(walked, "d/plain"), Xattrs{});
  EXPECT_EQ(kept->find(at("d/f"))->xattrs, (Xattrs{{"user.mine", "1"}}));
  EXPECT_EQ(kept->find(TreePath())->xattrs, Xattrs{});
  const auto plain = context_.tree();
  EXPECT_EQ(of(plain->walk(TreePath(), TakeAll()).entries, "d/f"), Xattrs{});
}

TEST_F(ContextXattrs, IMG_14_CACHE_04_attributes_are_read_although_the_digest_is_remembered) {
  const TempDir store = TempDir::in_host_tmp("cooper-digests-");
  PackedDigestMemory memory(store.dir(), at("context"), {std::int64_t{1} << 40, 0});
  const auto digest = [&](const HostTreeOptions& options) {
    return selection_digest(select(context_.tree(options), request({"d"})));
  };
  const auto plain = digest({nullptr, &memory, 1});
  const auto kept = digest(keeping(&memory));
  EXPECT_NE(kept, plain);
  EXPECT_EQ(of(context_.tree(keeping(&memory))->walk(TreePath(), TakeAll()).entries, "d/f").size(),
            1U);
  ASSERT_TRUE(set("d/f", "user.mine", "2"));
  EXPECT_NE(digest(keeping(&memory)), kept);
  EXPECT_EQ(digest({nullptr, &memory, 1}), plain);
}

}  // namespace
}  // namespace cooper::layers
