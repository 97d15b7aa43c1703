// Tars as hostile as one likes, header by header; nothing is checked or sorted.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace cooper::tests {

class TarBuilder {
 public:
  struct Meta {
    std::uint32_t mode = 0644;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int64_t mtime_s = 1'000'000'000;
    std::uint32_t device_major = 0;
    std::uint32_t device_minor = 0;
  };

  TarBuilder& file(std::string_view name, std::string_view content, const Meta& meta);
  TarBuilder& file(std::string_view name, std::string_view content) {
    return file(name, content, Meta{});
  }
  TarBuilder& directory(std::string_view name, const Meta& meta);
  TarBuilder& directory(std::string_view name) {
    Meta meta;
    meta.mode = 0755;
    return directory(name, meta);
  }
  TarBuilder& symlink(std::string_view name, std::string_view target);
  TarBuilder& hard_link(std::string_view name, std::string_view target);
  TarBuilder& char_device(std::string_view name, std::uint32_t major, std::uint32_t minor);
  TarBuilder& block_device(std::string_view name, std::uint32_t major, std::uint32_t minor);
  TarBuilder& fifo(std::string_view name);
  // A PAX extended header for the member that follows.
  TarBuilder& pax(const std::map<std::string, std::string>& records);
  // Any header: type flag, name, link name, declared size; content as given and padded.
  TarBuilder& raw(char type, std::string_view name, std::string_view link_name, std::uint64_t size,
                  std::string_view content, const Meta& meta);
  TarBuilder& bytes(std::string_view text) {
    text_ += text;
    return *this;
  }

  const std::string& unfinished() const { return text_; }
  std::string finish() const { return text_ + std::string(1024, '\0'); }

 private:
  std::string text_;
};

}  // namespace cooper::tests
