#include "tests/support/tar_builder.h"

#include <array>
#include <cstring>

namespace cooper::tests {
namespace {

constexpr std::size_t kBlockBytes = 512;
constexpr std::size_t kNameBytes = 100;

using Block = std::array<char, kBlockBytes>;

void put_text(Block& block, std::size_t at, std::size_t width, std::string_view value) {
  std::memcpy(block.data() + at, value.data(), std::min(width, value.size()));
}

void put_octal(Block& block, std::size_t at, std::size_t width, std::uint64_t value) {
  for (std::size_t i = width - 1; i-- > 0; value >>= 3) {
    block[at + i] = static_cast<char>('0' + (value & 7));
  }
}

std::string record(const std::string& key, const std::string& value) {
  std::size_t total = key.size() + value.size() + 3;
  std::size_t digits = 1;
  while (std::to_string(total + digits).size() != digits) ++digits;
  return std::to_string(total + digits) + " " + key + "=" + value + "\n";
}

}  // namespace

TarBuilder& TarBuilder::raw(char type, std::string_view name, std::string_view link_name,
                            std::uint64_t size, std::string_view content, const Meta& meta) {
  if (name.size() > kNameBytes) pax({{"path", std::string(name)}});
  Block block{};
  put_text(block, 0, kNameBytes, name);
  put_octal(block, 100, 8, meta.mode);
  put_octal(block, 108, 8, meta.uid);
  put_octal(block, 116, 8, meta.gid);
  put_octal(block, 124, 12, size);
  put_octal(block, 136, 12, static_cast<std::uint64_t>(meta.mtime_s));
  put_text(block, 156, 1, {&type, 1});
  put_text(block, 157, kNameBytes, link_name);
  put_text(block, 257, 8, std::string_view("ustar\00000", 8));
  put_octal(block, 329, 8, meta.device_major);
  put_octal(block, 337, 8, meta.device_minor);
  std::memset(block.data() + 148, ' ', 8);
  std::uint64_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put_octal(block, 148, 7, sum);
  block[154] = '\0';
  text_.append(block.data(), block.size());
  text_ += content;
  text_.append((kBlockBytes - content.size() % kBlockBytes) % kBlockBytes, '\0');
  return *this;
}

TarBuilder& TarBuilder::file(std::string_view name, std::string_view content, const Meta& meta) {
  return raw('0', name, "", content.size(), content, meta);
}

TarBuilder& TarBuilder::directory(std::string_view name, const Meta& meta) {
  return raw('5', name, "", 0, "", meta);
}

TarBuilder& TarBuilder::symlink(std::string_view name, std::string_view target) {
  Meta meta;
  meta.mode = 0777;
  return raw('2', name, target, 0, "", meta);
}

TarBuilder& TarBuilder::hard_link(std::string_view name, std::string_view target) {
  return raw('1', name, target, 0, "", Meta{});
}

TarBuilder& TarBuilder::char_device(std::string_view name, std::uint32_t major,
                                    std::uint32_t minor) {
  Meta meta;
  meta.device_major = major;
  meta.device_minor = minor;
  return raw('3', name, "", 0, "", meta);
}

TarBuilder& TarBuilder::block_device(std::string_view name, std::uint32_t major,
                                     std::uint32_t minor) {
  Meta meta;
  meta.device_major = major;
  meta.device_minor = minor;
  return raw('4', name, "", 0, "", meta);
}

TarBuilder& TarBuilder::fifo(std::string_view name) {
  return raw('6', name, "", 0, "", Meta{});
}

TarBuilder& TarBuilder::pax(const std::map<std::string, std::string>& records) {
  std::string body;
  for (const auto& [key, value] : records) body += record(key, value);
  return raw('x', "PaxHeaders.0/x", "", body.size(), body, Meta{});
}

}  // namespace cooper::tests
