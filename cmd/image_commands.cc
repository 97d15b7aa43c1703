#include "cmd/image_commands.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <set>

#include "base/error.h"
#include "builder/base_images.h"
#include "builder/export.h"
#include "cmd/human_size.h"
#include "cmd/local_images.h"
#include "cmd/options_text.h"
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

constexpr std::size_t kShownDigits = 12;  // of a digest, as docker shows

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

struct ListedImage {
  std::string name;
  oci::Descriptor root;
  std::string created;
};

// Names in their order; with `all`, then what has none.
std::vector<ListedImage> listed_images(cache::Store& store, bool all) {
  std::vector<ListedImage> rows;
  for (const cache::NamedImage& image : store.names()) {
    rows.push_back({image.reference.familiar(), image.root, image.created});
  }
  if (!all) return rows;
  for (const LocalImage& image : local_images(store)) {
    if (image.names.empty()) rows.push_back({"<none>", image.root, image.created});
  }
  return rows;
}

std::vector<ListedImage> images_called(cache::Store& store, const std::string& name) {
  std::vector<ListedImage> rows;
  const oci::Reference wanted = oci::parse_reference(name);
  const bool one = name.find_first_of(":@", name.rfind('/') + 1) != std::string::npos;
  for (const cache::NamedImage& image : store.names()) {
    if (one ? image.reference != wanted : image.reference.name() != wanted.name()) continue;
    rows.push_back({image.reference.familiar(), image.root, image.created});
  }
  return rows;
}

void print_table(cache::Store& store, const std::vector<ListedImage>& images) {
  std::size_t width = 4;
  for (const ListedImage& image : images) width = std::max(width, image.name.size());
  const int column = static_cast<int>(width) + 2;
  std::cout << std::left << std::setw(column) << "NAME" << std::setw(16) << "DIGEST" << std::setw(22)
            << "CREATED" << "SIZE\n";
  for (const ListedImage& image : images) {
    const std::string size = size_text(store, image.root);
    std::cout << std::left << std::setw(column) << image.name << std::setw(16)
              << image.root.digest.hex().substr(0, kShownDigits) << std::setw(22) << image.created.substr(0, 19)
              << size << "\n";
  }
}

// Whatever an image points to, be it here or not.
class Promised : public oci::BlobReader {
 public:
  explicit Promised(cache::Store& store) : store_(store) {}
  bool has(const oci::BlobDigest&) override { return true; }
  std::unique_ptr<ByteSource> open_blob(const oci::BlobDigest& digest) override { return store_.open_blob(digest); }

 private:
  cache::Store& store_;
};

// The layers of its base that nobody read yet may still be where that came from. A name promises them all.
void make_whole(cache::Store& store, oci::Registry& registry, const LocalImage& image,
                ProgressMode mode = ProgressMode::plain) {
  if (!image.names.empty()) return;
  const auto progress = make_progress(mode);
  builder::BaseImages bases(store, registry, *progress, builder::PullPolicy::registry_only, additional_stores());
  Promised blobs(store);
  for (const oci::Descriptor& blob : oci::reachable_blobs(blobs, image.root)) bases.ensure_blob(blob);
}

// Of an index docker's format takes one image.
void tell_what_is_left_out(cache::Store& store, const oci::Descriptor& root, const oci::Descriptor& taken,
                           const std::string& text) {
  const oci::Index index = oci::parse_index(oci::read_blob(store, root, kMetadataLimitBytes), root.digest.str());
  const auto platforms = std::count_if(index.manifests.begin(), index.manifests.end(), [](const oci::Descriptor& each) {
    return !each.platform || each.platform->os != "unknown";  // an attestation
  });
  if (platforms < 2) return;
  std::cerr << "notice: " << text << " is for several platforms, and docker's format takes one"
            << (taken.platform ? ", " + taken.platform->str() : "") << "; --oci saves all\n";
}

// Each image once, with the names it was asked for by.
std::vector<oci::ExportImage> images_to_save(cache::Store& store, oci::Registry& registry,
                                             const std::vector<std::string>& texts, bool oci_format) {
  std::vector<oci::ExportImage> images;
  for (const std::string& text : texts) {
    const LocalImage image = local_image(store, text);
    make_whole(store, registry, image);
    const oci::Descriptor root = oci_format ? image.root : image_manifest(store, image.root);
    if (root.digest != image.root.digest) tell_what_is_left_out(store, image.root, root, text);
    auto same = std::find_if(images.begin(), images.end(),
                             [&](const oci::ExportImage& each) { return each.root.digest == root.digest; });
    if (same == images.end()) same = images.insert(same, {root, {}, std::nullopt});
    auto& names = same->names;
    if (image.name && std::find(names.begin(), names.end(), *image.name) == names.end()) names.push_back(*image.name);
  }
  return images;
}

// What an image is pushed as when nothing else is said.
oci::Reference only_name(const LocalImage& image, const std::string& text) {
  if (image.name) return *image.name;
  if (image.names.size() == 1) return image.names.front();
  if (image.names.empty()) throw Error(Errc::invalid, cat(text, " has no name: say what to push it as"));
  throw Error(Errc::invalid, cat(text, " has several names (", joined(image.names), "): push it by one of them"));
}

// As its config says. An index of other platforms only, and what is no image, have no date to show.
std::string created_of(cache::Store& store, const oci::Descriptor& root) {
  try {
    const oci::Descriptor manifest = image_manifest(store, root);
    const std::string name = manifest.digest.str();
    const oci::Descriptor config =
        oci::parse_manifest(oci::read_blob(store, manifest, kMetadataLimitBytes), name).config;
    return oci::parse_config(oci::read_blob(store, config, kMetadataLimitBytes), name).created;
  } catch (const Error& error) {
    if (error.code() != Errc::not_found && error.code() != Errc::invalid && error.code() != Errc::unsupported) throw;
    return "";
  }
}

}  // namespace

void pull_image(const std::string& text, const FetchFlags& flags) {
  Interrupts interrupts;
  const auto progress = make_progress(flags.quiet ? ProgressMode::quiet : ProgressMode::plain);
  const auto store = open_store_within(flags.store_limit, [&](const std::string& line) { progress->notice(line); });
  const auto lease = store->lease();
  const auto registry = open_registry(flags.retries, interrupts.token());
  builder::BaseImages images(*store, *registry, *progress, builder::PullPolicy::registry_only, additional_stores());
  const oci::Reference reference = oci::parse_reference(text);
  const oci::Platform wanted = flags.platform.empty() ? oci::host_platform() : oci::parse_platform(flags.platform);
  const oci::Descriptor root = images.resolve_root(reference, wanted);
  const oci::Manifest manifest =
      oci::parse_manifest(oci::read_blob(*store, root, kMetadataLimitBytes), text);
  for (const oci::Descriptor& layer : manifest.layers) images.ensure_blob(layer);
  const oci::ImageConfig config =
      oci::parse_config(oci::read_blob(*store, manifest.config, kMetadataLimitBytes), text);
  store->put_name(reference, root, config.created);
  std::cout << root.digest << "\n";
}

void push_image(const std::string& text, const std::string& target, int retries, bool quiet) {
  Interrupts interrupts;
  const auto store = open_store();
  const auto lease = store->lease();
  const LocalImage image = local_image(*store, text);
  const oci::Reference name = target.empty() ? only_name(image, text) : oci::parse_reference(target);
  const auto registry = open_registry(retries, interrupts.token());
  make_whole(*store, *registry, image, quiet ? ProgressMode::quiet : ProgressMode::plain);
  builder::push_image(*registry, name, image.root, *store, *store);
  std::cout << image.root.digest << "\n";
}

void tag_image(const std::string& source, const std::string& target, int retries) {
  Interrupts interrupts;
  const auto store = open_store();
  const auto lease = store->lease();
  const LocalImage image = local_image(*store, source);
  const auto registry = open_registry(retries, interrupts.token());
  make_whole(*store, *registry, image);
  store->put_name(parse_new_name(target), image.root, image.created);
  forget_unnamed(*store, image.root.digest);
}

void list_images(const std::string& name, bool ids, bool all) {
  const auto store = open_store();
  const auto images = name.empty() ? listed_images(*store, all) : images_called(*store, name);
  if (ids) {
    std::set<oci::BlobDigest> seen;
    for (const ListedImage& image : images) {
      const oci::BlobDigest id = image_id(*store, image.root);
      if (seen.insert(id).second) std::cout << id.hex().substr(0, kShownDigits) << "\n";
    }
    return;
  }
  print_table(*store, images);
}

void remove_images(const std::vector<std::string>& texts, bool force) {
  const auto store = open_store();
  std::vector<oci::Reference> names;
  std::vector<LocalImage> gone;
  std::string absent;
  for (const std::string& text : texts) {
    const auto image = find_image(*store, text);
    if (!image) {
      absent += (absent.empty() ? "" : ", ") + text;
      continue;
    }
    gone.push_back(*image);
    if (image->name) {
      names.push_back(*image->name);
    } else if (image->names.size() > 1 && !force) {
      throw Error(Errc::invalid, cat(text, " has several names (", joined(image->names), "): -f removes them all"));
    } else {
      names.insert(names.end(), image->names.begin(), image->names.end());
    }
  }
  for (const LocalImage& image : gone) {
    forget_unnamed(*store, image.root.digest);
    if (image.names.empty()) std::cout << "deleted: " << image.root.digest << "\n";
  }
  for (const oci::Reference& name : names) {
    if (store->remove_name(name)) std::cout << "untagged: " << name.str() << "\n";
  }
  if (absent.empty()) return;
  if (!force) throw Error(Errc::not_found, cat("no such image: ", absent));
  std::cerr << "notice: no such image: " << absent << "\n";
}

void inspect_image(const std::string& text, bool raw) {
  const auto store = open_store();
  const oci::Descriptor manifest = image_manifest(*store, local_image(*store, text).root);
  const std::string manifest_json = oci::read_blob(*store, manifest, kMetadataLimitBytes);
  if (raw) {
    std::cout << manifest_json;  // to the byte: it may be hashed
    return;
  }
  const oci::Manifest parsed = oci::parse_manifest(manifest_json, text);
  std::cout << oci::read_blob(*store, parsed.config, kMetadataLimitBytes) << "\n";
}

void save_images(const std::vector<std::string>& texts, const std::string& output, bool oci_format, int retries) {
  Interrupts interrupts;
  const auto store = open_store();
  const auto lease = store->lease();
  const auto registry = open_registry(retries, interrupts.token());
  const std::vector<oci::ExportImage> images = images_to_save(*store, *registry, texts, oci_format);
  if (output.empty() || output == "-") {
    if (::isatty(STDOUT_FILENO) == 1) {
      throw Error(Errc::invalid, "an archive is not written to a terminal: use -o FILE or redirect");
    }
    FdSink sink(STDOUT_FILENO, "standard output");
    oci::write_archive(*store, images, !oci_format, sink);
    return;
  }
  builder::AtomicFile file(output);
  oci::write_archive(*store, images, !oci_format, file);
  file.publish();
}

void load_images(const std::string& input, const FetchFlags& flags) {
  const auto progress = make_progress(flags.quiet ? ProgressMode::quiet : ProgressMode::plain);
  const auto store = open_store_within(flags.store_limit, [&](const std::string& line) { progress->notice(line); });
  const auto lease = store->lease();
  UniqueFd fd(input.empty() || input == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                            : ::open(input.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw_errno("opening", input);
  const std::string name = input.empty() || input == "-" ? "standard input" : input;
  // Compressed or not, as docker load takes it.
  const auto source = layers::make_decompressor(std::make_unique<FdSource>(std::move(fd), name), name);
  for (const oci::LoadedImage& image : oci::load_archive(*source, *store)) {
    const std::string created = created_of(*store, image.root);
    for (const oci::Reference& reference : image.names) {
      store->put_name(reference, image.root, created);
      std::cout << "Loaded image: " << reference.familiar() << "\n";
    }
    if (image.names.empty()) {
      remember_unnamed(*store, image.root, created);
      std::cout << "Loaded image ID: " << image_id(*store, image.root) << "\n";
    }
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
