#include "layers/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>
#include <limits>
#include <new>
#include <vector>

#include "base/error.h"
#include "base/pumped_source.h"
#include "layers/compression.h"
#include "layers/xattr.h"

namespace cooper::layers {
namespace {

constexpr std::size_t kBlockBytes = 256 * 1024;
constexpr std::string_view kMetaPrefix =
    ".wh..wh.";  // aufs bookkeeping; one name of it is the opaque marker
constexpr std::uint64_t kMaxId =
    std::numeric_limits<std::uint32_t>::max() - 1;  // all ones means "none"

struct ArchiveFree {
  void operator()(archive* handle) const noexcept { archive_read_free(handle); }
};

// Counts the compressed bytes, for the ratio limit.
class CountingSource : public ByteSource {
 public:
  CountingSource(std::unique_ptr<ByteSource> source, std::atomic<std::uint64_t>& count)
      : source_(std::move(source)), count_(count) {}
  std::size_t read(std::span<std::byte> into) override {
    const std::size_t got = source_->read(into);
    count_ += got;
    return got;
  }

 private:
  std::unique_ptr<ByteSource> source_;
  std::atomic<std::uint64_t>& count_;
};

std::optional<EntryType> entry_type(mode_t file_type) {
  switch (file_type) {
    case AE_IFREG:
      return EntryType::file;
    case AE_IFDIR:
      return EntryType::directory;
    case AE_IFLNK:
      return EntryType::symlink;
    case AE_IFCHR:
      return EntryType::char_device;
    case AE_IFBLK:
      return EntryType::block_device;
    case AE_IFIFO:
      return EntryType::fifo;
    default:
      return std::nullopt;
  }
}

// Whether a component of path starts with prefix.
bool has_component(const TreePath& path, std::string_view prefix) {
  const std::string& text = path.str();
  for (std::size_t at = text.find(prefix); at != std::string::npos;
       at = text.find(prefix, at + 1)) {
    if (at == 0 || text[at - 1] == '/') return true;
  }
  return false;
}

}  // namespace

struct TarReader::State : public ByteSource {
  State(std::unique_ptr<ByteSource> tar, const TarLimits& tar_limits, std::string tar_name,
        TarKind tar_kind, bool with_diff_id);

  std::optional<TarMember> next();
  std::size_t read(std::span<std::byte> into) override;  // of the current member
  void drain();

  // libarchive's view of the stream
  static la_ssize_t pull(archive* handle, void* self, const void** buffer);
  la_ssize_t pull_block(archive* handle, const void** buffer) noexcept;
  std::size_t pull_bytes();
  void check_result(la_ssize_t result);
  [[noreturn]] void fail_corrupt();

  // one member
  TarMember read_member(archive_entry* header);
  void read_times(archive_entry* header, Entry& entry);
  void read_xattrs(archive_entry* header, Entry& entry);
  void read_link(archive_entry* header, Entry& entry);
  void count_metadata(const Entry& entry);
  bool translate(TarMember& member);
  TreePath confined(const char* text, std::string_view what);
  [[noreturn]] void refuse(std::string_view why);
  void check_ratio(std::uint64_t uncompressed);

  const TarLimits limits;
  const std::string name;
  const TarKind kind;
  std::atomic<std::uint64_t> compressed_bytes = 0;  // counted where the stream is read ahead
  std::unique_ptr<ByteSource> source;
  std::vector<std::byte> block;
  std::optional<oci::Sha256> hasher;
  std::uint64_t stream_bytes = 0;   // uncompressed, as read
  std::uint64_t content_bytes = 0;  // of all members, holes included, as read
  std::uint64_t declared_bytes = 0;
  std::uint64_t left_bytes = 0;  // of the current member
  std::uint64_t members = 0;
  std::uint64_t metadata_bytes = 0;
  std::string member_name;
  std::exception_ptr failure;
  std::exception_ptr damage;  // of what comes next from the source
  std::unique_ptr<archive, ArchiveFree> handle;
  bool ended = false;
};

TarReader::State::State(std::unique_ptr<ByteSource> tar, const TarLimits& tar_limits,
                        std::string tar_name, TarKind tar_kind, bool with_diff_id)
    : limits(tar_limits),
      name(std::move(tar_name)),
      kind(tar_kind),
      source(read_ahead(make_decompressor(
          std::make_unique<CountingSource>(std::move(tar), compressed_bytes), name))),
      block(kBlockBytes),
      handle(archive_read_new()) {
  if (!handle) throw std::bad_alloc();
  if (with_diff_id) hasher.emplace();
  check_result(archive_read_support_format_tar(handle.get()));
  check_result(archive_read_support_format_empty(handle.get()));
  check_result(archive_read_open(handle.get(), this, nullptr, &State::pull, nullptr));
}

la_ssize_t TarReader::State::pull(archive* handle, void* self, const void** buffer) {
  return static_cast<State*>(self)->pull_block(handle, buffer);
}

// What is damaged further on is told when it is its turn: what lies before may say enough
// (archive_probe.h).
std::size_t TarReader::State::pull_bytes() {
  if (damage) std::rethrow_exception(damage);
  // Full blocks: libarchive is quickest when a header and its content lie in one.
  std::size_t filled = 0;
  try {
    while (filled < block.size()) {
      const std::size_t got = source->read(std::span(block).subspan(filled));
      if (got == 0) break;
      filled += got;
    }
  } catch (const Error&) {
    if (filled == 0) throw;
    damage = std::current_exception();
  }
  if (hasher) hasher->update(Bytes(block).first(filled));
  stream_bytes += filled;
  check_ratio(stream_bytes);
  return filled;
}

la_ssize_t TarReader::State::pull_block(archive* reader, const void** buffer) noexcept {
  try {
    *buffer = block.data();
    return static_cast<la_ssize_t>(pull_bytes());
  } catch (...) {  // carried across the C library
    failure = std::current_exception();
    archive_set_error(reader, EIO, "reading failed");
    return ARCHIVE_FATAL;
  }
}

void TarReader::State::check_result(la_ssize_t result) {
  if (failure) std::rethrow_exception(failure);
  // ARCHIVE_WARN: a name is not in the locale's encoding (we take raw bytes), an odd attribute.
  if (result < ARCHIVE_WARN) fail_corrupt();
}

void TarReader::State::fail_corrupt() {
  const char* text = archive_error_string(handle.get());
  const std::string_view why = text != nullptr ? text : "not a tar";
  if (member_name.empty()) throw Error(Errc::corrupt, cat(name, ": ", why));
  throw Error(Errc::corrupt, cat(name, ": at or after member ", member_name, ": ", why));
}

void TarReader::State::refuse(std::string_view why) {
  throw Error(Errc::invalid, cat(name, ": member ", member_name, ": ", why));
}

void TarReader::State::check_ratio(std::uint64_t uncompressed) {
  if (uncompressed <= limits.ratio_floor_bytes) return;
  if (uncompressed / limits.ratio <= compressed_bytes) return;
  throw Error(Errc::invalid, cat(name, ": member ", member_name, ": unpacks to more than ",
                                 limits.ratio, " times its size (limit: ratio)"));
}

std::optional<TarMember> TarReader::State::next() {
  while (!ended) {
    archive_entry* header = nullptr;
    const int result = archive_read_next_header(handle.get(), &header);
    if (result == ARCHIVE_EOF) {
      drain();
      break;
    }
    check_result(result);
    TarMember member = read_member(header);
    if (kind == TarKind::archive || translate(member)) return member;
  }
  return std::nullopt;
}

// What follows the end of the archive belongs to the diffID all the same.
void TarReader::State::drain() {
  ended = true;
  while (pull_bytes() != 0) {
  }
}

TreePath TarReader::State::confined(const char* text, std::string_view what) {
  if (text == nullptr) refuse(cat(what, " is not readable"));
  if (std::string_view(text).size() > limits.path_bytes)
    refuse(cat(what, " is too long (limit: path_bytes)"));
  auto path = TreePath::try_confined(text);
  if (!path && kind == TarKind::archive) path = TreePath::clean(text);  // ADD-05
  if (!path) refuse(cat(what, " leads out of the tree: ", text));
  const auto slashes = std::count(path->str().begin(), path->str().end(), '/');
  if (static_cast<std::size_t>(slashes) >= limits.components) {
    refuse(cat(what, " is too deep (limit: components)"));
  }
  return *std::move(path);
}

void TarReader::State::count_metadata(const Entry& entry) {
  metadata_bytes += sizeof(Entry) + entry.path.str().size() + entry.link_target.size();
  for (const auto& [key, value] : entry.xattrs) metadata_bytes += key.size() + value.size();
  if (metadata_bytes > limits.metadata_bytes) {
    refuse("the names and attributes are too large together (limit: metadata_bytes)");
  }
}

TarMember TarReader::State::read_member(archive_entry* header) {
  const char* raw_name = archive_entry_pathname(header);
  member_name = raw_name != nullptr ? raw_name : "?";
  if (++members > limits.entries) refuse("too many members (limit: entries)");
  left_bytes = 0;
  TarMember member;
  Entry& entry = member.entry;
  entry.path = confined(raw_name, "its name");
  entry.mode = archive_entry_perm(header) & 07777;
  const la_int64_t uid = archive_entry_uid(header);
  const la_int64_t gid = archive_entry_gid(header);
  if (uid < 0 || gid < 0 || static_cast<std::uint64_t>(uid) > kMaxId ||
      static_cast<std::uint64_t>(gid) > kMaxId) {
    refuse(cat("its owner ", uid, ":", gid, " is out of range"));
  }
  entry.uid = static_cast<std::uint32_t>(uid);
  entry.gid = static_cast<std::uint32_t>(gid);
  read_times(header, entry);
  read_xattrs(header, entry);
  if (archive_entry_hardlink(header) != nullptr) {
    entry.type = EntryType::hard_link;
    read_link(header, entry);
    count_metadata(entry);
    return member;
  }
  const auto type = entry_type(archive_entry_filetype(header));
  if (!type) refuse("its type is not one a layer can hold");
  entry.type = *type;
  if (entry.type == EntryType::symlink) read_link(header, entry);
  count_metadata(entry);
  if (entry.type == EntryType::char_device || entry.type == EntryType::block_device) {
    entry.device_major = static_cast<std::uint32_t>(archive_entry_rdevmajor(header));
    entry.device_minor = static_cast<std::uint32_t>(archive_entry_rdevminor(header));
  }
  if (entry.type == EntryType::file) {
    const la_int64_t size = archive_entry_size(header);
    if (size < 0) refuse("its size is negative");
    entry.size_bytes = static_cast<std::uint64_t>(size);
    if (entry.size_bytes > limits.total_bytes - declared_bytes) {
      refuse("the files are too large together (limit: total_bytes)");
    }
    declared_bytes += entry.size_bytes;
    left_bytes = entry.size_bytes;
  }
  return member;
}

void TarReader::State::read_times(archive_entry* header, Entry& entry) {
  if (archive_entry_mtime_is_set(header) == 0) return;
  constexpr long kSecond = 1'000'000'000;
  entry.mtime.seconds = archive_entry_mtime(header);
  long nanoseconds = std::clamp(archive_entry_mtime_nsec(header), 0L, kSecond - 1);
  // libarchive takes "-1.5" for -1 and 0.5, each without the other's sign.
  if (entry.mtime.seconds < 0 && nanoseconds > 0) {
    --entry.mtime.seconds;
    nanoseconds = kSecond - nanoseconds;
  }
  entry.mtime.nanoseconds = static_cast<std::uint32_t>(nanoseconds);
}

void TarReader::State::read_xattrs(archive_entry* header, Entry& entry) {
  std::size_t total = 0;
  archive_entry_xattr_reset(header);
  const char* key = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (archive_entry_xattr_next(header, &key, &value, &size) == ARCHIVE_OK) {
    const std::string_view text(static_cast<const char*>(value), size);
    total += std::string_view(key).size() + size;
    if (total > limits.xattr_bytes) refuse("its attributes are too large (limit: xattr_bytes)");
    entry.xattrs[key] = key == kCapability ? capability_v2(text) : std::string(text);
  }
}

void TarReader::State::read_link(archive_entry* header, Entry& entry) {
  if (entry.type == EntryType::hard_link) {
    entry.link_target = confined(archive_entry_hardlink(header), "its hard-link target").str();
    if (entry.link_target.empty()) refuse("it is a hard link to the root");
    return;
  }
  const char* target = archive_entry_symlink(header);
  if (target == nullptr || *target == '\0') refuse("it is a symlink without a target");
  entry.link_target = target;
  if (entry.link_target.size() > limits.path_bytes) {
    refuse("its symlink target is too long (limit: path_bytes)");
  }
}

// Turns ".wh." names into what they mean. False: a member to leave out.
bool TarReader::State::translate(TarMember& member) {
  const TreePath path = member.entry.path;
  if (!has_component(path, kWhiteoutPrefix)) return true;
  const TreePath parent = path.parent();
  const bool plain_parent = !has_component(parent, kWhiteoutPrefix);
  if (path.name() == kOpaqueName && plain_parent) {
    member.marker = true;
    member.entry = Entry{};
    member.entry.path = parent;
    member.entry.type = EntryType::directory;
    member.entry.opaque = true;
    return true;
  }
  if (has_component(path, kMetaPrefix)) return false;
  if (!plain_parent) refuse("it lies beneath a whiteout");
  const std::string_view removed = path.name().substr(kWhiteoutPrefix.size());
  if (removed.empty() || removed == "." || removed == "..") refuse("it is a whiteout of nothing");
  member.entry = Entry{};
  member.entry.path = parent.child(removed);
  member.entry.type = EntryType::whiteout;
  return true;
}

std::size_t TarReader::State::read(std::span<std::byte> into) {
  const la_ssize_t got = archive_read_data(handle.get(), into.data(), into.size());
  if (got < 0) {
    if (failure) std::rethrow_exception(failure);
    fail_corrupt();
  }
  std::size_t size = static_cast<std::size_t>(got);
  if (size == 0 && left_bytes > 0) {
    // The library ends at the last data of a sparse file; a hole may follow.
    size = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_bytes));
    std::fill_n(into.begin(), size, std::byte{0});
  }
  left_bytes -= std::min<std::uint64_t>(left_bytes, size);
  content_bytes += size;
  check_ratio(content_bytes);
  return size;
}

TarReader::TarReader(std::unique_ptr<ByteSource> tar, const TarLimits& limits, std::string name,
                     TarKind kind, bool with_diff_id)
    : state_(std::make_unique<State>(std::move(tar), limits, std::move(name), kind, with_diff_id)) {
}
TarReader::TarReader(TarReader&&) noexcept = default;
TarReader::~TarReader() = default;

std::optional<TarMember> TarReader::next() {
  return state_->next();
}
ByteSource& TarReader::content() {
  return *state_;
}
oci::DiffId TarReader::diff_id() {
  return {state_->hasher.value().finish()};
}

}  // namespace cooper::layers
