#include "builder/early_archive.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "builder/stoppable_sink.h"

namespace cooper::builder {
namespace {

constexpr std::uint64_t kWorthBytes = 16 << 20;
// What steps are left with, at the beginning and later; and how often it is looked at.
constexpr std::uint64_t kRoomBytes = std::uint64_t{2} << 30;
constexpr std::uint64_t kShortBytes = std::uint64_t{1} << 30;
constexpr std::chrono::milliseconds kLook{20};

// Of the image that the target begins with, from the bottom, as far as the store has them.
std::vector<oci::Descriptor> layers_at_hand(const Plan& plan, cache::Store& store) {
  StepId at = plan.result().rootfs;
  while (!std::holds_alternative<SourceStep>(plan.steps[at].operation)) at = parent_of(plan.steps[at].operation);
  const auto& source = std::get<SourceStep>(plan.steps[at].operation);
  std::vector<oci::Descriptor> found;
  if (source.kind != SourceStep::Kind::image) return found;
  for (const PlannedLayer& layer : source.layers) {
    if (!store.has(layer.descriptor.digest)) break;
    found.push_back(layer.descriptor);
  }
  return found;
}

// A new file, or one that is replaced; nothing that is written in place.
bool is_plain_file(const std::filesystem::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return errno == ENOENT;
  return S_ISREG(status.st_mode);
}

bool is_archive(const Output& output) {
  const bool kind = output.kind == Output::Kind::oci || output.kind == Output::Kind::docker;
  return kind && !output.as_directory && !output.to_stdout;
}

}  // namespace

std::uint64_t room_beside(const std::filesystem::path& file) {
  struct statfs status {};
  if (::statfs(folder_of(file).c_str(), &status) != 0 || status.f_type == TMPFS_MAGIC) return 0;
  const auto unit = static_cast<std::uint64_t>(status.f_frsize != 0 ? status.f_frsize : status.f_bsize);
  return std::uint64_t{status.f_bavail} * unit;
}

struct EarlyArchive::Writing {
  // Gives up where room gets short before the archive is due.
  struct Careful : ByteSink {
    Careful(ByteSink& to, const EarlyArchive& owner) : next(to), archive(owner) {}
    void write(Bytes bytes) override {
      if (!archive.due_ && archive.is_short()) throw Error(Errc::io, "too little room");
      next.write(bytes);
    }
    void finish() override { next.finish(); }

    ByteSink& next;
    const EarlyArchive& archive;
  };

  explicit Writing(const EarlyArchive& owner)
      : file(owner.output_.destination, AtomicFile::Meanwhile::nameless),
        stoppable(file, owner.ended_.get_token()),
        sink(stoppable, owner),
        archive(sink) {}

  AtomicFile file;
  StoppableSink stoppable;
  Careful sink;
  oci::ArchiveWriter archive;
};

std::unique_ptr<EarlyArchive> EarlyArchive::begin(const Plan& plan, const std::vector<Output>& outputs,
                                                  cache::Store& store, std::stop_token stop, Room room) {
  if (plan.targets.size() != 1 || !plan.targets.front().platforms.empty()) return nullptr;
  const auto output = std::find_if(outputs.begin(), outputs.end(), is_archive);
  if (output == outputs.end()) return nullptr;
  try {
    std::vector<oci::Descriptor> layers = layers_at_hand(plan, store);
    std::uint64_t bytes = 0;
    for (const oci::Descriptor& layer : layers) bytes += layer.size_bytes;
    const std::filesystem::path& path = output->destination;
    if (bytes < kWorthBytes || !is_plain_file(path) || room(path) < bytes + kRoomBytes) return nullptr;
    return std::unique_ptr<EarlyArchive>(
        new EarlyArchive(*output, std::move(layers), store, std::move(stop), std::move(room)));
  } catch (const std::exception&) {
    return nullptr;  // what is in the way is told when the archive is due
  }
}

EarlyArchive::EarlyArchive(const Output& output, std::vector<oci::Descriptor> layers, cache::Store& store,
                           std::stop_token stop, Room room)
    : output_(output),
      room_(std::move(room)),
      interrupted_(std::move(stop), [this] { ended_.request_stop(); }),
      writing_(std::make_unique<Writing>(*this)) {
  thread_ = std::jthread([this, layers = std::move(layers), &store] { write(layers, store); });
}

void EarlyArchive::write(const std::vector<oci::Descriptor>& layers, cache::Store& store) {
  try {
    for (const oci::Descriptor& layer : layers) writing_->archive.begin_with(store, layer);
    if (keeps_room()) return;
  } catch (const std::exception&) {
    // What was in the way is told when the archive is due, if it still is.
  }
  writing_.reset();
}

bool EarlyArchive::is_short() const { return room_(output_.destination) < kShortBytes; }

bool EarlyArchive::keeps_room() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, ended_.get_token(), kLook, [this] { return due_.load(); })) {
    if (ended_.stop_requested() || is_short()) return false;
  }
  return true;
}

EarlyArchive::~EarlyArchive() { ended_.request_stop(); }

bool EarlyArchive::finish(const Output& output, oci::BlobReader& blobs, const oci::ExportImage& image) {
  if (&output != &output_) return false;
  {
    const std::lock_guard lock(mutex_);
    due_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  const auto writing = std::move(writing_);
  if (!is_plain_file(output.destination)) return false;  // by now
  if (!writing || !writing->archive.finish(blobs, {image}, output.kind == Output::Kind::docker)) return false;
  writing->file.publish();
  return true;
}

}  // namespace cooper::builder
