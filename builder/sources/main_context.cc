#include "builder/sources/main_context.h"

#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "layers/archive_probe.h"
#include "layers/copy.h"

namespace cooper::builder {
namespace {

using nlohmann::json;

constexpr std::size_t kDockerfileLimitBytes = 64 << 20;

SourceStep fetched_step(const PlannedLayer& layer, const std::string& name) {
  SourceStep step;
  step.kind = SourceStep::Kind::fetched;
  step.name = name;
  step.layers = {layer};
  return step;
}

// One file on disk, read from its beginning as often as it is opened.
class FileTree : public layers::Tree {
 public:
  FileTree(std::string host_path, layers::Entry entry) : path_(std::move(host_path)), entry_(std::move(entry)) {}

  std::optional<layers::Entry> find(const TreePath& path) const override {
    if (path == entry_.path) return entry_;
    if (!path.is_root()) return std::nullopt;
    layers::Entry root;
    root.type = layers::EntryType::directory;
    root.mode = 0755;
    return root;
  }
  std::vector<layers::Entry> children(const TreePath& directory) const override {
    if (!directory.is_root()) return {};
    return {entry_};
  }
  std::unique_ptr<ByteSource> open(const layers::Entry&) const override {
    UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) throw_errno("opening", path_);
    return std::make_unique<FdSource>(std::move(fd), path_);
  }
  layers::FileContent content_of(const layers::Entry&) const override { return {entry_.content.value(), {}}; }

 private:
  std::string path_;
  layers::Entry entry_;
};

// The members of the archive, as ADD would unpack it into an empty root.
PlannedLayer unpack(const std::shared_ptr<const layers::Tree>& tree, const layers::Entry& archive,
                    RemoteSources& sources) {
  SourceStore& store = sources.store();
  json record{{"v", 1}, {"kind", "unpacked"}, {"content", tree->content_of(archive).digest.str()}};
  if (sources.keep_xattrs()) record["xattrs"] = "kept";
  return store.make(record.dump(), [&](layers::LayerWriter& writer) {
    writer.keep_xattrs(sources.keep_xattrs());
    layers::CopyRequest request;
    request.sources.push_back({archive.path.str(), true});
    request.unpack_archives = true;
    const TempDir scratch = store.store().scratch("context");
    layers::PlaceOptions place;
    place.destination = "/";
    place.scratch = &scratch.dir();
    layers::write_copy(layers::select(tree, request), place, *layers::merge_layers({}), writer);
  });
}

FetchedContext from_layer(const PlannedLayer& layer, const std::string& name, Materializer& materializer) {
  FetchedContext context;
  context.source = fetched_step(layer, name);
  context.files = materializer.packed(LayerStack({layer}));
  return context;
}

}  // namespace

FetchedContext fetch_context(const RemoteSource& source, RemoteSources& sources, Materializer& materializer,
                             const std::stop_token& stop) {
  const auto known = sources.find(source, stop);
  const PlannedLayer layer = known ? *known : sources.fetch(source, stop);
  FetchedContext context = from_layer(layer, shown(source), materializer);
  if (std::holds_alternative<GitSource>(source)) return context;
  const auto file = context.files->find(TreePath::clean(kDownloadName)).value();
  if (layers::is_archive(*context.files, file)) {
    const PlannedLayer unpacked = with_context([&] { return "unpacking " + shown(source); },
                                               [&] { return unpack(context.files, file, sources); });
    return from_layer(unpacked, shown(source), materializer);
  }
  context.dockerfile_name = kDownloadName;
  return context;
}

FetchedContext stream_context(ByteSource& input, RemoteSources& sources, Materializer& materializer) {
  const TempDir scratch = sources.store().store().scratch("context");
  const TreePath name = TreePath::clean("standard-input");
  layers::Entry entry;
  entry.path = name;
  entry.mode = 0600;
  {
    const UniqueFd file = scratch.dir().open_file(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    FdSink sink(file.get(), "the spooled standard input");
    oci::DigestSink digest(sink);
    copy_all(input, digest);
    entry.size_bytes = digest.size_bytes();
    entry.content = oci::ContentDigest{digest.digest()};
  }
  const auto tree = std::make_shared<FileTree>(scratch.host_path() + "/" + name.str(), entry);
  if (layers::is_archive(*tree, entry)) {
    const PlannedLayer layer = with_context([] { return "unpacking standard input"; },
                                            [&] { return unpack(tree, entry, sources); });
    return from_layer(layer, "-", materializer);
  }
  FetchedContext context;
  context.files = layers::merge_layers({});
  context.dockerfile_text = read_all(*tree->open(entry), kDockerfileLimitBytes, "standard input");
  return context;
}

}  // namespace cooper::builder
