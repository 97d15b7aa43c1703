// The extended attributes of an entry, by name.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace cooper::layers {

// As a map; without any, as nearly all entries of a long list are, it is one empty pointer.
class Xattrs {
  using Map = std::map<std::string, std::string>;

 public:
  using value_type = Map::value_type;
  using iterator = Map::iterator;
  using const_iterator = Map::const_iterator;

  Xattrs() = default;
  Xattrs(std::initializer_list<value_type> values) : map_(std::make_unique<Map>(values)) {}
  Xattrs(const Xattrs& other)
      : map_(other.empty() ? nullptr : std::make_unique<Map>(*other.map_)) {}
  Xattrs(Xattrs&&) noexcept = default;
  Xattrs& operator=(const Xattrs& other) { return *this = Xattrs(other); }
  Xattrs& operator=(Xattrs&&) noexcept = default;
  ~Xattrs() = default;

  bool empty() const noexcept { return map_ == nullptr || map_->empty(); }
  std::size_t size() const noexcept { return seen().size(); }
  const_iterator begin() const noexcept { return seen().begin(); }
  const_iterator end() const noexcept { return seen().end(); }
  iterator end() noexcept { return seen().end(); }
  bool contains(const std::string& name) const { return seen().contains(name); }
  const_iterator find(const std::string& name) const { return seen().find(name); }
  iterator find(const std::string& name) { return seen().find(name); }
  const std::string& at(const std::string& name) const { return seen().at(name); }

  std::string& operator[](const std::string& name) { return own()[name]; }
  template <class... Args>
  void emplace(Args&&... args) {
    own().emplace(std::forward<Args>(args)...);
  }
  void merge(Xattrs&& others) {
    if (!others.empty()) own().merge(*others.map_);
  }
  void clear() noexcept { map_.reset(); }
  template <class Predicate>
  void erase_if(Predicate&& predicate) {
    if (map_ != nullptr) std::erase_if(*map_, std::forward<Predicate>(predicate));
  }

  friend bool operator==(const Xattrs& one, const Xattrs& other) {
    return one.seen() == other.seen();
  }

 private:
  static Map& none() noexcept {
    static Map map;  // never written to
    return map;
  }
  Map& seen() const noexcept { return map_ != nullptr ? *map_ : none(); }
  Map& own() {
    if (map_ == nullptr) map_ = std::make_unique<Map>();
    return *map_;
  }

  std::unique_ptr<Map> map_;
};

}  // namespace cooper::layers
