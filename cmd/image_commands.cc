#include "cmd/image_commands.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <iomanip>
#include <iostream>

#include "base/error.h"
#include "builder/base_images.h"
#include "builder/export.h"
#include "cmd/human_size.h"
#include "cmd/progress.h"
#include "cmd/session.h"
#include "cmd/store_access.h"
#include "layers/compression.h"
#include "oci/archive_reader.h"
#include "oci/layout.h"
#include "parser/ast_print.h"
#include "parser/dockerfile.h"

namespace cooper::cmd {
namespace {

constexpr std::size_t kMetadataLimitBytes = 8 << 20;

oci::Descriptor named(cache::Store& store, const std::string& text) {
  const oci::Reference reference = oci::parse_reference(text);
  if (const auto root = store.find_name(reference)) return *root;
  throw Error(Errc::not_found, cat("no such image: ", text));
}

// The image manifest behind a root: itself, or the entry for this machine (else the first) of an index.
oci::Descriptor image_manifest(cache::Store& store, const oci::Descriptor& root) {
  if (!oci::is_index_type(root.media_type)) return root;
  const oci::Index index =
      oci::parse_index(oci::read_blob(store, root, kMetadataLimitBytes), root.digest.str());
  if (const auto chosen = oci::select_manifest(index, oci::host_platform())) return *chosen;
  if (index.manifests.empty()) throw Error(Errc::corrupt, cat("index ", root.digest, " lists nothing"));
  return index.manifests.front();
}

// Of config and layers, be they here or still in a registry. One damaged image must not hide the others.
std::string size_text(cache::Store& store, const oci::Descriptor& root) {
  try {
    const oci::Descriptor manifest = image_manifest(store, root);
    const oci::Manifest parsed =
        oci::parse_manifest(oci::read_blob(store, manifest, kMetadataLimitBytes), root.digest.str());
    std::uint64_t bytes = manifest.size_bytes + parsed.config.size_bytes;
    for (const oci::Descriptor& layer : parsed.layers) bytes += layer.size_bytes;
    return human_size(bytes);
  } catch (const Error& error) {
    if (error.code() != Errc::corrupt && error.code() != Errc::not_found) throw;
    return "damaged";
  }
}

}  // namespace

void pull_image(const std::string& text, const std::string& platform, int retries, const std::string& store_limit) {
  Interrupts interrupts;
  const auto progress = make_progress(ProgressMode::plain);
  const auto store = open_store_within(store_limit, [&](const std::string& line) { progress->notice(line); });
  const auto lease = store->lease();
  const auto registry = open_registry(retries, interrupts.token());
  builder::BaseImages images(*store, *registry, *progress, builder::PullPolicy::registry_only);
  const oci::Reference reference = oci::parse_reference(text);
  const oci::Platform wanted = platform.empty() ? oci::host_platform() : oci::parse_platform(platform);
  const oci::Descriptor root = images.resolve_root(reference, wanted);
  const oci::Manifest manifest =
      oci::parse_manifest(oci::read_blob(*store, root, kMetadataLimitBytes), text);
  for (const oci::Descriptor& layer : manifest.layers) images.ensure_blob(layer);
  const oci::ImageConfig config =
      oci::parse_config(oci::read_blob(*store, manifest.config, kMetadataLimitBytes), text);
  store->put_name(reference, root, config.created);
  std::cout << root.digest << "\n";
}

void push_image(const std::string& text, const std::string& target, int retries) {
  Interrupts interrupts;
  const auto store = open_store();
  const auto lease = store->lease();
  const oci::Descriptor root = named(*store, text);
  const auto registry = open_registry(retries, interrupts.token());
  builder::push_image(*registry, oci::parse_reference(target.empty() ? text : target), root, *store, *store);
  std::cout << root.digest << "\n";
}

void tag_image(const std::string& source, const std::string& target) {
  const auto store = open_store();
  const oci::Descriptor root = named(*store, source);
  const oci::Reference wanted = oci::parse_reference(source);
  std::string created;
  for (const cache::NamedImage& image : store->names()) {
    if (image.reference == wanted) created = image.created;
  }
  store->put_name(oci::parse_reference(target), root, created);
}

void list_images() {
  const auto store = open_store();
  const auto names = store->names();
  std::size_t width = 4;
  for (const cache::NamedImage& image : names) width = std::max(width, image.reference.familiar().size());
  const int column = static_cast<int>(width) + 2;
  std::cout << std::left << std::setw(column) << "NAME" << std::setw(16) << "DIGEST" << std::setw(22)
            << "CREATED" << "SIZE\n";
  for (const cache::NamedImage& image : names) {
    const std::string size = size_text(*store, image.root);
    std::cout << std::left << std::setw(column) << image.reference.familiar() << std::setw(16)
              << image.root.digest.hex().substr(0, 12) << std::setw(22) << image.created.substr(0, 19)
              << size << "\n";
  }
}

void remove_images(const std::vector<std::string>& references) {
  const auto store = open_store();
  std::string absent;
  for (const std::string& text : references) {
    const oci::Reference reference = oci::parse_reference(text);
    if (store->remove_name(reference)) {
      std::cout << "untagged: " << reference.str() << "\n";
    } else {
      absent += (absent.empty() ? "" : ", ") + text;
    }
  }
  if (!absent.empty()) throw Error(Errc::not_found, cat("no such image: ", absent));
}

void inspect_image(const std::string& reference, bool raw) {
  const auto store = open_store();
  const oci::Descriptor manifest = image_manifest(*store, named(*store, reference));
  const std::string manifest_json = oci::read_blob(*store, manifest, kMetadataLimitBytes);
  if (raw) {
    std::cout << manifest_json << "\n";
    return;
  }
  const oci::Manifest parsed = oci::parse_manifest(manifest_json, reference);
  std::cout << oci::read_blob(*store, parsed.config, kMetadataLimitBytes) << "\n";
}

void save_images(const std::vector<std::string>& references, const std::string& output, bool oci_format) {
  if (references.size() != 1) throw Error(Errc::invalid, "save takes one image");
  const auto store = open_store();
  const auto lease = store->lease();
  const oci::Descriptor root = named(*store, references.front());
  const oci::Descriptor manifest = oci_format ? root : image_manifest(*store, root);
  const oci::ExportImage image{manifest, {oci::parse_reference(references.front())}, std::nullopt};
  if (output.empty() || output == "-") {
    if (::isatty(STDOUT_FILENO) == 1) {
      throw Error(Errc::invalid, "an archive is not written to a terminal: use -o FILE or redirect");
    }
    FdSink sink(STDOUT_FILENO, "standard output");
    oci::write_archive(*store, image, !oci_format, sink);
    return;
  }
  builder::AtomicFile file(output);
  oci::write_archive(*store, image, !oci_format, file);
  file.publish();
}

void load_images(const std::string& input, const std::string& store_limit) {
  const auto progress = make_progress(ProgressMode::plain);
  const auto store = open_store_within(store_limit, [&](const std::string& line) { progress->notice(line); });
  const auto lease = store->lease();
  UniqueFd fd(input.empty() || input == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                            : ::open(input.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw_errno("opening", input);
  const std::string name = input.empty() || input == "-" ? "standard input" : input;
  // Compressed or not, as docker load takes it.
  const auto source = layers::make_decompressor(std::make_unique<FdSource>(std::move(fd), name), name);
  for (const oci::LoadedImage& image : oci::load_archive(*source, *store)) {
    for (const oci::Reference& reference : image.names) {
      store->put_name(reference, image.root, "");
      std::cout << "Loaded image: " << reference.familiar() << "\n";
    }
    if (image.names.empty()) std::cout << "Loaded image: " << image.root.digest << "\n";
  }
}

void print_ast(const std::string& dockerfile) {
  UniqueFd fd(::open(dockerfile.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw_errno("opening", dockerfile);
  FdSource source(std::move(fd), dockerfile);
  const std::string text = read_all(source, 64 << 20, dockerfile);
  std::cout << parser::print_ast(parser::parse_dockerfile(dockerfile, text));
}

}  // namespace cooper::cmd
