#include "builder/sources/git_checkout.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <charconv>

#include "base/byte_stream.h"
#include "base/error.h"
#include "builder/sources/git_ref.h"

namespace cooper::builder {
namespace {

using Words = std::vector<std::string>;

constexpr std::int64_t kTextLimitBytes = 16 << 20;  // no file of a .git that names its remote is larger
constexpr std::string_view kHeads = "refs/heads/";
constexpr std::string_view kTags = "refs/tags/";

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

// "user:password@" of a URL, unless it is just ssh's user.
std::string login_of(const std::string& remote) {
  if (without_credentials(remote) == remote) return "";
  const std::size_t begin = remote.find("://") + 3;
  return remote.substr(begin, remote.rfind('@', remote.find('/', begin)) + 1 - begin);
}

std::string without_prefix(const std::string& text, std::string_view prefix) {
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

[[noreturn]] void throw_mismatch(const std::string& checksum, const std::string& found) {
  throw Error(Errc::invalid, cat("expected checksum to match ", checksum, ", got ", found));
}

// ADD-20: the beginning of the object's name, or of the commit's behind an annotated tag.
void check_checksum(const GitSource& source, const GitCommit& commit) {
  if (source.checksum.empty() || commit.object.starts_with(source.checksum) ||
      commit.commit.starts_with(source.checksum)) {
    return;
  }
  throw_mismatch(source.checksum,
                 commit.object == commit.commit ? commit.object : cat(commit.object, " or ", commit.commit));
}

void check_hex(const std::string& checksum) {
  if (checksum.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos) return;
  throw Error(Errc::invalid, cat("invalid checksum ", checksum, " for Git URL, expected hex commit hash"));
}

struct RemoteRef {
  std::string name;
  std::string object;
};

// "<object>\t<name>" lines; "ref: <name>\tHEAD" says where HEAD points.
std::vector<RemoteRef> parse_remote_refs(const std::string& output, std::string* head) {
  std::vector<RemoteRef> refs;
  std::size_t begin = 0;
  while (begin < output.size()) {
    const std::size_t end = std::min(output.find('\n', begin), output.size());
    const std::string line = output.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t tab = line.find('\t');
    if (tab == std::string::npos) continue;
    const std::string left = line.substr(0, tab);
    const std::string right = line.substr(tab + 1);
    if (left.starts_with("ref: ")) {
      if (head != nullptr && right == "HEAD") *head = left.substr(5);
    } else {
      refs.push_back({right, left});
    }
  }
  return refs;
}

std::string object_of(const std::vector<RemoteRef>& refs, const std::string& name) {
  for (const RemoteRef& ref : refs) {
    if (ref.name == name) return ref.object;
  }
  return "";
}

GitCommit default_branch(const GitProgram& git, const GitSource& source) {
  std::string head;
  const auto refs = parse_remote_refs(git.run({"ls-remote", "--symref", "--", source.remote, "HEAD"}), &head);
  const std::string object = object_of(refs, "HEAD");
  if (object.empty() || !head.starts_with(kHeads)) {
    throw Error(Errc::not_found,
                cat("could not find default branch for repository: ", without_credentials(source.remote)));
  }
  return {head, object, object};
}

// A full name wins; then a branch; then a tag (ADD-19).
GitCommit named_commit(const GitProgram& git, const GitSource& source) {
  const std::string& ref = source.ref;
  const auto refs = parse_remote_refs(git.run({"ls-remote", "--", source.remote, ref, ref + "^{}"}), nullptr);
  const std::string full = "refs/" + without_prefix(ref, "refs/");
  const std::string tag = std::string(kTags) + without_prefix(ref, kTags);
  for (const std::string& name : {full, std::string(kHeads) + without_prefix(ref, kHeads), tag}) {
    const std::string object = object_of(refs, name);
    if (object.empty()) continue;
    const std::string behind = object_of(refs, name + "^{}");
    return {name, object, behind.empty() ? object : behind};
  }
  throw Error(Errc::not_found, cat("repository does not contain ref ", ref));
}

GitCommit known_commit(const GitSource& source) {
  if (!source.fetch_by_commit || is_commit(source.ref)) return {source.ref, source.ref, source.ref};
  if (!is_commit(source.checksum)) {
    throw Error(Errc::invalid, source.checksum.empty()
                                   ? "fetch-by-commit requires a checksum or a commit SHA ref"
                                   : cat("fetch-by-commit requires a full commit SHA checksum, got \"",
                                         source.checksum, "\""));
  }
  std::string ref = source.ref;
  if (ref.empty()) {
    ref = source.checksum;
  } else if (!ref.starts_with("refs/")) {
    ref.insert(0, kHeads);
  }
  return {ref, source.checksum, source.checksum};
}

// The repository on its way: a bare one beside the files, or "files/.git" when that is wanted (ADD-21).
class Checkout {
 public:
  Checkout(const GitProgram& git, const GitSource& source, const GitCommit& commit, const TempDir& scratch)
      : git_(git),
        source_(source),
        commit_(commit),
        scratch_(scratch),
        files_(scratch.host_path() + "/files"),
        keeps_(source.keep_git_dir && source.subdir.empty()),
        repository_(keeps_ ? files_ + "/.git" : scratch.host_path() + "/repository") {}

  GitCheckout run() {
    scratch_.dir().make_dir(TreePath::clean("files"), 0755);
    begin();
    fetch();
    verify();
    in_files({"checkout", "--quiet", "--force", "--detach", commit_.object});
    update_submodules();
    const std::int64_t time_s = commit_time();
    if (keeps_) tidy();
    return {subdirectory(), time_s};
  }

 private:
  Words prefixed(const Words& words) const {
    Words all = {"--git-dir=" + repository_};
    all.insert(all.end(), words.begin(), words.end());
    return all;
  }
  std::string in_repository(const Words& words) const { return git_.run(prefixed(words)); }
  std::string in_files(const Words& words) const {
    Words all = {"--work-tree=" + files_};
    all.insert(all.end(), words.begin(), words.end());
    return git_.run(prefixed(all), files_);
  }

  void begin() {
    Words init = {"init", "--quiet"};
    if (!keeps_) init.emplace_back("--bare");
    if (commit_.object.size() == 64) init.emplace_back("--object-format=sha256");
    init.push_back(keeps_ ? files_ : repository_);
    git_.run(init);
    in_repository({"remote", "add", "origin", source_.remote});  // relative submodules begin there
  }

  // Into the same ref, so that a kept .git looks like a clone of just that.
  std::string refspec(const std::string& from) const {
    const std::string to = is_commit(commit_.ref) ? "refs/cooper/source" : commit_.ref;
    return "+" + from + ":" + to;
  }

  void fetch() {
    const Words before = prefixed({"fetch", "--quiet", "--no-tags", "--update-head-ok", "--no-recurse-submodules"});
    const bool by_name = !is_commit(commit_.ref) && !source_.fetch_by_commit;
    if (by_name) git_.run_shallow(before, {"--", "origin", refspec(commit_.ref)});
    if (by_name && has_object()) return;
    // Named by its commit, or the name moved since we asked. Servers that give out only what a name points to leave
    // fetching everything.
    try {
      git_.run_shallow(before, {"--", "origin", refspec(commit_.object)});
    } catch (const Error& error) {
      if (error.code() != Errc::network) throw;
      Words everything = prefixed({"fetch", "--quiet", "--update-head-ok", "--no-recurse-submodules"});
      if (git_.try_run(prefixed({"rev-parse", "--is-shallow-repository"})) == "true\n") {
        everything.emplace_back("--unshallow");
      }
      everything.insert(everything.end(), {"--", "origin", "+refs/heads/*:refs/cooper/heads/*",
                                           "+refs/tags/*:refs/cooper/tags/*"});
      git_.run(everything);
      if (!has_object()) throw;
    }
  }

  bool has_object() const {
    return git_.try_run(prefixed({"cat-file", "-e", commit_.object + "^{commit}"})).has_value();
  }

  // What arrived is what was asked for, to the commit behind a tag.
  void verify() {
    const std::string behind = trimmed(in_repository({"rev-parse", "--verify", commit_.object + "^{commit}"}));
    if (commit_.commit != commit_.object && behind != commit_.commit) throw_mismatch(commit_.commit, behind);
    check_checksum(source_, {commit_.ref, commit_.object, behind});
    if (!is_commit(commit_.ref)) in_repository({"update-ref", "--no-deref", commit_.ref, commit_.object});
  }

  void update_submodules() {
    if (!source_.submodules || !scratch_.dir().try_stat(TreePath::clean("files/.gitmodules"))) return;
    const Words all = {"--git-dir=" + repository_, "--work-tree=" + files_, "submodule", "--quiet", "update",
                       "--init", "--recursive"};
    Words shallow = all;
    shallow.emplace_back("--depth=1");
    if (!git_.try_run(shallow, files_)) git_.run(all, files_);
  }

  std::int64_t commit_time() const {
    const std::string text = trimmed(in_repository({"log", "-1", "--format=%ct", commit_.object + "^{commit}"}));
    std::int64_t seconds = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (failure != std::errc() || end != text.data() + text.size()) {
      throw Error(Errc::invalid, cat("commit ", commit_.commit, " has no time: \"", text, "\""));
    }
    return seconds;
  }

  // A kept .git tells neither our login nor what we did.
  void tidy() {
    in_repository({"remote", "set-url", "origin", without_credentials(source_.remote)});
    in_repository({"reflog", "expire", "--all", "--expire=now"});
    if (is_commit(commit_.ref)) git_.try_run(prefixed({"update-ref", "-d", "refs/cooper/source"}));
    for (const char* name : {"FETCH_HEAD", "ORIG_HEAD"}) {
      scratch_.dir().remove_all(TreePath::clean(std::string("files/.git/") + name));
    }
    // Submodules that are named relative to this repository have got its login as well.
    const std::string login = login_of(source_.remote);
    if (!login.empty()) hide(login, TreePath::clean("files/.git"));
  }

  void hide(const std::string& login, const TreePath& directory) const {
    const Dir& dir = scratch_.dir();
    for (const DirEntry& entry : dir.list(directory)) {
      const TreePath path = directory.child(entry.name);
      if (entry.type == DT_DIR && entry.name != "objects") hide(login, path);
      if (entry.type != DT_REG || dir.stat(path).st_size > kTextLimitBytes) continue;
      std::string text = dir.read_file(path, static_cast<std::size_t>(kTextLimitBytes));
      if (text.find(login) == std::string::npos) continue;
      for (std::size_t at = text.find(login); at != std::string::npos; at = text.find(login, at)) {
        text.replace(at, login.size(), "xxxxx@");
      }
      const UniqueFd file = dir.open_file(path, O_WRONLY | O_TRUNC);
      FdSink(file.get(), path.str()).write(as_bytes(text));
    }
  }

  // Every part of it a directory of the repository: a link could lead elsewhere.
  Dir subdirectory() const {
    Dir dir(scratch_.dir().open_file(TreePath::clean("files"), O_PATH | O_DIRECTORY), Confine::strict,
            without_credentials(source_.remote));
    if (source_.subdir.empty()) return dir;
    const TreePath whole = TreePath::clean(source_.subdir);
    TreePath path;
    for (const std::string_view part : whole.components()) {
      path = path.child(part);
      const auto status = dir.try_stat(path);
      if (!status) throw Error(Errc::not_found, cat("invalid subdir ", source_.subdir, ": no such directory"));
      if (!S_ISDIR(status->st_mode)) {
        throw Error(Errc::invalid, cat("git subpath \"", source_.subdir, "\" contains non-directory \"",
                                       path.str(), "\""));
      }
    }
    return dir.subdir(path);
  }

  const GitProgram& git_;
  const GitSource& source_;
  const GitCommit& commit_;
  const TempDir& scratch_;
  std::string files_;
  bool keeps_;
  std::string repository_;
};

}  // namespace

GitCommit resolve_commit(const GitProgram& git, const GitSource& source) {
  check_hex(source.checksum);
  if (is_commit(source.ref) || source.fetch_by_commit) {
    GitCommit commit = known_commit(source);
    // A commit's name is all there is to ask; that of a tag object is compared once it is here.
    const bool same_kind = source.checksum.empty() || commit.object.starts_with(source.checksum);
    if (!same_kind) check_checksum(source, commit);
    return commit;
  }
  GitCommit commit = source.ref.empty() ? default_branch(git, source) : named_commit(git, source);
  if (!is_commit(commit.object) || !is_commit(commit.commit)) {
    throw Error(Errc::invalid, cat("invalid commit sha \"", commit.object, "\""));
  }
  check_checksum(source, commit);
  return commit;
}

GitCheckout check_out(const GitProgram& git, const GitSource& source, const GitCommit& commit,
                      const TempDir& scratch) {
  return with_context([&] { return "git checkout of " + shown(source); },
                      [&] { return Checkout(git, source, commit, scratch).run(); });
}

}  // namespace cooper::builder
