// Keeps secrets out of what a step prints (MNT-21, SEC-06): wherever a secret's value passes, four asterisks do.
//
// Not found: what the step has encoded, split over lines or cut to pieces. Of a secret of several lines each longer line
// is looked for as well; values below three bytes are left alone, as they would blot out everything.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::builder {

class OutputMask {
 public:
  explicit OutputMask(const std::vector<std::string>& secrets);
  bool empty() const noexcept { return patterns_.empty(); }

  // One stream of output, masked. A tail that may be the beginning of a secret is held back until the next call.
  class Stream {
   public:
    explicit Stream(const OutputMask& mask) : mask_(mask) {}
    std::string pass(std::string_view bytes);
    std::string finish();  // what is held back

   private:
    const OutputMask& mask_;
    std::string held_;
  };

 private:
  static constexpr std::size_t kShortest = 3;

  void add(std::string_view secret);
  // The length of the longest pattern that stands at `at`; 0: none.
  std::size_t match(std::string_view text, std::size_t at) const;
  // Where a pattern begins that the text is too short to tell; its end: nowhere.
  std::size_t uncertain_from(std::string_view text) const;

  std::vector<std::string> patterns_;
  std::map<std::string, std::vector<std::size_t>, std::less<>> by_beginning_;  // kShortest bytes -> patterns
  std::size_t longest_ = 0;
};

}  // namespace cooper::builder
