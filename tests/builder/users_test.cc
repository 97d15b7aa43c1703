#include "builder/users.h"

#include <gtest/gtest.h>

#include <map>

#include "base/error.h"

namespace cooper::builder {
namespace {

constexpr const char* kPasswd =
    "root:x:0:0:root:/root:/bin/sh\n"
    "# comment:x:9:9::/:\n"
    "broken:x:1\n"
    "huge:x:99999999999:1::/:/bin/sh\n"
    "app:x:1000:1001:App:/home/app:/bin/sh\n"
    "bare:x:1002:1002::\n"
    "nohome:x:1003:1003:::/bin/sh\n"
    "1004:x:5:6::/five:/bin/sh\n"
    "last:x:7:8::/last:/bin/sh";
constexpr const char* kGroup =
    "root:x:0:\nwheel:x:10:root,app\nwww:x:33:app\nwww2:x:33:app\napp:x:1001:app\nbad:x:zz:"
    "app\nempty:x:50\n";

FileLookup image_files() {
  return [](const TreePath& path) -> std::optional<std::string> {
    if (path.str() == "etc/passwd") return kPasswd;
    if (path.str() == "etc/group") return kGroup;
    return std::nullopt;
  };
}

std::optional<std::string> no_files(const TreePath&) {
  return std::nullopt;
}

struct RunRow {
  const char* name;
  const char* text;
  RunUser user;
};

TEST(RunUsers, USER_02_USER_03_USER_04_with_files) {
  const RunRow table[] = {
      {"USER_04 unset", "", {0, 0, {10}, "/root"}},
      {"USER_02 name", "app", {1000, 1001, {10, 33}, "/home/app"}},
      {"USER_03 number with an entry", "1000", {1000, 1001, {10, 33}, "/home/app"}},
      {"USER_03 number without", "4242", {4242, 0, {}, "/"}},
      {"USER_04 name:group", "app:www", {1000, 33, {}, "/home/app"}},
      {"USER_04 name:number", "app:7", {1000, 7, {}, "/home/app"}},
      {"USER_04 numbers", "4242:4243", {4242, 4243, {}, "/"}},
      {"empty group", "app:", {1000, 1001, {10, 33}, "/home/app"}},
      {"a row without home", "nohome", {1003, 1003, {}, "/"}},
      {"a number is no name", "1004", {1004, 0, {}, "/"}},
      {"no line end at the end", "last", {7, 8, {}, "/last"}},
  };
  for (const RunRow& row : table)
    EXPECT_EQ(resolve_run_user(row.text, image_files()), row.user) << row.name;
}

TEST(RunUsers, USER_03_USER_04_numbers_need_no_files) {
  EXPECT_EQ(resolve_run_user("", no_files), (RunUser{0, 0, {}, "/"}));
  EXPECT_EQ(resolve_run_user("5", no_files), (RunUser{5, 0, {}, "/"}));
  EXPECT_EQ(resolve_run_user("5:6", no_files), (RunUser{5, 6, {}, "/"}));
  EXPECT_EQ(resolve_run_user("root:root", no_files), (RunUser{0, 0, {}, "/"}));
  EXPECT_EQ(resolve_run_user("root:7", image_files()), (RunUser{0, 7, {}, "/root"}));
}

struct BadRow {
  const char* text;
  const char* names;
};

TEST(RunUsers, USER_02_unknown_names_fail) {
  const BadRow table[] = {
      {"ghost", "\"ghost\""},       {"app:ghosts", "\"ghosts\""}, {"broken", "\"broken\""},
      {"huge", "\"huge\""},         {"# comment", "# comment"},   {"-1", "\"-1\""},
      {"4294967296", "4294967296"}, {"0x10", "\"0x10\""},         {"app:bad", "\"bad\""}};
  for (const BadRow& row : table) {
    try {
      resolve_run_user(row.text, image_files());
      ADD_FAILURE() << row.text << " was resolved";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::not_found) << row.text;
      EXPECT_NE(std::string(error.what()).find(row.names), std::string::npos) << error.what();
    }
  }
  EXPECT_THROW(resolve_run_user("root", no_files), Error);
}

struct OwnerRow {
  const char* name;
  const char* text;
  layers::Owner owner;
  bool needs_lookup;
};

TEST(Owners, COPY_19_COPY_20_chown) {
  const OwnerRow table[] = {
      {"COPY_20 number is the group too", "1000", {1000, 1000}, false},
      {"numbers", "5:6", {5, 6}, false},
      {"root", "0", {0, 0}, false},
      {"root by name needs no file", "root", {0, 0}, false},
      {"root's group too", "5:root", {5, 0}, false},
      {"COPY_19 name", "app", {1000, 1001}, true},
      {"COPY_20 name:group", "app:www", {1000, 33}, true},
      {"name:number", "app:9", {1000, 9}, true},
      {"number:group", "5:wheel", {5, 10}, true},
      {"group alone", ":www", {0, 33}, true},
      {"empty group", "app:", {1000, 1001}, true},
  };
  for (const OwnerRow& row : table) {
    EXPECT_EQ(resolve_owner(row.text, image_files()), row.owner) << row.name;
    EXPECT_EQ(owner_needs_lookup(row.text), row.needs_lookup) << row.name;
  }
  EXPECT_FALSE(owner_needs_lookup(""));
}

TEST(Owners, WORKDIR_03_directories_of_a_user) {
  const OwnerRow table[] = {
      {"none", "", {0, 0}, false},
      {"root", "root", {0, 0}, false},
      {"a number is the group too", "1000", {1000, 1000}, false},
      {"numbers", "5:6", {5, 6}, false},
      {"name", "app", {1000, 1001}, true},
      {"name:group", "app:www", {1000, 33}, true},
      {"number:group", "5:wheel", {5, 10}, true},
      {"unknown is root", "ghost", {0, 0}, true},
      {"unknown user, known group", "ghost:www", {0, 33}, true},
      {"unknown group: the user's", "app:ghosts", {1000, 1001}, true},
  };
  for (const OwnerRow& row : table) EXPECT_EQ(resolve_dir_owner(row.text, image_files()), row.owner) << row.name;
  EXPECT_EQ(resolve_dir_owner("app:www", no_files), (layers::Owner{0, 0}));
  EXPECT_EQ(resolve_dir_owner("7:www", no_files), (layers::Owner{7, 7}));
}

TEST(Owners, COPY_21_unknown_names_tell_the_file_looked_at) {
  const BadRow table[] = {{"ghost", "no user \"ghost\" in /etc/passwd"},
                          {"app:ghost", "no group \"ghost\" in /etc/group"},
                          {"99999999999", "no user \"99999999999\""}};
  for (const BadRow& row : table) {
    try {
      resolve_owner(row.text, image_files());
      ADD_FAILURE() << row.text << " was resolved";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::not_found);
      EXPECT_NE(std::string(error.what()).find(row.names), std::string::npos) << error.what();
    }
  }
  EXPECT_THROW(resolve_owner("app", no_files), Error);
}

}  // namespace
}  // namespace cooper::builder
