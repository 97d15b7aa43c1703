// Where selected files land (COPY-03, 05 … 09, 13, 16, 24). Every source is applied to what the
// ones before it left, as if they were copied one after the other.
#include <algorithm>

#include "base/error.h"
#include "layers/placement.h"

namespace cooper::layers {
namespace {

constexpr std::uint32_t kMadeMode = 0755;

[[noreturn]] void throw_not_directory(const TreePath& path) {
  throw Error(Errc::invalid, cat("cannot copy to non-directory: ", path.absolute()));
}

[[noreturn]] void throw_directory(const TreePath& path) {
  throw Error(Errc::invalid, cat("cannot replace to directory ", path.absolute(), " with file"));
}

class Placer {
 public:
  Placer(const PlaceOptions& options, Placement& placement)
      : placement_(placement),
        destination_(TreePath::clean(options.destination)),
        is_slashed_(options.destination.ends_with('/')),
        made_owner_(options.chown.value_or(Owner{})),
        made_mode_(options.chmod ? options.chmod->octal().value_or(kMadeMode) : kMadeMode) {}

  void place(Selection& selection) {
    for (SelectedSource& source : selection.sources) {
      origin_ = placement_.add_origin({selection.tree.get(), &source});
      if (source.is_archive) {
        unpack_archive(*origin_, destination_, made_owner_, placement_);
        continue;
      }
      make_dirs(placement_.resolve(is_slashed_ ? destination_ : destination_.parent()));
      if (source.is_directory) {
        place_directory(source, placement_.resolve(destination_));
      } else {
        place_file(source, placement_.resolve(destination_));
      }
    }
  }

 private:
  void make_dirs(const TreePath& path) { placement_.make_dirs(path, made_owner_, made_mode_); }

  void place_file(SelectedSource& source, TreePath target) {
    if (placement_.type_at(target) == EntryType::directory) {
      target = target.child(source.base_name);
      if (placement_.type_at(target) == EntryType::directory) throw_directory(target);
    } else {
      make_dirs(target.parent());  // of a dangling link's target
    }
    put(target, source.top);
  }

  // The top one keeps owner and mode if it exists, and is a plain new directory otherwise; its
  // mtime is the source's either way (COPY-07, COPY-08).
  void place_directory(SelectedSource& source, const TreePath& target) {
    const auto type = placement_.type_at(target);
    if (type && type != EntryType::directory) throw_not_directory(target);
    if (!type) make_dirs(target);
    if (!target.is_root()) {
      Entry top = placement_.find(target).value();
      // The root of layers that say nothing of it has no time.
      const bool has_time = !source.top.path.is_root() || source.top.mtime != Timestamp{};
      if (has_time) top.mtime = source.top.mtime;
      placement_.put_as_is(target, std::move(top));
    }
    place_contents(source, target, type.has_value());
  }

  void place_contents(SelectedSource& source, const TreePath& target, bool existed) {
    const bool as_one = placement_.put_beneath(target, origin_);
    // Nothing exists beneath what does not exist: no need to ask for each path.
    std::optional<TreePath> absent;
    if (!existed) absent = target;
    auto implied = source.beneath.implied.begin();
    for (std::size_t i = 0; i < source.beneath.entries.size(); ++i) {
      Entry& entry = source.beneath.entries[i];
      const bool is_implied = implied != source.beneath.implied.end() && *implied == i;
      if (is_implied) ++implied;
      const TreePath path = target / entry.path;
      const bool known_absent = absent && absent->contains(path);
      const auto before = known_absent ? std::nullopt
                          : as_one     ? placement_.find_below(path)
                                       : placement_.find(path);
      if (!before && !known_absent) absent = path;
      if (entry.type != EntryType::directory) {
        if (before && before->type == EntryType::directory) throw_directory(path);
        const bool is_link = entry.type == EntryType::file && !entry.link_target.empty();
        if (is_link || !as_one) put(path, is_link ? leader_of(source, entry) : entry);
        continue;
      }
      if (before && before->type != EntryType::directory) throw_not_directory(path);
      if (is_implied && before) {
        put_implied(*before, entry.mode, path);
      } else if (!as_one) {
        put(path, entry);
      }
    }
  }

  void put(const TreePath& path, Entry& entry) {
    placement_.put(path, {Placed::Kind::copied, &entry, origin_, {}});
  }

  // A directory that is there already and only leads to something copied: the reference sets its
  // mode and leaves the rest alone.
  void put_implied(Entry existing, std::uint32_t mode, const TreePath& path) {
    set_mode(existing, mode);
    placement_.put_as_is(path, std::move(existing));
  }

  // Names of one file share the entry of the first (COPY-18).
  Entry& leader_of(SelectedSource& source, const Entry& entry) {
    Entry* first = source.beneath.find(TreePath::clean(entry.link_target));
    if (first == nullptr) {
      throw Error(Errc::invalid, cat(entry.path.str(), " is a link to ", entry.link_target,
                                     ", which was not selected"));
    }
    placement_.share(first);
    return *first;
  }

  Placement& placement_;
  TreePath destination_;
  bool is_slashed_;
  Owner made_owner_;
  std::uint32_t made_mode_;
  const CopyOrigin* origin_ = nullptr;
};

}  // namespace

void write_copies(std::vector<Selection>& selections, const PlaceOptions& options,
                  const Tree& below, LayerWriter& writer) {
  Placement placement(below, options);
  Placer placer(options, placement);
  for (Selection& selection : selections) placer.place(selection);
  placement.write(writer);
}

void write_copy(Selection selection, const PlaceOptions& options, const Tree& below,
                LayerWriter& writer) {
  Placement placement(below, options);
  Placer(options, placement).place(selection);
  placement.write(writer);
}

void write_dirs(const MakeDirs& request, const Tree& below, LayerWriter& writer) {
  PlaceOptions options;
  options.now = request.now;
  Placement placement(below, options);
  placement.make_dirs(placement.resolve(TreePath::clean(request.path)), request.owner, kMadeMode);
  placement.write(writer);
}

}  // namespace cooper::layers
