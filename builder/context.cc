#include "builder/context.h"

#include <fcntl.h>

#include "base/dir.h"
#include "base/error.h"
#include "builder/path_filter.h"

namespace cooper::builder {
namespace {

constexpr std::size_t kIgnoreFileLimitBytes = 16 << 20;

// The text of a host file; nullopt when there is none.
std::optional<std::string> read_host_file(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (!fd) throw_errno("opening", path.string());
  FdSource source(std::move(fd), path.string());
  return read_all(source, kIgnoreFileLimitBytes, path.string());
}

std::optional<std::pair<std::string, std::string>> find_ignore_file(const ContextOptions& options) {
  if (options.dockerfile) {
    std::string beside = options.dockerfile->string() + ".dockerignore";
    if (auto text = read_host_file(beside)) return std::pair(std::move(beside), std::move(*text));
  }
  const std::filesystem::path in_root = options.directory / ".dockerignore";
  if (auto text = read_host_file(in_root)) return std::pair(in_root.string(), std::move(*text));
  return std::nullopt;
}

}  // namespace

std::optional<parser::IgnorePatterns> read_ignore_file(const ContextOptions& options) {
  const auto file = find_ignore_file(options);
  if (!file) return std::nullopt;
  const std::string name = std::filesystem::path(file->first).lexically_normal().string();
  return with_context([&] { return file->first; }, [&] { return parser::parse_ignore(file->second, name); });
}

std::shared_ptr<const layers::Tree> open_local_context(const ContextOptions& options,
                                                       std::optional<parser::IgnorePatterns> ignored) {
  layers::HostTreeOptions tree;
  tree.memory = options.memory;
  tree.threads = options.threads;
  tree.keep_xattrs = options.keep_xattrs;
  if (ignored) tree.filter = std::make_shared<IgnoreFilter>(std::move(*ignored));
  return layers::open_host_tree(Dir::open(options.directory, Confine::image), std::move(tree));
}

}  // namespace cooper::builder
