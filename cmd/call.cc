#include "cmd/call.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "cmd/options_text.h"

namespace cooper::cmd {
namespace {

template <class Value>
struct Named {
  std::string_view name;
  Value value;
};

constexpr std::array<Named<Call::Kind>, 6> kMethods = {{{"build", Call::Kind::build},
                                             {"plan", Call::Kind::plan},
                                             {"check", Call::Kind::check},
                                             {"lint", Call::Kind::check},
                                             {"outline", Call::Kind::outline},
                                             {"targets", Call::Kind::targets}}};

constexpr std::array<Named<Call::Format>, 4> kFormats = {{{"text", Call::Format::text},
                                                 {"json", Call::Format::json},
                                                 {"sarif", Call::Format::sarif},
                                                 {"dot", Call::Format::dot}}};

template <class Table>
auto find_named(const Table& table, std::string_view name) {
  return std::find_if(table.begin(), table.end(), [name](const auto& each) { return each.name == name; });
}

bool has_format(Call::Kind kind, Call::Format format) {
  switch (format) {
    case Call::Format::text: return true;
    case Call::Format::json:
      return kind == Call::Kind::check || kind == Call::Kind::outline || kind == Call::Kind::targets;
    case Call::Format::sarif: return kind == Call::Kind::check;
    case Call::Format::dot: return kind == Call::Kind::plan;
  }
  return false;
}

}  // namespace

Call parse_call(const std::string& text) {
  Call call;
  if (text.empty()) return call;
  const std::vector<std::string> fields = split_csv(text, "--call");
  const auto method = find_named(kMethods, fields.front());
  if (method == kMethods.end()) {
    throw Error(Errc::invalid, cat("unknown call \"", fields.front(), "\" (build, check, outline, targets, plan)"));
  }
  call.kind = method->value;
  for (std::size_t i = 1; i < fields.size(); ++i) {
    const std::string value = fields[i].starts_with("format=") ? fields[i].substr(7) : fields[i];
    const auto format = find_named(kFormats, value);
    if (format == kFormats.end() || !has_format(call.kind, format->value)) {
      throw Error(Errc::invalid, cat("--call=", text, ": unknown format \"", value, "\""));
    }
    call.format = format->value;
  }
  return call;
}

}  // namespace cooper::cmd
