#include "builder/export.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/error.h"
#include "base/stop.h"
#include "builder/base_images.h"
#include "builder/early_archive.h"
#include "builder/flatten.h"
#include "builder/stoppable_sink.h"
#include "oci/layout.h"

namespace cooper::builder {
namespace {

std::string label_of(const Output& output) {
  switch (output.kind) {
    case Output::Kind::oci: return "exporting to oci image format";
    case Output::Kind::docker: return "exporting to docker image format";
    case Output::Kind::image: return output.push ? "exporting and pushing image" : "exporting to image";
    case Output::Kind::local: return "exporting to client directory";
    case Output::Kind::tar: return "exporting to client tarball";
  }
  return "exporting";
}

// Ends the reading of blobs when somebody interrupts.
class StoppableBlobs : public oci::BlobReader {
 public:
  StoppableBlobs(oci::BlobReader& next, const std::stop_token& stop) : next_(next), stop_(stop) {}
  bool has(const oci::BlobDigest& digest) override { return next_.has(digest); }
  std::unique_ptr<ByteSource> open_blob(const oci::BlobDigest& digest) override {
    return std::make_unique<Source>(next_.open_blob(digest), stop_);
  }
  std::optional<oci::Checksum> checksum_of(const oci::BlobDigest& digest) override { return next_.checksum_of(digest); }

 private:
  class Source : public ByteSource {
   public:
    Source(std::unique_ptr<ByteSource> next, const std::stop_token& stop) : next_(std::move(next)), stop_(stop) {}
    std::size_t read(std::span<std::byte> into) override {
      end_if_stopped(stop_);
      return next_->read(into);
    }

   private:
    std::unique_ptr<ByteSource> next_;
    const std::stop_token& stop_;
  };

  oci::BlobReader& next_;
  const std::stop_token& stop_;
};

// Writes through `body` to the output's file or stdout.
template <class Body>
void write_stream(const Output& output, const ExportEnvironment& environment, const std::stop_token& stop,
                  Body&& write) {
  const auto body = [&](ByteSink& sink) {
    StoppableSink stoppable(sink, stop);
    write(stoppable);
  };
  if (output.to_stdout) {
    body(*environment.standard_output);
    return;
  }
  // A fifo or device (/dev/null, a process substitution) is written in place: it can't be replaced by a rename.
  struct stat status {};
  if (::stat(output.destination.c_str(), &status) == 0 && !S_ISREG(status.st_mode) &&
      !S_ISDIR(status.st_mode)) {
    const UniqueFd fd(::open(output.destination.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) throw_errno("opening", output.destination.string());
    FdSink sink(fd.get(), output.destination.string());
    body(sink);
    return;
  }
  AtomicFile file(output.destination);
  body(file);
  file.publish();
}

void export_archive(const AssembledImage& image, const Output& output, const ExportEnvironment& environment,
                    const std::stop_token& stop) {
  const oci::ExportImage what{image.manifest, output.names,
                              image.config.created.empty() ? std::nullopt
                                                           : std::optional(image.config.created)};
  if (output.as_directory) {
    oci::LayoutDir layout = oci::LayoutDir::create(output.destination);
    StoppableBlobs blobs(environment.blobs, stop);
    oci::write_layout(blobs, what, layout);
    return;
  }
  if (environment.begun && environment.begun->finish(output, environment.blobs, what)) return;
  write_stream(output, environment, stop, [&](ByteSink& sink) {
    oci::write_archive(environment.blobs, {what}, output.kind == Output::Kind::docker, sink);
  });
}

void export_names(const AssembledImage& image, const Output& output, const ExportEnvironment& environment) {
  // A local name promises the whole image: base layers that nobody read yet are fetched now.
  for (const oci::Descriptor& blob : oci::reachable_blobs(environment.blobs, image.manifest)) {
    if (environment.store.has(blob.digest)) continue;
    const auto source = environment.blobs.open_blob(blob.digest);
    if (!environment.store.has(blob.digest)) oci::copy_blob(*source, environment.store, blob.digest);  // read in place until now
  }
  for (const oci::Reference& name : output.names) {
    environment.store.put_name(name, image.manifest, image.config.created);
  }
}

}  // namespace

std::vector<ExportedRootfs> exported_rootfs(const PlannedTarget& target, const std::vector<StepResult>& results) {
  if (target.platforms.empty()) return {{"", results[target.result.rootfs].rootfs}};
  std::vector<ExportedRootfs> list;
  for (const PlannedPlatform& each : target.platforms) {
    std::string folder = each.platform.str();
    std::replace(folder.begin(), folder.end(), '/', '_');
    list.push_back({std::move(folder), results[each.result.rootfs].rootfs});
  }
  return list;
}

void export_image(const AssembledImage& image, const std::vector<ExportedRootfs>& rootfs, const Output& output,
                  const ExportEnvironment& environment, std::stop_token stop) {
  const std::string label = label_of(output);
  environment.progress.activity_started(label);
  try {
    switch (output.kind) {
      case Output::Kind::oci:
      case Output::Kind::docker:
        export_archive(image, output, environment, stop);
        break;
      case Output::Kind::image:
        if (output.push) {
          for (const oci::Reference& name : output.names) {
            push_image(environment.registry, name, image.manifest, environment.blobs, environment.store);
          }
        } else {
          export_names(image, output, environment);
        }
        break;
      case Output::Kind::local:
        for (const ExportedRootfs& each : rootfs) {
          flatten_to_directory(*environment.materializer.files(each.rootfs, stop),
                               each.folder.empty() ? output.destination : output.destination / each.folder,
                               environment.epoch, stop);
        }
        break;
      case Output::Kind::tar: {
        std::vector<TreeInFolder> trees;
        for (const ExportedRootfs& each : rootfs) {
          trees.push_back({each.folder, environment.materializer.files(each.rootfs, stop)});
        }
        write_stream(output, environment, stop,
                     [&](ByteSink& sink) { flatten_to_tar(trees, environment.epoch, sink); });
        break;
      }
    }
  } catch (Error& error) {
    environment.progress.activity_finished(label, false);
    if (error.code() == Errc::corrupt && !output.push) {
      error.add_context("what it is made of is damaged (of the store, `cooper store verify --repair` drops what is, to be made again)");
    }
    throw;
  } catch (...) {  // told to progress, then handled by the caller
    environment.progress.activity_finished(label, false);
    throw;
  }
  environment.progress.activity_finished(label, true);
}

}  // namespace cooper::builder
