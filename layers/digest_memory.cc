#include "layers/digest_memory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace cooper::layers {
namespace {

// File: magic, record count (8 bytes), records, SHA-256 of all before it. Numbers are
// little-endian.
constexpr std::string_view kMagic = "cooper digests 1";
constexpr std::size_t kHeaderBytes = kMagic.size() + 8;
constexpr std::size_t kRecordBytes = 5 * 8 + 3 * 4 + 32;
constexpr std::size_t kTrailerBytes = 32;
constexpr off_t kLimitBytes = off_t{1} << 30;
constexpr std::uint32_t kMaxIdleSaves = 32;

template <class Number>
void put(std::string& out, Number value) {
  std::array<char, sizeof value> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  }
  out.append(bytes.data(), bytes.size());
}

template <class Number>
Number take(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  bytes.remove_prefix(sizeof(Number));
  return static_cast<Number>(value);
}

std::string_view text(const std::array<std::uint8_t, 32>& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// What is longer than it was when opened counts as damaged.
std::string read_whole(UniqueFd fd, const std::string& name) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw_errno("looking at", name);
  if (!S_ISREG(status.st_mode) || status.st_size > kLimitBytes) return {};
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  FdSource source(std::move(fd), name);
  for (std::size_t filled = 0; filled < bytes.size();) {
    const std::size_t got = source.read(std::as_writable_bytes(std::span(bytes)).subspan(filled));
    if (got == 0) return {};
    filled += got;
  }
  return bytes;
}

bool settled(const Timestamp& time, const Timestamp& now) {
  return Timestamp{time.seconds + kSettledSeconds, time.nanoseconds} < now;
}

}  // namespace

PackedDigestMemory::PackedDigestMemory(const Dir& directory, TreePath name, Timestamp now,
                                       Recall recall)
    : directory_(directory.duplicate()), name_(std::move(name)), now_(now) {
  auto fd =
      recall == Recall::all ? directory_.try_open_file(name_, O_RDONLY | O_NONBLOCK) : std::nullopt;
  if (fd) {
    bytes_ = read_whole(*std::move(fd), name_.str());
  }
  records_ = well_formed_records();
  asked_for_ = std::make_unique<std::atomic<bool>[]>(records_);
}

std::size_t PackedDigestMemory::well_formed_records() const {
  const std::string_view bytes = bytes_;
  if (bytes.size() < kHeaderBytes + kTrailerBytes || !bytes.starts_with(kMagic)) return 0;
  const std::string_view body = bytes.substr(0, bytes.size() - kTrailerBytes);
  if (text(oci::sha256(body).bytes) != bytes.substr(body.size())) return 0;
  std::string_view rest = body.substr(kMagic.size());
  const auto count = take<std::uint64_t>(rest);
  if (rest.size() % kRecordBytes != 0 || rest.size() / kRecordBytes != count) return 0;
  return static_cast<std::size_t>(count);
}

std::string_view PackedDigestMemory::record(std::size_t index) const {
  return std::string_view(bytes_).substr(kHeaderBytes + index * kRecordBytes, kRecordBytes);
}

// The first record that is not before id.
std::size_t PackedDigestMemory::lower_bound(const FileId& id) const {
  std::size_t low = 0;
  std::size_t high = records_;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (parse_id(record(middle)) < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

PackedDigestMemory::Record PackedDigestMemory::record_of(const struct stat& file) {
  Record record;
  record.id = {file.st_dev, file.st_ino};
  record.size_bytes = static_cast<std::uint64_t>(file.st_size);
  record.mtime = {file.st_mtim.tv_sec, static_cast<std::uint32_t>(file.st_mtim.tv_nsec)};
  record.ctime = {file.st_ctim.tv_sec, static_cast<std::uint32_t>(file.st_ctim.tv_nsec)};
  return record;
}

bool PackedDigestMemory::same_file(const Record& one, const Record& other) {
  return one.id == other.id && one.size_bytes == other.size_bytes && one.mtime == other.mtime &&
         one.ctime == other.ctime;
}

void PackedDigestMemory::append(std::string& out, const Record& record) {
  put(out, record.id.device);
  put(out, record.id.inode);
  put(out, record.size_bytes);
  put(out, record.mtime.seconds);
  put(out, record.ctime.seconds);
  put(out, record.mtime.nanoseconds);
  put(out, record.ctime.nanoseconds);
  put(out, record.idle_saves);
  out += text(record.digest.value.bytes);
}

PackedDigestMemory::FileId PackedDigestMemory::parse_id(std::string_view bytes) {
  FileId id;
  id.device = take<std::uint64_t>(bytes);
  id.inode = take<std::uint64_t>(bytes);
  return id;
}

PackedDigestMemory::Record PackedDigestMemory::parse_record(std::string_view bytes) {
  Record record;
  record.id.device = take<std::uint64_t>(bytes);
  record.id.inode = take<std::uint64_t>(bytes);
  record.size_bytes = take<std::uint64_t>(bytes);
  record.mtime.seconds = take<std::int64_t>(bytes);
  record.ctime.seconds = take<std::int64_t>(bytes);
  record.mtime.nanoseconds = take<std::uint32_t>(bytes);
  record.ctime.nanoseconds = take<std::uint32_t>(bytes);
  record.idle_saves = take<std::uint32_t>(bytes);
  std::memcpy(record.digest.value.bytes.data(), bytes.data(), record.digest.value.bytes.size());
  return record;
}

// Where the record is, or else belongs.
std::size_t PackedDigestMemory::Learnt::slot_of(const FileId& id) const {
  constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15;  // 2^64 by the golden ratio
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = static_cast<std::size_t>(((id.inode ^ id.device) * kSpread) >> 32) & mask;
  while (slots_[slot] != 0 && records_[slots_[slot] - 1].id != id) slot = (slot + 1) & mask;
  return slot;
}

const PackedDigestMemory::Record* PackedDigestMemory::Learnt::find(const FileId& id) const {
  if (records_.empty()) return nullptr;
  const std::uint32_t at = slots_[slot_of(id)];
  return at == 0 ? nullptr : &records_[at - 1];
}

void PackedDigestMemory::Learnt::put(const Record& record) {
  if (2 * records_.size() >= slots_.size()) grow();
  std::uint32_t& at = slots_[slot_of(record.id)];
  if (at != 0) {
    records_[at - 1] = record;
    return;
  }
  records_.push_back(record);
  at = static_cast<std::uint32_t>(records_.size());
}

void PackedDigestMemory::Learnt::grow() {
  constexpr std::size_t kLeastSlots = 64;
  slots_.assign(std::max(kLeastSlots, 2 * slots_.size()), 0);
  for (std::size_t i = 0; i < records_.size(); ++i) {
    slots_[slot_of(records_[i].id)] = static_cast<std::uint32_t>(i + 1);
  }
}

std::optional<oci::ContentDigest> PackedDigestMemory::recall(const struct stat& file) {
  const Record wanted = record_of(file);
  const std::size_t at = lower_bound(wanted.id);
  if (at < records_) {
    const Record found = parse_record(record(at));
    if (same_file(found, wanted)) {
      asked_for_[at].store(true, std::memory_order_relaxed);
      return found.digest;
    }
  }
  return shard(wanted.id).with([&](const Learnt& learnt) -> std::optional<oci::ContentDigest> {
    const Record* fresh = learnt.find(wanted.id);
    if (fresh == nullptr || !same_file(*fresh, wanted)) return std::nullopt;
    return fresh->digest;
  });
}

void PackedDigestMemory::remember(const struct stat& file, const oci::ContentDigest& digest) {
  Record record = record_of(file);
  if (!settled(record.mtime, now_) || !settled(record.ctime, now_)) return;
  record.digest = digest;
  shard(record.id).with([&](Learnt& learnt) { learnt.put(record); });
  ++unsaved_;
}

std::vector<const PackedDigestMemory::Record*> PackedDigestMemory::all_learnt() const {
  std::vector<const Record*> all;
  for (const Guarded<Learnt>& shard : learnt_) {
    shard.with([&](const Learnt& some) {
      for (const Record& each : some.records()) all.push_back(&each);
    });
  }
  std::sort(all.begin(), all.end(),
            [](const Record* one, const Record* other) { return one->id < other->id; });
  return all;
}

// The file's content, by id: a fresh record before an old one of the same file, long idle ones
// gone.
std::string PackedDigestMemory::packed(const std::vector<const Record*>& learnt) const {
  std::string out(kMagic);
  out.reserve(kHeaderBytes + (records_ + learnt.size()) * kRecordBytes + kTrailerBytes);
  out.resize(kHeaderBytes);
  auto fresh = learnt.begin();
  for (std::size_t i = 0; i < records_; ++i) {
    Record old = parse_record(record(i));
    for (; fresh != learnt.end() && (*fresh)->id < old.id; ++fresh) append(out, **fresh);
    if (fresh != learnt.end() && (*fresh)->id == old.id) continue;
    old.idle_saves = asked_for_[i] ? 0 : old.idle_saves + 1;
    if (old.idle_saves <= kMaxIdleSaves) append(out, old);
  }
  for (; fresh != learnt.end(); ++fresh) append(out, **fresh);
  std::string count;
  put(count, std::uint64_t{(out.size() - kHeaderBytes) / kRecordBytes});
  out.replace(kMagic.size(), count.size(), count);
  out += text(oci::sha256(std::string_view(out)).bytes);
  return out;
}

void PackedDigestMemory::save() {
  if (unsaved_.exchange(0) == 0) return;
  // The name collides with no living writer's. No fsync: what a crash leaves half written is
  // damaged, hence empty.
  static std::atomic<unsigned> serial = 0;
  const TreePath temporary =
      TreePath::clean(cat(name_.str(), ".", ::getpid(), ".", serial++, ".tmp"));
  const UniqueFd fd = directory_.open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  FdSink(fd.get(), temporary.str()).write(as_bytes(packed(all_learnt())));
  directory_.rename(temporary, name_);
}

}  // namespace cooper::layers
