#include "builder/step_mounts.h"

#include <algorithm>

#include "base/error.h"
#include "layers/write_tree.h"

namespace cooper::builder {
namespace {

using parser::MountType;
using parser::RunMount;

constexpr std::uint32_t kSecretMode = 0400;
constexpr std::uint32_t kSocketMode = 0600;
constexpr std::uint32_t kCacheMode = 0755;

bool shapes(const RunMount& mount) { return mount.mode || mount.uid || mount.gid; }

cache::CacheMountRequest::Sharing sharing_of(const RunMount& mount) {
  using Sharing = cache::CacheMountRequest::Sharing;
  switch (mount.sharing) {
    case parser::CacheSharing::shared: return Sharing::shared;
    case parser::CacheSharing::exclusive: return Sharing::exclusive;
    case parser::CacheSharing::locked: return Sharing::locked;
  }
  return Sharing::shared;
}

// MNT-14, MNT-16, MNT-17: its id, what it begins with, and how a new one is shaped.
oci::Digest cache_identity(const MountJob& job) {
  std::string text = cat("cache mount 1\n", job.mount.id, "\n");
  if (job.source != nullptr) text += job.source->content.str();
  if (shapes(job.mount) && job.mount.source.empty()) {
    text += cat("\nmode ", job.mount.mode.value_or(kCacheMode), " owner ", job.mount.uid.value_or(0), ":",
                job.mount.gid.value_or(0));
  }
  return oci::sha256(text);
}

void set_access(const Dir& directory, const TreePath& path, std::uint32_t uid, std::uint32_t gid, std::uint32_t mode) {
  with_context([&] { return cat("giving a mount owner ", uid, ":", gid); },
               [&] {
                 directory.set_owner(path, uid, gid);
                 directory.set_mode(path, mode);
               });
}

}  // namespace

std::string WrittenContexts::directory_of(const MountSource& source, cache::Store& trees) {
  const oci::Digest identity = layers::tree_identity(source.selection, source.content);
  return directories_.with([&](auto& directories) {
    auto found = directories.find(identity);
    if (found == directories.end()) {
      TempDir directory = trees.scratch("context-");
      layers::write_tree(source.selection, directory.dir(), layers::StandInSeal(trees.secret()));
      found = directories.emplace(identity, std::move(directory)).first;
    }
    return found->second.host_path();
  });
}

void StepMounts::open(const std::vector<MountJob>& jobs, std::stop_token stop) {
  for (const MountJob& job : jobs) {
    switch (job.mount.type) {
      case MountType::bind: add_bind(job, stop); break;
      case MountType::cache: add_cache(job); break;
      case MountType::tmpfs: {
        StepMount mount;
        mount.kind = StepMount::Kind::tmpfs;
        mount.target = TreePath::clean(job.mount.target);
        mount.read_only = job.mount.read_only;
        mount.size_bytes = job.mount.size_bytes;
        mounts_.push_back(std::move(mount));
        break;
      }
      case MountType::secret: add_secret(job.mount); break;
      case MountType::ssh: add_ssh(job.mount); break;
    }
  }
  take_caches(std::move(stop));
}

void StepMounts::hold(StepMount mount, UniqueFd source) {
  mount.source_fd = source.get();
  sources_.push_back(std::move(source));
  mounts_.push_back(std::move(mount));
}

void StepMounts::add_bind(const MountJob& job, std::stop_token stop) {
  StepMount mount;
  mount.target = TreePath::clean(job.mount.target);
  mount.read_only = job.mount.read_only;
  std::vector<std::string> lowers;
  TreePath part = job.source->top().path;
  if (job.stack == nullptr) {
    lowers.push_back(needs_.contexts.directory_of(*job.source, needs_.trees));
    part = job.source->is_directory() ? TreePath() : TreePath::clean(layers::kSingleFileName);
    if (mount.read_only && !needs_.storage.no_exec()) {
      const std::string path = lowers.front() + (part.is_root() ? "" : part.absolute());
      hold(std::move(mount), open_in_namespace(path));
      return;
    }
  }
  if (needs_.storage.snapshotter() == Snapshotter::copy) return add_copied_bind(job, std::move(mount), std::move(stop));
  if (job.stack != nullptr) lowers = needs_.materializer.lower_paths(*job.stack, std::move(stop));
  // MNT-10: what is written lands in a layer that nobody keeps.
  const TreePath layer = TreePath::clean(cat("mount-", mounts_.size()));
  const TreePath upper = layer.child("upper");
  const TreePath work = layer.child("work");
  for (const TreePath& made : {layer, upper, work}) scratch_.dir().make_dir(made, 0755);
  const std::string home = scratch_.host_path();
  StackMount mounted = needs_.storage.mount_part(lowers, home + upper.absolute(), home + work.absolute(), part);
  if (mounted.server) servers_.push_back(std::move(mounted.server));
  hold(std::move(mount), std::move(mounted.fd));
}

// Without overlays: the selected part as files, for this step alone if it may write.
void StepMounts::add_copied_bind(const MountJob& job, StepMount mount, std::stop_token stop) {
  MountSource source = *job.source;
  if (job.stack != nullptr) {
    source = select_mount_source(needs_.materializer.files(*job.stack, std::move(stop)), job.mount.source);
  }
  const TreePath part = source.is_directory() ? TreePath() : TreePath::clean(layers::kSingleFileName);
  std::string home;
  if (mount.read_only) {
    home = needs_.contexts.directory_of(source, needs_.trees);
  } else {
    const TreePath place = TreePath::clean(cat("mount-", mounts_.size()));
    scratch_.dir().make_dir(place, 0755);
    layers::write_tree(source.selection, scratch_.dir().subdir(place), layers::StandInSeal(needs_.trees.secret()));
    home = scratch_.host_path() + place.absolute();
  }
  hold(std::move(mount), needs_.storage.mount_path(home + (part.is_root() ? "" : part.absolute())));
}

// MNT-20 … MNT-23.
void StepMounts::add_secret(const RunMount& mount) {
  const auto value = needs_.options.find_secret ? needs_.options.find_secret(mount.id) : std::nullopt;
  if (!value && mount.required) throw Error(Errc::not_found, cat("secret ", mount.id, ": not found"));
  if (mount.env) {
    const std::string text = value.value_or("");
    if (text.find('\0') != std::string::npos) {
      throw Error(Errc::invalid, cat("secret ", mount.id, " holds a NUL byte and can't be the variable ", *mount.env));
    }
    variables_.emplace_back(*mount.env, text);
  }
  if (!value) return;
  secrets_.push_back(*value);
  if (mount.target.empty()) return;
  StepMount file;
  file.kind = StepMount::Kind::memory_file;
  file.target = TreePath::clean(mount.target);
  file.content = *value;
  file.mode = mount.mode.value_or(kSecretMode);
  file.uid = mount.uid.value_or(0);
  file.gid = mount.gid.value_or(0);
  mounts_.push_back(std::move(file));
}

// MNT-24, MNT-25.
void StepMounts::add_ssh(const RunMount& mount) {
  const auto agent = needs_.options.find_ssh_agent ? needs_.options.find_ssh_agent(mount.id) : std::nullopt;
  if (!agent) {
    if (!mount.required) return;
    throw Error(Errc::not_found, cat("no SSH key \"", mount.id, "\" forwarded from the client"));
  }
  const std::string name = cat("ssh-", proxies_.size());
  const TreePath path = TreePath::clean(name);
  proxies_.push_back(
      std::make_unique<SshProxy>(scratch_.dir(), name, [socket = *agent] { return connect_to_agent(socket); }));
  set_access(scratch_.dir(), path, mount.uid.value_or(0), mount.gid.value_or(0), mount.mode.value_or(kSocketMode) & 0777);
  StepMount bound;
  bound.target = TreePath::clean(mount.target);
  hold(std::move(bound), open_in_namespace(scratch_.host_path() + path.absolute()));
}

void StepMounts::add_cache(const MountJob& job) {
  if (job.source != nullptr && !job.source->is_directory()) {
    throw Error(Errc::invalid, cat("a cache mount cannot begin with ", job.source->top().path.absolute(),
                                   ", which is no directory"));
  }
  Cache cache{{}, job, mounts_.size()};
  cache.request.mapping = needs_.materializer.mapping();
  cache.request.identity = cache_identity(job);
  cache.request.sharing = sharing_of(job.mount);
  cache.request.description = cat("id ", job.mount.id, ", first mounted on ", job.mount.target);
  const bool afresh = fresh_ && shapes(job.mount) && job.mount.source.empty();
  cache.request.fresh = afresh && needs_.fresh_caches.begin(cache.request.identity);
  StepMount mount;
  mount.target = TreePath::clean(job.mount.target);
  mount.read_only = job.mount.read_only;
  mounts_.push_back(std::move(mount));
  caches_.push_back(std::move(cache));
}

void StepMounts::take_caches(std::stop_token stop) {
  std::vector<const Cache*> order;
  for (const Cache& cache : caches_) order.push_back(&cache);
  std::ranges::stable_sort(order, {}, [](const Cache* cache) { return cache->request.identity; });
  for (const Cache* cache : order) {
    // A step that mounts one cache twice sees one directory, whatever it says of sharing.
    std::unique_ptr<cache::CacheMount>& held = held_caches_[cache->request.identity];
    if (!held) {
      held = needs_.trees.cache_mount(
          cache->request, [&](const Dir& directory) { fill_cache(*cache, directory, stop); }, stop);
    }
    UniqueFd source = open_in_namespace(held->path());
    mounts_[cache->index].source_fd = source.get();
    sources_.push_back(std::move(source));
  }
}

void StepMounts::fill_cache(const Cache& cache, const Dir& directory, std::stop_token stop) const {
  const RunMount& mount = cache.job.mount;
  if (cache.job.source != nullptr) {
    const layers::StandInSeal seal(needs_.trees.secret());
    if (cache.job.stack == nullptr) {
      layers::write_tree(cache.job.source->selection, directory, seal);
    } else {
      const auto files = needs_.materializer.files(*cache.job.stack, std::move(stop));
      layers::write_tree(select_mount_source(files, mount.source).selection, directory, seal);
    }
    if (!mount.source.empty() || !shapes(mount)) return;
  }
  set_access(directory, TreePath(), mount.uid.value_or(0), mount.gid.value_or(0), mount.mode.value_or(kCacheMode));
}

void StepMounts::finish(const std::stop_token& stop) {
  sources_.clear();
  for (const auto& server : servers_) server->finish(stop);
}

void StepMounts::add_to(RunRequest& request) const {
  request.mounts.insert(request.mounts.end(), mounts_.begin(), mounts_.end());
  std::ranges::stable_sort(request.mounts, {}, &StepMount::target);
  for (const auto& [name, value] : variables_) {
    std::erase_if(request.environment, [&](const std::string& word) { return word.starts_with(name + "="); });
    request.environment.push_back(name + "=" + value);
  }
}

}  // namespace cooper::builder
