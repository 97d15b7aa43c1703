// An archive that is begun while the steps run. Whatever they make, the image begins with the layers of its base
// (oci/layout.h), so these are hashed and written beside the steps, which often leave a core idle.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "builder/export.h"
#include "builder/plan.h"
#include "cache/store.h"
#include "oci/layout.h"

namespace cooper::builder {

// Bytes that may be written to a file without anybody missing them: what is free there; nothing on a tmpfs itself, whose
// files are memory.
std::uint64_t room_beside(const std::filesystem::path& file);

class EarlyArchive {
 public:
  using Room = std::function<std::uint64_t(const std::filesystem::path& file)>;
  // The first of the outputs that is an archive in a file. Null where that is not worth a thread or could be noticed:
  // several targets or platforms; layers that are small or not in the store; little room; a file system where a file must
  // have a name, by which a step could find it. Starts a thread, which gives up what it wrote as soon as room gets short:
  // steps may need it. The outputs and the store outlive it.
  static std::unique_ptr<EarlyArchive> begin(const Plan& plan, const std::vector<Output>& outputs, cache::Store& store,
                                             std::stop_token stop, Room room = room_beside);
  ~EarlyArchive();  // what is not finished leaves nothing
  EarlyArchive(const EarlyArchive&) = delete;
  EarlyArchive& operator=(const EarlyArchive&) = delete;

  // Writes the rest and publishes the file; throws as writing the whole would. False: it is another output that was
  // begun, or that failed, or the image begins with something else, or the destination is no plain file any more; then
  // nothing is left, and the whole archive has to be written.
  bool finish(const Output& output, oci::BlobReader& blobs, const oci::ExportImage& image);

 private:
  struct Writing;
  EarlyArchive(const Output& output, std::vector<oci::Descriptor> layers, cache::Store& store, std::stop_token stop, Room room);
  void write(const std::vector<oci::Descriptor>& layers, cache::Store& store);
  bool is_short() const;
  bool keeps_room();  // until the steps are over

  const Output& output_;
  Room room_;
  std::stop_source ended_;
  std::stop_callback<std::function<void()>> interrupted_;
  std::unique_ptr<Writing> writing_;  // the thread's own until that is joined; null: it failed
  std::atomic<bool> due_ = false;     // the steps are over
  std::mutex mutex_;                  // for telling it to a thread that waits
  std::condition_variable_any changed_;
  std::jthread thread_;
};

}  // namespace cooper::builder
