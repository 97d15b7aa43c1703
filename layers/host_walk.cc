#include "layers/host_walk.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>

#include "base/error.h"

namespace cooper::layers {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};
using OpenDirectory = std::unique_ptr<DIR, CloseDirectory>;
using FileId = std::pair<dev_t, ino_t>;

struct Directory;

// What is to be said of an entry beside itself; of most there is nothing.
struct Note {
  std::size_t index = 0;  // of the entry
  bool taken = true;      // else a directory that appears only if something beneath it is taken
  bool implied = false;   // not taken by the guide (a filter's parents are ordinary, IGNORE-08)
  std::optional<FileId> links;         // a file with several names
  std::unique_ptr<Directory> beneath;  // a directory that is descended into

  bool empty() const { return taken && !implied && !links && !beneath; }
};

// One directory that is looked at, and what was found in it, sorted by name.
struct Directory {
  TreePath path;
  std::vector<Entry> found;
  std::vector<Note> notes;  // by index
};

class TakeAll : public WalkGuide {
 public:
  WalkChoice choose(const TreePath&, bool) const override { return {}; }
};

// What a walk is about; shared by its threads.
struct Subject {
  const Dir& root;
  const HostTreeOptions& options;
  const TreePath& top;
  const WalkGuide& guide;
  Contents contents;
  bool opens_all_files;  // nothing was remembered of any when the walk began
};

// Looks at single directories. One per thread.
class Looker {
 public:
  explicit Looker(const Subject& subject)
      : subject_(subject), reader_(subject.root, subject.top, subject.options) {}

  // It is closed before anything beneath is opened, so that depth costs no descriptors.
  void look(Directory& directory) {
    const OpenDirectory opened = open_directory(directory.path);
    const std::vector<Name> names = read_names(opened.get(), directory.path);
    directory.found.reserve(names.size());
    // Files of a large directory are shared out among threads later (selection_digest).
    const bool shared_out =
        subject_.contents == Contents::digest_small && names.size() > kManyNames;
    reader_.set_contents(shared_out ? Contents::leave : subject_.contents);
    for (const Name& name : names) consider(::dirfd(opened.get()), name, directory);
  }

 private:
  static constexpr std::size_t kManyNames = 1000;

  struct Name {
    std::string text;
    bool is_file = false;  // as the directory says, where it says it
    friend auto operator<=>(const Name&, const Name&) = default;
  };

  OpenDirectory open_directory(const TreePath& path) const {
    UniqueFd fd = subject_.root.open_file(subject_.top / path, O_RDONLY | O_DIRECTORY);
    OpenDirectory directory(::fdopendir(fd.get()));
    if (!directory) throw_errno("reading directory", reader_.describe(path));
    static_cast<void>(fd.release());  // closedir closes it
    return directory;
  }

  std::vector<Name> read_names(DIR* directory, const TreePath& path) const {
    std::vector<Name> names;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(directory);
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..")
        names.push_back({std::string(name), entry->d_type == DT_REG});
    }
    if (errno != 0) throw_errno("reading directory", reader_.describe(path));
    std::sort(names.begin(), names.end());
    return names;
  }

  void consider(int opened, const Name& name, Directory& parent) {
    TreePath path = parent.path.child(name.text);
    struct stat status {};
    UniqueFd file;
    Note note;
    if (name.is_file) {  // chosen before it is opened
      if (!choose(path, false, note)) return;
      if (subject_.opens_all_files) {
        file = HostReader::open_first(opened, name.text.c_str(), status);
      }
    }
    if (!file && !look_at(opened, name.text, path, status)) return;
    const bool is_directory = S_ISDIR(status.st_mode);
    if (!name.is_file || is_directory) {
      note = Note();  // for a file that has become a directory
      if (!choose(path, is_directory, note)) return;
    }
    auto entry = reader_.read(opened, name.text.c_str(), std::move(path), status, std::move(file));
    if (!entry) return;
    if (S_ISREG(status.st_mode) && status.st_nlink > 1) {
      note.links = FileId(status.st_dev, status.st_ino);
    }
    note.index = parent.found.size();
    parent.found.push_back(*std::move(entry));
    if (!note.empty()) parent.notes.push_back(std::move(note));
  }

  // False: gone since the directory was read.
  bool look_at(int opened, const std::string& name, const TreePath& path,
               struct stat& status) const {
    if (::fstatat(opened, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return true;
    if (errno == ENOENT) return false;
    throw_errno("looking at", reader_.describe(path));
  }

  // False: nothing of it is wanted. A directory that the filter excludes is there all the same when
  // something beneath it is included again (IGNORE-08).
  bool choose(const TreePath& path, bool is_directory, Note& note) const {
    const WalkChoice choice = subject_.guide.choose(path, is_directory);
    const bool descend = is_directory && choice.descend;
    if (!choice.take && !descend) return false;
    note.taken = choice.take;
    note.implied = !choice.take;
    if (descend) note.beneath = std::make_unique<Directory>(Directory{path, {}, {}});
    const PathFilter* filter = subject_.options.filter.get();
    if (filter == nullptr) return true;
    const TreePath whole = subject_.top / path;
    if (!filter->excluded(whole, is_directory)) return true;
    if (!is_directory || filter->prunable(whole)) return false;
    note.taken =
        !descend && !walk_host(subject_.root, subject_.options, whole, TakeAll(), Contents::leave)
                         .entries.empty();
    return descend || note.taken;
  }

  const Subject& subject_;
  HostReader reader_;
};

// Hands directories to as many threads as are worth starting.
class Crew {
 public:
  explicit Crew(const Subject& subject) : subject_(subject) {}

  void run(Directory& top) {
    todo_.push_back(&top);
    std::vector<std::jthread> helpers;
    work(&helpers);
    helpers.clear();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  // helpers: where to start further threads; null in those.
  void work(std::vector<std::jthread>* helpers) {
    Looker looker(subject_);
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return !todo_.empty() || busy_ == 0; });
      if (todo_.empty()) return;
      Directory& directory = *todo_.back();
      todo_.pop_back();
      ++busy_;
      lock.unlock();
      const std::exception_ptr failure = try_look(looker, directory);
      lock.lock();
      --busy_;
      finish(directory, failure);
      if (helpers != nullptr && helpers->empty() && todo_.size() >= kManyDirectories)
        start(*helpers);
      if (!todo_.empty() || busy_ == 0) changed_.notify_all();
    }
  }

  static std::exception_ptr try_look(Looker& looker, Directory& directory) {
    try {
      looker.look(directory);
      return nullptr;
    } catch (...) {  // carried to the thread that asked
      return std::current_exception();
    }
  }

  // Of several failures the first in tree order is told.
  void finish(Directory& directory, const std::exception_ptr& failure) {
    if (failure) {
      if (!failure_ || directory.path < failed_at_) {
        failure_ = failure;
        failed_at_ = directory.path;
      }
      todo_.clear();
    }
    if (failure_) return;
    for (Note& note : directory.notes) {
      if (note.beneath) todo_.push_back(note.beneath.get());
    }
  }

  void start(std::vector<std::jthread>& helpers) {
    try {
      for (int i = 1; i < subject_.options.threads; ++i) {
        helpers.emplace_back([this] { work(nullptr); });
      }
    } catch (const std::system_error&) {
      // No more threads to be had: those there are do the rest.
    }
  }

  static constexpr std::size_t kManyDirectories = 8;

  const Subject& subject_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Directory*> todo_;
  int busy_ = 0;
  std::exception_ptr failure_;
  TreePath failed_at_;
};

// Puts what was found into one sorted list.
class Flattener {
 public:
  Walked run(Directory& top) && {
    walked_.entries.reserve(count(top));
    add(top);
    return std::move(walked_);
  }

 private:
  static std::size_t count(const Directory& directory) {
    std::size_t sum = directory.found.size();
    for (const Note& note : directory.notes) {
      if (note.beneath) sum += count(*note.beneath);
    }
    return sum;
  }

  // Each directory is let go as soon as its entries are in the list.
  void add(Directory& directory) {
    static const Note kNothing;
    auto noted = directory.notes.begin();
    for (std::size_t i = 0; i < directory.found.size(); ++i) {
      const bool has_note = noted != directory.notes.end() && noted->index == i;
      const Note& note = has_note ? *noted++ : kNothing;
      if (directory.found[i].type == EntryType::directory) {
        add_directory(std::move(directory.found[i]), note);
      } else {
        add_file(std::move(directory.found[i]), note);
      }
    }
    std::vector<Entry>().swap(directory.found);
  }

  void add_directory(Entry entry, const Note& note) {
    const std::size_t index = walked_.entries.size();
    walked_.entries.push_back(std::move(entry));
    if (note.implied) walked_.implied.push_back(index);
    if (note.beneath) add(*note.beneath);
    if (note.taken || walked_.entries.size() > index + 1) return;
    walked_.entries.pop_back();
    if (note.implied) walked_.implied.pop_back();
  }

  void add_file(Entry entry, const Note& note) {
    if (note.links) {
      const auto [first, is_first] = first_names_.try_emplace(*note.links, entry.path.str());
      if (!is_first) entry.link_target = first->second;
    }
    walked_.entries.push_back(std::move(entry));
  }

  std::map<FileId, std::string> first_names_;
  Walked walked_;
};

}  // namespace

Walked walk_host(const Dir& root, const HostTreeOptions& options, const TreePath& top,
                 const WalkGuide& guide, Contents contents) {
  const bool opens_all_files =
      contents != Contents::unread &&
      (options.keep_xattrs || options.memory == nullptr || options.memory->empty());
  const Subject subject{root, options, top, guide, contents, opens_all_files};
  Directory directory;
  Crew(subject).run(directory);
  return Flattener().run(directory);
}

}  // namespace cooper::layers
