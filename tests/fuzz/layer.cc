// A layer as it comes from anywhere: any compression, any tar, whatever it claims.
#include <memory>
#include <string>

#include "layers/tar_reader.h"
#include "tests/fuzz/check.h"

namespace cooper::layers {
namespace {

using fuzz::require;

TarLimits small_limits() {
  TarLimits limits;
  limits.entries = 1000;
  limits.path_bytes = 1000;
  limits.components = 50;
  limits.total_bytes = 16UL << 20;
  limits.metadata_bytes = 1UL << 20;
  limits.ratio_floor_bytes = 1UL << 20;
  return limits;
}

struct CountingNull : ByteSink {
  void write(Bytes bytes) override { count += bytes.size(); }
  std::uint64_t count = 0;
};

void check_entry(const Entry& entry, const TarLimits& limits) {
  require(TreePath::try_confined(entry.path.str()) == entry.path, "names stay in the tree");
  require(entry.path.str().size() <= limits.path_bytes, "names are bounded");
  require((entry.mode & ~07777U) == 0, "a mode has no type");
  require(entry.type == EntryType::file || entry.size_bytes == 0, "only files have bytes");
  if (entry.type == EntryType::hard_link)
    require(TreePath::try_confined(entry.link_target).has_value(), "hard links stay in the tree");
  require(!entry.opaque || entry.type == EntryType::directory, "only directories are opaque");
}

// Everything the reader says of the tar, and the digest of the stream if it got to the end.
std::string read(std::string_view text, TarKind kind, bool with_content) {
  const TarLimits limits = small_limits();
  std::string seen;
  std::uint64_t total = 0;
  try {
    TarReader reader(std::make_unique<MemorySource>(std::string(text)), limits, "layer", kind,
                     true);
    while (const auto member = reader.next()) {
      check_entry(member->entry, limits);
      seen += cat(member->entry.path.absolute(), " ", to_string(member->entry.type), " ",
                  member->entry.size_bytes, "\n");
      if (!with_content || member->entry.type != EntryType::file) continue;
      CountingNull bytes;
      copy_all(reader.content(), bytes);
      require(bytes.count == member->entry.size_bytes, "a file has the size it says");
      total += bytes.count;
      require(total <= limits.total_bytes, "the total is bounded");
    }
    seen += reader.diff_id().str();
  } catch (const Error& error) {
    require(error.code() == Errc::invalid || error.code() == Errc::corrupt ||
                error.code() == Errc::unsupported,
            "errors have the documented codes");
    seen += "refused";
  }
  return seen;
}

}  // namespace
}  // namespace cooper::layers

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cooper::layers;
  const std::string_view text = cooper::fuzz::text_of(data, size);
  require(read(text, TarKind::layer, true) == read(text, TarKind::layer, false),
          "reading the bytes changes no answer");
  read(text, TarKind::archive, true);
  return 0;
}
