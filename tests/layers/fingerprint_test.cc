#include "layers/fingerprint.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>

namespace cooper::layers {
namespace {

Fingerprint of(std::string_view text) {
  Fingerprinter fingerprinter;
  fingerprinter.update(as_bytes(text));
  return fingerprinter.finish();
}

TEST(Fingerprint, tells_contents_apart_and_does_not_depend_on_the_pieces) {
  EXPECT_FALSE(Fingerprint());
  EXPECT_TRUE(of(""));
  std::string text(100'000, 'x');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * i % 251);
  const Fingerprint whole = of(text);
  for (const std::size_t piece : {1U, 7U, 64U, 256U, 4096U, 65536U}) {
    Fingerprinter fingerprinter;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      fingerprinter.update(as_bytes(std::string_view(text).substr(at, piece)));
    }
    EXPECT_EQ(fingerprinter.finish(), whole) << piece;
  }
  for (const std::size_t at : {std::size_t{0}, std::size_t{50'000}, text.size() - 1}) {
    std::string other = text;
    other[at] = static_cast<char>(other[at] ^ 1);
    EXPECT_NE(of(other), whole) << at;
  }
  EXPECT_NE(of(text + '\0'), whole);
}

TEST(Fingerprint, of_a_text_is_told_to_the_next_test) {
  std::cout << "fingerprint " << of("text").value << '\n';
}

std::string told_by_a_new_process() {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe");
  FILE* output =
      ::popen(("'" + program + "' --gtest_filter=Fingerprint.of_a_text_is_told*").c_str(), "r");
  std::string told;
  std::array<char, 256> line;
  while (output != nullptr && ::fgets(line.data(), line.size(), output) != nullptr) {
    if (std::string_view(line.data()).starts_with("fingerprint ")) told = line.data();
  }
  if (output != nullptr) ::pclose(output);
  return told;
}

// Else bytes with the fingerprint of others could be chosen.
TEST(Fingerprint, has_a_key_of_the_process) {
  const std::string one = told_by_a_new_process();
  const std::string other = told_by_a_new_process();
  EXPECT_NE(one, "");
  EXPECT_NE(other, "");
  EXPECT_NE(one, other);
}

}  // namespace
}  // namespace cooper::layers
