#include "cmd/human_size.h"

#include <iomanip>
#include <iterator>
#include <sstream>

namespace cooper::cmd {

std::string human_size(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  // What would be rounded to 1000 is one of the next unit.
  for (; value >= 999.5 && unit + 1 < std::size(kUnits); ++unit) value /= 1000;
  std::ostringstream out;
  out << std::setprecision(3) << value << kUnits[unit];
  return std::move(out).str();
}

}  // namespace cooper::cmd
