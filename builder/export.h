// Exporters (rows OUT-*): an assembled image to a layout, an archive, a directory, a tar, a registry or a local name.
#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "builder/assemble.h"
#include "builder/materializer.h"
#include "builder/progress.h"
#include "cache/store.h"
#include "oci/reference.h"
#include "oci/registry.h"

namespace cooper::builder {

class EarlyArchive;

struct Output {
  enum class Kind { oci, docker, image, local, tar };
  Kind kind = Kind::image;
  std::filesystem::path destination;  // oci, docker, tar: file; local: directory; tar=false: layout directory
  bool to_stdout = false;             // dest=-
  bool as_directory = false;          // tar=false (OUT-04)
  bool push = false;                  // image
  std::vector<oci::Reference> names;
  std::vector<Annotation> annotations;  // besides those of the whole build
};

// Where bytes of an archive on stdout go; given by cmd.
struct ExportEnvironment {
  cache::Store& store;
  oci::BlobReader& blobs;     // may fetch base layers
  oci::Registry& registry;
  Materializer& materializer;  // local, tar
  Progress& progress;
  ByteSink* standard_output = nullptr;
  std::optional<std::int64_t> epoch;
  EarlyArchive* begun = nullptr;  // one of the outputs
};

// The root file system of one platform. Several: local and tar outputs hold a folder for each (OUT-17).
struct ExportedRootfs {
  std::string folder;  // "linux_amd64"; "" when there is one
  LayerStack rootfs;
};
std::vector<ExportedRootfs> exported_rootfs(const PlannedTarget& target, const std::vector<StepResult>& results);

// A file destination appears whole or not at all: it is written beside and renamed. Error(io|denied) names it.
void export_image(const AssembledImage& image, const std::vector<ExportedRootfs>& rootfs, const Output& output,
                  const ExportEnvironment& environment, std::stop_token stop);

std::string folder_of(const std::filesystem::path& file);  // "." for a name alone

// A file that becomes visible under its name only by publish().
class AtomicFile : public ByteSink {
 public:
  // What it is until then; nameless: Error(unsupported) where it needs a name.
  enum class Meanwhile { any, nameless };
  explicit AtomicFile(const std::filesystem::path& path, Meanwhile meanwhile = Meanwhile::any);
  ~AtomicFile() override;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(Bytes bytes) override;
  void publish();

 private:
  bool take_mode() const;

  std::filesystem::path path_;
  std::string temporary_;  // its name until then; none where a file can do without
  bool in_place_ = false;
  UniqueFd fd_;
};

}  // namespace cooper::builder
