// Digests of host files, remembered between runs in one packed file per build context (design
// section 3: a database row per file costs nearly the whole budget of a build that has nothing to
// do).
//
// A digest is found again by device, inode, size, mtime and ctime. A file whose mtime or ctime is
// not older than kSettledSeconds before `now` is not remembered: it could change once more within
// one tick of the file system's clock and look the same (the racy timestamps known from git).
// Whoever calls remember() must have begun to read the file after `now` was taken, and must keep to
// file systems that tell the truth (HostTree does both). A damaged or foreign file counts as empty.
// Thread-safe, except save().
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"
#include "layers/tree.h"

namespace cooper::layers {

// ext3 and small ext4 inodes keep whole seconds only; a kernel tick is at most 10 ms.
inline constexpr std::int64_t kSettledSeconds = 2;

// What of the file is believed.
enum class Recall {
  all,
  // What this run itself remembers, and nothing from before, which save() replaces (CACHE-15): a
  // page of a mapping that was dirty already is written without a new mtime or ctime.
  anew,
};

class PackedDigestMemory : public DigestMemory {
 public:
  // Loads directory/name if it is there. now: the wall clock, read by the caller before any file
  // is.
  PackedDigestMemory(const Dir& directory, TreePath name, Timestamp now,
                     Recall recall = Recall::all);

  std::optional<oci::ContentDigest> recall(const struct stat& file) override;
  void remember(const struct stat& file, const oci::ContentDigest& digest) override;
  bool empty() const override { return records_ == 0 && unsaved_ == 0; }

  // Writes what was learnt, by an atomic rename; nothing when nothing was. A record that no run
  // asked for in the last 32 saves is dropped.
  void save();
  std::size_t unsaved() const noexcept { return unsaved_; }  // learnt since

 private:
  struct FileId {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    friend auto operator<=>(const FileId&, const FileId&) = default;
  };
  struct Record {
    FileId id;
    std::uint64_t size_bytes = 0;
    Timestamp mtime;
    Timestamp ctime;
    std::uint32_t idle_saves = 0;
    oci::ContentDigest digest;
  };
  // What this run learnt: a record per file, in the order they came, found by open addressing.
  class Learnt {
   public:
    const Record* find(const FileId& id) const;
    void put(const Record& record);  // instead of one with its id
    const std::vector<Record>& records() const noexcept { return records_; }

   private:
    std::size_t slot_of(const FileId& id) const;
    void grow();

    std::vector<Record> records_;
    std::vector<std::uint32_t> slots_;  // 1 + the record's index; 0 is free. Their number: 2^n
  };
  // By inode, so that threads which look at different files seldom wait for one another.
  static constexpr std::size_t kShards = 16;
  static Record record_of(const struct stat& file);
  static bool same_file(const Record& one, const Record& other);
  static void append(std::string& out, const Record& record);
  static FileId parse_id(std::string_view bytes);
  static Record parse_record(std::string_view bytes);
  std::size_t well_formed_records() const;
  std::string_view record(std::size_t index) const;
  std::size_t lower_bound(const FileId& id) const;
  Guarded<Learnt>& shard(const FileId& id) { return learnt_[id.inode % kShards]; }
  std::vector<const Record*> all_learnt() const;
  std::string packed(const std::vector<const Record*>& learnt) const;

  Dir directory_;
  TreePath name_;
  Timestamp now_;
  std::string bytes_;                               // as they were found, searched where they lie
  std::size_t records_ = 0;                         // in it, by id
  std::unique_ptr<std::atomic<bool>[]> asked_for_;  // one per record
  std::array<Guarded<Learnt>, kShards> learnt_;
  std::atomic<std::size_t> unsaved_ = 0;
};

}  // namespace cooper::layers
