// Store::verify. Looks without noting uses, so that checking a store changes nothing that prune
// goes by.
#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <set>
#include <thread>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/guarded.h"
#include "cache/layout.h"
#include "cache/prune.h"
#include "cache/reach.h"
#include "oci/image.h"

namespace cooper::cache {
namespace {

// Runs work(0) … work(count - 1) on all cores; the first failure is thrown when all have stopped.
void in_parallel(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  Guarded<std::exception_ptr> failure;
  const auto loop = [&] {
    try {
      for (std::size_t i = next++; i < count; i = next++) work(i);
    } catch (...) {  // kept and rethrown below, as it may not leave its thread
      failure.with([](std::exception_ptr& first) {
        if (!first) first = std::current_exception();
      });
      next = count;
    }
  };
  constexpr std::size_t kMaxThreads = 16;
  const std::size_t cores =
      std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMaxThreads);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < std::min(cores, count); ++i) threads.emplace_back(loop);
    loop();
  }
  failure.with([](const std::exception_ptr& first) {
    if (first) std::rethrow_exception(first);
  });
}

oci::Digest hash_file(UniqueFd file, const std::string& name) {
  FdSource source(std::move(file), name);
  NullSink nowhere;
  oci::DigestSink hashing(nowhere);
  copy_all(source, hashing);
  return hashing.digest();
}

class Verifier {
 public:
  Verifier(const StoreParts& parts, bool repair) : parts_(parts), repair_(repair) {}

  std::vector<std::string> run() {
    for (const NamedImage& named : parts_.records.names()) {
      const Reached reached = reach(parts_.objects, named.root);
      needed_.insert(reached.objects.begin(), reached.objects.end());
    }
    check_objects();
    check_strangers();
    check_rows();
    for (const NamedImage& named : parts_.records.names()) check_name(named);
    check_trees();
    for (const TreePath& stranger : parts_.mounts.strangers()) {
      problem(cat(stranger.str(), " is not a cache mount of the store"));
      if (repair_) parts_.root.dir().remove_all(stranger);
    }
    return problems_.with([](auto& lines) {
      std::ranges::sort(lines);
      const auto repeated = std::ranges::unique(lines);
      lines.erase(repeated.begin(), repeated.end());
      return std::move(lines);
    });
  }

 private:
  void problem(std::string line) {
    problems_.with([&](auto& lines) { lines.push_back(std::move(line)); });
  }
  void check_objects();
  void check_object(const ObjectId& id);
  void check_strangers();
  void check_rows();
  void check_name(const NamedImage& named);
  void check_document(const std::string& who, const oci::Descriptor& descriptor, bool required);
  void check_config(const std::string& who, const oci::Descriptor& descriptor);
  void check_trees();

  const StoreParts& parts_;
  bool repair_;
  std::set<ObjectId> needed_;  // by images that have a name
  Guarded<std::vector<std::string>> problems_;
};

void Verifier::check_objects() {
  std::vector<ObjectId> ids = parts_.objects.files();
  for (const auto& [id, row] : parts_.objects.rows()) ids.push_back(id);
  std::ranges::sort(ids);
  const auto repeated = std::ranges::unique(ids);
  ids.erase(repeated.begin(), repeated.end());
  in_parallel(ids.size(), [&](std::size_t i) { check_object(ids[i]); });
}

void Verifier::check_object(const ObjectId& id) {
  Objects::Snapshot now = parts_.objects.look(id);
  if (!now.file) {
    if (!now.row) return;  // removed meanwhile
    // Without room to write that it goes, a removal unlinks first (Objects::remove). Killed there
    // it leaves a row that every look-up takes for a miss.
    if (needed_.contains(id)) problem(cat(to_string(id), " is missing"));
    if (repair_) parts_.objects.drop_damaged(id, *now.row);
    return;
  }
  if (!now.row) {
    // A process died between publishing and recording. Nobody sees the file; a blob proves itself
    // by its digest.
    if (id.kind == ObjectKind::table) return;
    const bool good = hash_file(std::move(*now.file), to_string(id)) == id.digest;
    if (!good) problem(cat(to_string(id), " is damaged, and not recorded"));
    if (!repair_) return;
    parts_.objects.adopt(id, {now.file_bytes, id.digest});
    if (!good) parts_.objects.drop_damaged(id, {now.file_bytes, id.digest});
    return;
  }
  std::string line;
  if (now.file_bytes != now.row->size_bytes) {
    line = cat(to_string(id), " has ", now.file_bytes, " bytes instead of ", now.row->size_bytes);
  } else if (const oci::Digest found = hash_file(std::move(*now.file), to_string(id));
             found != now.row->content) {
    line = cat(to_string(id), " is damaged: its bytes have digest ", found);
  }
  if (line.empty()) return;
  problem(line);
  if (repair_) parts_.objects.drop_damaged(id, *now.row);
}

// Files that are not named like objects where only objects belong.
void Verifier::check_strangers() {
  const Dir& root = parts_.root.dir();
  for (const char* base_name : {layout::kBlobs, layout::kTables}) {
    const TreePath base = layout::path(base_name);
    if (!root.try_stat(base)) continue;
    for (const DirEntry& fan : root.list(base)) {
      const TreePath directory = base.child(fan.name);
      std::vector<TreePath> strangers;
      if (fan.type != DT_DIR) {
        strangers.push_back(directory);
      } else {
        for (const DirEntry& entry : root.list(directory)) {
          if (layout::try_digest(entry.name) && entry.name.starts_with(fan.name)) continue;
          strangers.push_back(directory.child(entry.name));
        }
      }
      for (const TreePath& stranger : strangers) {
        problem(cat(stranger.str(), " is not a file of the store"));
        if (repair_) root.remove_all(stranger);
      }
    }
  }
}

void Verifier::check_rows() {
  for (const Records::Damage& damage : parts_.records.damaged_rows()) {
    problem(damage.what);
    if (repair_) parts_.records.drop(damage);
  }
}

void Verifier::check_name(const NamedImage& named) {
  const std::string who = cat("name ", named.reference.str());
  try {
    check_document(who, named.root, true);
  } catch (const Error& error) {
    if (error.code() != Errc::corrupt && error.code() != Errc::not_found) throw;
    problem(error.what());
    if (repair_) parts_.records.remove_name(named.reference);
  }
}

// Documents must be here and readable. Layers need not: a layer of a base that nobody had to read
// stays in its registry; one that was here and is gone has been told by its row. An index lists
// platforms that were not asked for.
void Verifier::check_document(const std::string& who, const oci::Descriptor& descriptor,
                              bool required) {
  const auto text = parts_.objects.peek(descriptor.digest.value, kDocumentLimitBytes);
  if (!text) {
    if (!required) return;
    throw Error(Errc::not_found, cat(who, ": ", descriptor.digest, " is missing"));
  }
  with_context([&] { return who; },
               [&] {
                 const std::string name = descriptor.digest.str();
                 if (oci::is_index_type(descriptor.media_type)) {
                   for (const oci::Descriptor& child : oci::parse_index(*text, name).manifests) {
                     check_document(who, child, false);
                   }
                 } else if (oci::is_manifest_type(descriptor.media_type)) {
                   check_config(who, oci::parse_manifest(*text, name).config);
                 }
               });
}

void Verifier::check_config(const std::string& who, const oci::Descriptor& descriptor) {
  const auto text = parts_.objects.peek(descriptor.digest.value, kDocumentLimitBytes);
  if (!text) throw Error(Errc::not_found, cat(who, ": config ", descriptor.digest, " is missing"));
  const bool image = descriptor.media_type == oci::kConfigType ||
                     descriptor.media_type == oci::kDockerConfigType;  // artifacts have others
  if (image) oci::parse_config(*text, descriptor.digest.str());
}

void Verifier::check_trees() {
  for (const Trees::Listed& tree : parts_.trees.list()) {
    // Without a whole mark it is nobody's, and prune's. Listed as missing it may be arriving.
    if (!tree.whole || tree.present || !parts_.trees.is_lost(tree.id)) continue;
    problem(cat(to_string(tree.id), " is missing"));
    if (repair_) parts_.trees.forget_lost(tree.id);
  }
}

}  // namespace

std::vector<std::string> verify_store(const StoreParts& parts, bool repair) {
  return Verifier(parts, repair).run();
}

}  // namespace cooper::cache
