#include "builder/users.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/error.h"
#include "parser/text.h"

namespace cooper::builder {
namespace {

const TreePath kPasswd = TreePath::clean("/etc/passwd");
const TreePath kGroup = TreePath::clean("/etc/group");

// Ids as runtimes take them: decimal, below 2^31.
std::optional<std::uint32_t> parse_id(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value > 0x7fffffffU) return std::nullopt;
  return value;
}

// Where owners of files are meant, "root" is 0 and needs no file.
std::optional<std::uint32_t> parse_id_or_root(std::string_view text) {
  return text == "root" ? std::optional<std::uint32_t>(0) : parse_id(text);
}

struct PasswdRow {
  std::string name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string home;
};

struct GroupRow {
  std::string name;
  std::uint32_t gid = 0;
  std::vector<std::string> members;
};

// Malformed rows are passed over, as every libc does.
std::vector<PasswdRow> read_passwd(const FileLookup& files) {
  std::vector<PasswdRow> rows;
  const auto text = files(kPasswd);
  if (!text) return rows;
  for (const std::string_view line : parser::split(*text, '\n')) {
    const auto fields = parser::split(line, ':');
    if (fields.size() < 6 || fields[0].empty() || fields[0][0] == '#') continue;
    const auto uid = parse_id(fields[2]);
    const auto gid = parse_id(fields[3]);
    if (uid && gid) rows.push_back({std::string(fields[0]), *uid, *gid, std::string(fields[5])});
  }
  return rows;
}

std::vector<GroupRow> read_group(const FileLookup& files) {
  std::vector<GroupRow> rows;
  const auto text = files(kGroup);
  if (!text) return rows;
  for (const std::string_view line : parser::split(*text, '\n')) {
    const auto fields = parser::split(line, ':');
    if (fields.size() < 3 || fields[0].empty() || fields[0][0] == '#') continue;
    const auto gid = parse_id(fields[2]);
    if (!gid) continue;
    GroupRow row{std::string(fields[0]), *gid, {}};
    if (fields.size() > 3 && !fields[3].empty()) {
      for (const std::string_view member : parser::split(fields[3], ',')) row.members.emplace_back(member);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

// A number is always an id, never the name of a user who is called like that.
const PasswdRow* find_user(const std::vector<PasswdRow>& rows, const std::string& text) {
  const auto uid = parse_id(text);
  for (const PasswdRow& row : rows) {
    if (uid ? row.uid == *uid : row.name == text) return &row;
  }
  return nullptr;
}

const PasswdRow* find_name(const std::vector<PasswdRow>& rows, const std::string& name) {
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const PasswdRow& each) { return each.name == name; });
  return row == rows.end() ? nullptr : &*row;
}

std::optional<std::uint32_t> try_find_group(const std::string& text, const FileLookup& files) {
  if (const auto gid = parse_id_or_root(text)) return gid;
  for (const GroupRow& row : read_group(files)) {
    if (row.name == text) return row.gid;
  }
  return std::nullopt;
}

std::uint32_t find_group(const std::string& text, const FileLookup& files) {
  if (const auto gid = try_find_group(text, files)) return *gid;
  throw Error(Errc::not_found, cat("no group \"", text, "\" in /etc/group of the image"));
}

std::vector<std::uint32_t> memberships(const std::string& user, std::uint32_t primary,
                                       const FileLookup& files) {
  std::vector<std::uint32_t> gids;
  for (const GroupRow& row : read_group(files)) {
    const bool member = std::find(row.members.begin(), row.members.end(), user) != row.members.end();
    if (member && row.gid != primary) gids.push_back(row.gid);
  }
  std::sort(gids.begin(), gids.end());
  gids.erase(std::unique(gids.begin(), gids.end()), gids.end());
  return gids;
}

[[noreturn]] void throw_no_user(const std::string& user) {
  throw Error(Errc::not_found, cat("no user \"", user, "\" in /etc/passwd of the image"));
}

std::pair<std::string, std::optional<std::string>> split_owner(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return {text, std::nullopt};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

RunUser resolve_run_user(const std::string& text, const FileLookup& files) {
  const auto [written, group] = split_owner(text);
  const std::string user = written.empty() ? std::string("0") : written;
  if (user == "root" && group && parse_id_or_root(*group)) {  // needs no files, as two numbers do
    RunUser root = resolve_run_user("", files);
    root.gid = *parse_id_or_root(*group);
    root.supplementary_gids.clear();
    return root;
  }
  const auto rows = read_passwd(files);
  RunUser resolved;
  std::string name;
  if (const PasswdRow* row = find_user(rows, user)) {
    resolved = {row->uid, row->gid, {}, row->home.empty() ? "/" : row->home};
    name = row->name;
  } else if (const auto uid = parse_id(user)) {
    resolved.uid = *uid;
  } else {
    throw_no_user(user);
  }
  if (group && !group->empty()) {
    resolved.gid = find_group(*group, files);  // USER-04: exactly that group
  } else if (!name.empty()) {
    resolved.supplementary_gids = memberships(name, resolved.gid, files);
  }
  return resolved;
}

layers::Owner resolve_owner(const std::string& text, const FileLookup& files) {
  const auto [user, group] = split_owner(text);
  layers::Owner owner;
  if (const auto uid = parse_id_or_root(user)) {
    owner = {*uid, *uid};
  } else if (!user.empty()) {
    const auto rows = read_passwd(files);
    const PasswdRow* row = find_name(rows, user);
    if (row == nullptr) throw_no_user(user);
    owner = {row->uid, row->gid};
  }
  if (group && !group->empty()) owner.gid = find_group(*group, files);
  return owner;
}

layers::Owner resolve_dir_owner(const std::string& text, const FileLookup& files) {
  const auto [user, group] = split_owner(text);
  layers::Owner owner{0, 0};
  if (const auto uid = parse_id_or_root(user)) {
    owner = {*uid, *uid};
  } else {
    const auto rows = read_passwd(files);
    if (const PasswdRow* row = find_name(rows, user)) owner = {row->uid, row->gid};
  }
  if (group) owner.gid = try_find_group(*group, files).value_or(owner.gid);
  return owner;
}

bool owner_needs_lookup(const std::string& text) {
  const auto [user, group] = split_owner(text);
  return (!user.empty() && !parse_id_or_root(user)) || (group && !group->empty() && !parse_id_or_root(*group));
}

}  // namespace cooper::builder
