#include "cmd/call.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "cmd/options_text.h"

namespace cooper::cmd {
namespace {

struct Method {
  std::string_view name;
  Call::Kind kind;
};
constexpr std::array<Method, 6> kMethods = {{{"build", Call::Kind::build},
                                             {"plan", Call::Kind::plan},
                                             {"check", Call::Kind::check},
                                             {"lint", Call::Kind::check},
                                             {"outline", Call::Kind::outline},
                                             {"targets", Call::Kind::targets}}};

struct FormatName {
  std::string_view name;
  Call::Format format;
};
constexpr std::array<FormatName, 4> kFormats = {{{"text", Call::Format::text},
                                                 {"json", Call::Format::json},
                                                 {"sarif", Call::Format::sarif},
                                                 {"dot", Call::Format::dot}}};

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
  const auto method =
      std::find_if(kMethods.begin(), kMethods.end(), [&](const Method& each) { return each.name == fields.front(); });
  if (method == kMethods.end()) {
    throw Error(Errc::invalid, cat("unknown call \"", fields.front(), "\" (build, check, outline, targets, plan)"));
  }
  call.kind = method->kind;
  for (std::size_t i = 1; i < fields.size(); ++i) {
    const std::string value = fields[i].starts_with("format=") ? fields[i].substr(7) : fields[i];
    const auto format = std::find_if(kFormats.begin(), kFormats.end(),
                                     [&](const FormatName& each) { return each.name == value; });
    if (format == kFormats.end() || !has_format(call.kind, format->format)) {
      throw Error(Errc::invalid, cat("--call=", text, ": unknown format \"", value, "\""));
    }
    call.format = format->format;
  }
  return call;
}

}  // namespace cooper::cmd
