// The content identity of a selection (CACHE-03, CACHE-04).
#include <array>
#include <atomic>
#include <exception>
#include <system_error>
#include <thread>

#include "base/guarded.h"
#include "layers/copy.h"

namespace cooper::layers {
namespace {

// Changing the encoding changes every COPY key: give it a new name then.
constexpr std::string_view kFormat = "cooper selection 1";
constexpr std::size_t kFlushBytes = 64 * 1024;
// Starting threads pays above these.
constexpr std::size_t kManyFiles = 64;
constexpr std::uint64_t kManyBytes = 4 << 20;

// A file whose bytes nobody has looked at yet.
struct Unknown {
  Entry* entry;
  const SelectedSource* source;
};

// Of an unread file that has a name before this one, under which it is read.
const Entry* first_name(const SelectedSource& source, const Entry& entry) {
  return entry.unread && !entry.link_target.empty()
             ? source.beneath.find(TreePath::clean(entry.link_target))
             : nullptr;
}

void settle_further_names(Selection& selection) {
  for (SelectedSource& source : selection.sources) {
    for (Entry& entry : source.beneath.entries) {
      const Entry* first = first_name(source, entry);
      if (first == nullptr) continue;
      entry.content = first->content;
      entry.fingerprint = first->fingerprint;
      entry.xattrs = first->xattrs;
      entry.unread = false;
    }
  }
}

std::vector<Unknown> unknown_files(Selection& selection) {
  std::vector<Unknown> files;
  for (SelectedSource& source : selection.sources) {
    const auto look = [&](Entry& entry) {
      const bool unknown = entry.type == EntryType::file && !entry.content;
      if (unknown && first_name(source, entry) == nullptr) files.push_back({&entry, &source});
    };
    if (!source.is_directory) look(source.top);
    for (Entry& entry : source.beneath.entries) look(entry);
  }
  return files;
}

void digest_files(const Tree& tree, std::vector<Unknown>& files, int threads) {
  std::uint64_t bytes = 0;
  for (const Unknown& file : files) bytes += file.entry->size_bytes;
  const bool many = files.size() >= kManyFiles || (files.size() > 1 && bytes >= kManyBytes);
  std::atomic<std::size_t> next = 0;
  // The failure of the first file in order, so that the message does not depend on luck.
  Guarded<std::pair<std::size_t, std::exception_ptr>> failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < files.size(); i = next++) {
      try {
        Entry& entry = *files[i].entry;
        FileContent content = tree.content_of(files[i].source->in_tree(entry));
        entry.content = content.digest;
        entry.fingerprint = content.fingerprint;
        if (entry.unread) settle_unread(entry, std::move(content.capability));
      } catch (...) {  // carried to the thread that asked
        failure.with([&](auto& first) {
          if (!first.second || i < first.first) first = {i, std::current_exception()};
        });
        next = files.size();
      }
    }
  };
  {
    std::vector<std::jthread> helpers;
    try {
      for (int i = 1; many && i < threads; ++i) helpers.emplace_back(work);
    } catch (const std::system_error&) {
      // No more threads to be had: this one does the rest.
    }
    work();
  }
  failure.with([](const auto& first) {
    if (first.second) std::rethrow_exception(first.second);
  });
}

// Every field with its length or of fixed size, so that no two selections read alike.
class Encoder {
 public:
  Encoder() { text(kFormat); }

  void number(std::uint64_t value) {
    std::array<char, 8> bytes;  // little-endian
    for (char& byte : bytes) {
      byte = static_cast<char>(value);
      value >>= 8;
    }
    buffer_.append(bytes.data(), bytes.size());
  }
  void text(std::string_view value) {
    number(value.size());
    buffer_ += value;
  }
  void entry(const Entry& entry, std::string_view name, const oci::ContentDigest* content) {
    text(name);
    number((std::uint64_t{entry.mode} << 8) | static_cast<std::uint64_t>(entry.type));
    number((std::uint64_t{entry.uid} << 32) | entry.gid);
    number((std::uint64_t{entry.device_major} << 32) | entry.device_minor);
    number(entry.size_bytes);
    text(entry.link_target);
    number(entry.xattrs.size());
    for (const auto& [key, value] : entry.xattrs) {
      text(key);
      text(value);
    }
    if (content != nullptr) {
      buffer_.append(reinterpret_cast<const char*>(content->value.bytes.data()),
                     content->value.bytes.size());
    }
    if (buffer_.size() >= kFlushBytes) flush();
  }
  oci::ContentDigest finish() {
    flush();
    return {hasher_.finish()};
  }

 private:
  void flush() {
    hasher_.update(std::string_view(buffer_));
    buffer_.clear();
  }

  std::string buffer_;
  oci::Sha256 hasher_;
};

}  // namespace

Entry SelectedSource::in_tree(const Entry& entry) const {
  Entry file = entry;
  if (&entry != &top) file.path = top.path / entry.path;
  return file;
}

oci::ContentDigest selection_digest(const Selection& selection, int threads) {
  Selection copy = selection;
  return selection_digest(copy, threads);
}

oci::ContentDigest selection_digest(Selection& selection, int threads) {
  std::vector<Unknown> files = unknown_files(selection);
  if (!files.empty()) digest_files(*selection.tree, files, threads);
  settle_further_names(selection);
  const auto content = [&](const Entry& entry) -> const oci::ContentDigest* {
    return entry.type == EntryType::file ? &entry.content.value() : nullptr;
  };
  Encoder encoder;
  encoder.number(selection.sources.size());
  for (const SelectedSource& source : selection.sources) {
    encoder.number((source.is_directory ? 1U : 0U) | (source.is_archive ? 2U : 0U));
    // A directory's own name and metadata reach the image nowhere but in its mtime.
    if (!source.is_directory) encoder.entry(source.top, source.base_name, content(source.top));
    encoder.number(source.beneath.implied.size());
    for (const std::size_t index : source.beneath.implied) encoder.number(index);
    encoder.number(source.beneath.entries.size());
    for (const Entry& entry : source.beneath.entries) {
      encoder.entry(entry, entry.path.str(), content(entry));
    }
  }
  return encoder.finish();
}

}  // namespace cooper::layers
