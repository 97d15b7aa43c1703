#include "layers/layer_writer.h"

#include <algorithm>
#include <climits>

#include "base/error.h"
#include "base/stop.h"
#include "layers/apply_rows.h"
#include "layers/stored_table.h"
#include "layers/tar_writer.h"
#include "layers/xattr.h"

namespace cooper::layers {
namespace {

// Hashes a file's bytes on their way into the tar.
template <class Hasher>
class Hashed : public ByteSource {
 public:
  Hashed(ByteSource& source, const std::stop_token& stop) : source_(source), stop_(stop) {}
  std::size_t read(std::span<std::byte> into) override {
    end_if_stopped(stop_);
    const std::size_t got = source_.read(into);
    hasher_.update(Bytes(into).first(got));
    return got;
  }
  auto finish() { return hasher_.finish(); }

 private:
  ByteSource& source_;
  const std::stop_token& stop_;
  Hasher hasher_;
};

[[noreturn]] void throw_changed(const Entry& entry) {
  throw Error(Errc::io,
              cat(entry.path.absolute(),
                  ": its content changed while the build was using it, or before that without a "
                  "change of its times (then --no-cache reads it anew)"));
}

// Writes a file; returns its digest. What was given is checked against the bytes, by the
// fingerprint if this process took one.
oci::ContentDigest add_file(TarWriter& tar, const Entry& entry, const Entry& given,
                            ByteSource& content, const std::stop_token& stop) {
  if (given.content && given.fingerprint) {
    Hashed<Fingerprinter> hashed(content, stop);
    tar.add(entry, &hashed);
    if (hashed.finish() != given.fingerprint) throw_changed(entry);
    return *given.content;
  }
  Hashed<oci::Sha256> hashed(content, stop);
  tar.add(entry, &hashed);
  const oci::ContentDigest digest{hashed.finish()};
  if (given.content && *given.content != digest) throw_changed(entry);
  return digest;
}

}  // namespace

struct LayerWriter::State {
  State(oci::BlobStore& blobs, const CompressionSpec& spec)
      : kind(spec.kind),
        blob(blobs.new_blob()),
        compressor(make_compressor(*blob, spec)),
        diff(*compressor),
        tar(diff) {}

  Compression kind;
  std::unique_ptr<oci::BlobWriter> blob;
  std::unique_ptr<ByteSink> compressor;
  oci::DigestSink diff;
  TarWriter tar;
  TableWriter rows;
  std::optional<TreePath> last;  // path of the last row
  ParentCheck parents;
  bool settled = true;
  std::vector<TreePath> stripped;
  bool keep_xattrs = false;
  std::stop_token stop;
};

LayerWriter::LayerWriter(oci::BlobStore& blobs, const CompressionSpec& compression)
    : state_(std::make_unique<State>(blobs, compression)) {}
LayerWriter::LayerWriter(LayerWriter&&) noexcept = default;
LayerWriter::~LayerWriter() = default;

void LayerWriter::keep_xattrs(bool keep) {
  state_->keep_xattrs = keep;
}

void LayerWriter::end_when(std::stop_token stop) {
  state_->stop = std::move(stop);
}

namespace {

Entry canonical(const Entry& given, bool keep_xattrs) {
  if (given.type == EntryType::whiteout) {
    Entry whiteout;
    whiteout.type = EntryType::whiteout;
    whiteout.path = given.path;
    return whiteout;
  }
  Entry entry = given;
  entry.mode &= 07777;
  entry.mtime.nanoseconds = 0;
  entry.content.reset();
  entry.fingerprint = {};
  entry.unread = false;
  if (entry.type != EntryType::file) entry.size_bytes = 0;
  if (entry.type != EntryType::directory) entry.opaque = false;
  if (entry.type == EntryType::hard_link) entry.xattrs.clear();  // the first name has them
  entry.xattrs.erase_if(
      [&](const auto& xattr) { return !allowed_in_layer(xattr.first, keep_xattrs); });
  return entry;
}

// The first name of a hard link must be an earlier member, or no reader could make the link.
void check_link(const Entry& link, const TableWriter& rows) {
  const auto leader = TreePath::try_confined(link.link_target);
  if (leader) {
    const auto row = rows.find(*leader);
    if (row && row->type != EntryType::directory && row->type != EntryType::hard_link &&
        row->type != EntryType::whiteout) {
      return;
    }
  }
  throw Error(Errc::invalid, cat(link.path.absolute(), " is a hard link to ", link.link_target,
                                 ", which is no earlier file of the layer"));
}

}  // namespace

namespace {

// What no reader would take back, ours first (TarLimits). A RUN makes such a tree in a moment.
void check_path(const std::string& path) {
  constexpr TarLimits kLimits;
  const auto slashes = static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
  constexpr std::size_t kShown = 100;
  constexpr std::size_t kNameBytes = NAME_MAX;  // the last name: those before it came on their own
  if (path.size() - (path.rfind('/') + 1) > kNameBytes) {
    throw Error(Errc::invalid, cat("/", path.substr(0, kShown), "…: a name of more than ",
                                   kNameBytes, " bytes, which no file system takes"));
  }
  if (path.size() <= kLimits.path_bytes && slashes < kLimits.components) return;
  throw Error(Errc::invalid, cat("/", path.substr(0, kShown), "…: a path of ", path.size(),
                                 " bytes and ", slashes + 1, " names; a layer holds at most ",
                                 kLimits.path_bytes, " and ", kLimits.components));
}

}  // namespace

std::optional<oci::ContentDigest> LayerWriter::add(const Entry& given, ByteSource* content) {
  State& state = *state_;
  end_if_stopped(state.stop);
  check_path(given.path.str());
  Entry entry = canonical(given, state.keep_xattrs);
  if (!state.keep_xattrs && entry.type != EntryType::hard_link &&
      std::any_of(given.xattrs.begin(), given.xattrs.end(),
                  [](const auto& xattr) { return kept_on_request(xattr.first); })) {
    state.stripped.push_back(entry.path);
  }
  if (state.last && !(*state.last < entry.path)) {
    throw Error(Errc::invalid, cat("layer entries out of order: ", entry.path.absolute(), " after ",
                                   state.last->absolute()));
  }
  if (entry.type == EntryType::hard_link) check_link(entry, state.rows);
  if (entry.type == EntryType::file) {
    MemorySource none{std::string()};
    entry.content =
        add_file(state.tar, entry, given, content != nullptr ? *content : none, state.stop);
  } else {
    state.tar.add(entry);
  }
  state.rows.add(entry);
  state.settled = state.parents.add(entry) && state.settled;
  state.last = std::move(entry.path);
  return entry.content;
}

WrittenLayer LayerWriter::finish() && {
  const std::unique_ptr<State> state = std::move(state_);
  state->tar.finish();
  WrittenLayer layer;
  layer.diff_id = {state->diff.digest()};
  layer.tar_bytes = state->diff.size_bytes();
  const auto [digest, size_bytes] = state->blob->commit(std::nullopt);
  layer.descriptor.media_type = layer_media_type(state->kind);
  layer.descriptor.digest = digest;
  layer.descriptor.size_bytes = size_bytes;
  // Its links were checked one by one: each leads to an earlier row.
  layer.table = Table::parse(std::move(state->rows).finish(state->settled), "table of a new layer");
  layer.stripped = std::move(state->stripped);
  return layer;
}

}  // namespace cooper::layers
