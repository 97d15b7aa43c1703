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
  for (std::size_t i = 0; i < sizeof value; ++i) {
    out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  }
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

PackedDigestMemory::PackedDigestMemory(const Dir& directory, TreePath name, Timestamp now)
    : directory_(directory.duplicate()), name_(std::move(name)), now_(now) {
  if (auto fd = directory_.try_open_file(name_, O_RDONLY | O_NONBLOCK)) {
    load(read_whole(*std::move(fd), name_.str()));
  }
  asked_for_ = std::make_unique<std::atomic<bool>[]>(records_.size());
}

void PackedDigestMemory::load(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes + kTrailerBytes || !bytes.starts_with(kMagic)) return;
  const std::string_view body = bytes.substr(0, bytes.size() - kTrailerBytes);
  if (text(oci::sha256(body).bytes) != bytes.substr(body.size())) return;
  std::string_view rest = body.substr(kMagic.size());
  const auto count = take<std::uint64_t>(rest);
  if (rest.size() % kRecordBytes != 0 || rest.size() / kRecordBytes != count) return;
  records_.reserve(count);
  for (; !rest.empty(); rest.remove_prefix(kRecordBytes)) {
    records_.push_back(parse_record(rest.substr(0, kRecordBytes)));
  }
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

std::optional<oci::ContentDigest> PackedDigestMemory::recall(const struct stat& file) {
  const Record wanted = record_of(file);
  const auto found = std::lower_bound(records_.begin(), records_.end(), wanted.id,
                                      [](const Record& a, const FileId& b) { return a.id < b; });
  if (found != records_.end() && same_file(*found, wanted)) {
    asked_for_[static_cast<std::size_t>(found - records_.begin())].store(true,
                                                                         std::memory_order_relaxed);
    return found->digest;
  }
  return learnt_.with([&](const Learnt& learnt) -> std::optional<oci::ContentDigest> {
    const auto fresh = learnt.records.find(wanted.id);
    if (fresh == learnt.records.end() || !same_file(fresh->second, wanted)) return std::nullopt;
    return fresh->second.digest;
  });
}

void PackedDigestMemory::remember(const struct stat& file, const oci::ContentDigest& digest) {
  Record record = record_of(file);
  if (!settled(record.mtime, now_) || !settled(record.ctime, now_)) return;
  record.digest = digest;
  learnt_.with([&](Learnt& learnt) {
    learnt.records[record.id] = record;
    learnt.saved = false;
  });
}

// Sorted, a fresh record before an old one of the same file, long idle ones gone.
std::vector<PackedDigestMemory::Record> PackedDigestMemory::merged(
    const std::map<FileId, Record>& learnt) const {
  std::vector<Record> all;
  all.reserve(records_.size() + learnt.size());
  auto fresh = learnt.begin();
  for (std::size_t i = 0; i < records_.size(); ++i) {
    for (; fresh != learnt.end() && fresh->first < records_[i].id; ++fresh) {
      all.push_back(fresh->second);
    }
    if (fresh != learnt.end() && fresh->first == records_[i].id) continue;
    Record record = records_[i];
    record.idle_saves = asked_for_[i] ? 0 : record.idle_saves + 1;
    if (record.idle_saves <= kMaxIdleSaves) all.push_back(record);
  }
  for (; fresh != learnt.end(); ++fresh) all.push_back(fresh->second);
  return all;
}

void PackedDigestMemory::save() {
  const std::vector<Record> all = learnt_.with([&](Learnt& learnt) {
    const bool nothing_new = std::exchange(learnt.saved, true);
    return nothing_new ? std::vector<Record>() : merged(learnt.records);
  });
  if (all.empty()) return;
  std::string bytes(kMagic);
  bytes.reserve(kHeaderBytes + all.size() * kRecordBytes + kTrailerBytes);
  put(bytes, std::uint64_t{all.size()});
  for (const Record& record : all) append(bytes, record);
  bytes += text(oci::sha256(std::string_view(bytes)).bytes);
  // The name collides with no living writer's. No fsync: what a crash leaves half written is
  // damaged, hence empty.
  static std::atomic<unsigned> serial = 0;
  const TreePath temporary =
      TreePath::clean(cat(name_.str(), ".", ::getpid(), ".", serial++, ".tmp"));
  const UniqueFd fd = directory_.open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  FdSink(fd.get(), temporary.str()).write(as_bytes(bytes));
  directory_.rename(temporary, name_);
}

}  // namespace cooper::layers
