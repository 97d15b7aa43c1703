// ADD of an archive: its members merged into the destination as `tar -x` would (ADD-03 … ADD-07).
#include "base/error.h"
#include "layers/placement.h"
#include "layers/tar_reader.h"

namespace cooper::layers {
namespace {

constexpr std::uint32_t kMadeMode = 0755;

class Unpacker {
 public:
  Unpacker(TreePath top, std::string name, Placement& placement)
      : top_(std::move(top)), name_(std::move(name)), placement_(placement) {}

  void add(TarReader& reader, Entry member) {
    if (member.path.is_root()) return;  // the destination is what it is
    const TreePath path = inside(member.path);
    placement_.make_dirs(path.parent(), Owner{}, kMadeMode);
    if (member.type == EntryType::hard_link) {
      link(path, member);
      return;
    }
    const auto type = placement_.type_at(path);
    const bool merges = type == EntryType::directory && member.type == EntryType::directory;
    if (type && !merges) placement_.remove(path);
    Spool::Stretch stretch;
    if (member.type == EntryType::file) stretch = placement_.spool().append(reader.content());
    if (member.mtime.seconds < 0) member.mtime = {};  // as the reference: no times before 1970
    placement_.put_unpacked(path, std::move(member), stretch);
  }

 private:
  // Where a member lies: links in its directory part lead around inside the destination, which is
  // the root for absolute ones and for ".." (ADD-05).
  TreePath inside(const TreePath& member) const {
    const FindEntry find = [this](const TreePath& at) { return placement_.find(top_ / at); };
    return (top_ / resolve_for_creation(find, member.parent())).child(member.name());
  }

  void link(const TreePath& path, const Entry& member) {
    const TreePath target = inside(TreePath::clean(member.link_target));
    if (target == path) return;
    const auto type = placement_.type_at(target);
    const bool linkable = type && type != EntryType::directory && !path.contains(target);
    if (linkable && placement_.type_at(path)) placement_.remove(path);
    if (!linkable || !placement_.link(path, target)) {
      throw Error(Errc::invalid, cat(name_, ": member ", member.path.str(), " is a hard link to ",
                                     member.link_target, ", which is no file"));
    }
  }

  TreePath top_;
  std::string name_;
  Placement& placement_;
};

}  // namespace

void unpack_archive(const CopyOrigin& origin, const TreePath& destination, const Owner& made_owner,
                    Placement& placement) {
  const TreePath top = placement.resolve(destination);
  placement.make_dirs(top, made_owner, kMadeMode);
  const Entry& file = origin.source->top;
  const std::string name = file.path.absolute();
  auto bytes = origin.tree->open(file);
  if (file.content) {  // the key was made of these bytes
    bytes = std::make_unique<oci::VerifyingSource>(std::move(bytes), file.content->value,
                                                   file.size_bytes, name);
  }
  TarReader reader(std::move(bytes), TarLimits{}, name, TarKind::archive);
  Unpacker unpacker(top, name, placement);
  while (auto member = reader.next()) unpacker.add(reader, std::move(member->entry));
}

}  // namespace cooper::layers
