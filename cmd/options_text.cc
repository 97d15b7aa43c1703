#include "cmd/options_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include "base/error.h"
#include "cmd/annotation_text.h"

namespace cooper::cmd {
namespace {

[[noreturn]] void bad(const std::string& what, const std::string& text) {
  throw Error(Errc::invalid, cat("invalid value for ", what, ": \"", text, "\""));
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::uint64_t parse_limit(const std::string& text, const std::string& whole) {
  if (text == "-1" || text == "unlimited") return ~std::uint64_t{0};
  const auto value = parse_number(text);
  if (!value) bad("--ulimit", whole);
  return *value;
}

int parse_level(const std::string& text) {
  const auto value = parse_number(text);
  if (!value || *value > 22) bad("compression-level", text);
  return static_cast<int>(*value);
}

layers::Compression parse_compression(const std::string& text) {
  if (text == "gzip") return layers::Compression::gzip;
  if (text == "zstd") return layers::Compression::zstd;
  if (text == "uncompressed") return layers::Compression::none;
  if (text == "estargz") throw Error(Errc::unsupported, "compression=estargz is not supported yet");
  bad("compression", text);
}

// -o attributes into an OutputFlag; which keys exist is this one list.
class OutputReader {
 public:
  explicit OutputReader(const std::string& text) : text_(text) {}

  OutputFlag read() {
    for (const std::string& field : split_csv(text_, "--output")) take(field);
    if (!has_type_) throw Error(Errc::invalid, "--output requires type=<type>");  // OUT-02
    finish_destination();
    if (compression_.kind == layers::Compression::gzip && compression_.level > 9) {  // OUT-07
      bad("compression-level", std::to_string(compression_.level));
    }
    if (compression_.kind != layers::Compression::gzip || compression_.level != -1) {
      flag_.compression = compression_;
    }
    return std::move(flag_);
  }

 private:
  void take(const std::string& field) {
    const auto [key, value] = split_key_value(field, "--output");
    builder::Output& output = flag_.output;
    if (key == "type") {
      take_type(value);
    } else if (key == "dest") {
      has_destination_ = true;
      output.to_stdout = value == "-";
      output.destination = value;
    } else if (key == "name") {
      flag_.has_names = true;
      for (const std::string& name : split_csv(value, "name")) {
        output.names.push_back(parse_new_name(name));
      }
    } else if (key == "tar") {
      output.as_directory = !parse_bool(value, key);
    } else if (key == "push") {
      output.push = parse_bool(value, key);
    } else if (key == "compression") {
      compression_.kind = parse_compression(value);
    } else if (key == "compression-level") {
      compression_.level = parse_level(value);
    } else if (key == "oci-mediatypes") {
      if (!parse_bool(value, key)) throw Error(Errc::unsupported, "oci-mediatypes=false is not supported yet");
    } else if (auto annotation = parse_annotation_attribute(key, value)) {
      output.annotations.push_back(std::move(*annotation));
    } else {
      throw Error(Errc::unsupported, cat("output attribute \"", key, "\" is not supported"));
    }
  }

  void take_type(const std::string& value) {
    has_type_ = true;
    flag_.nowhere = value == "cacheonly";
    if (flag_.nowhere) return;
    using Kind = builder::Output::Kind;
    static constexpr std::array<std::pair<const char*, Kind>, 6> kTypes = {{{"oci", Kind::oci},
                                                                            {"docker", Kind::docker},
                                                                            {"image", Kind::image},
                                                                            {"registry", Kind::image},
                                                                            {"local", Kind::local},
                                                                            {"tar", Kind::tar}}};
    const auto found =
        std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& row) { return value == row.first; });
    if (found == kTypes.end()) throw Error(Errc::invalid, cat("unknown output type \"", value, "\""));
    flag_.output.kind = found->second;
    flag_.output.push = flag_.output.push || value == "registry";
  }

  void finish_destination() {
    builder::Output& output = flag_.output;
    using Kind = builder::Output::Kind;
    if (flag_.nowhere && has_destination_) throw Error(Errc::invalid, "type=cacheonly does not take dest");
    if (has_destination_ && output.destination.empty()) throw Error(Errc::invalid, "--output dest= names nothing");
    const bool file_kind = output.kind == Kind::oci || output.kind == Kind::docker || output.kind == Kind::tar;
    if (output.kind == Kind::local && (!has_destination_ || output.to_stdout)) {
      throw Error(Errc::invalid, "type=local requires dest=<directory>");
    }
    if (output.kind == Kind::image && has_destination_) {
      throw Error(Errc::invalid, "type=image does not take dest");  // OUT-03
    }
    if (file_kind && !has_destination_) output.to_stdout = true;
    flag_.into_store = output.kind == Kind::docker && !has_destination_ && !output.as_directory;
    if (output.as_directory && output.to_stdout) {
      throw Error(Errc::invalid, "tar=false requires dest=<directory>");
    }
  }

  const std::string& text_;
  OutputFlag flag_;
  layers::CompressionSpec compression_;
  bool has_type_ = false;
  bool has_destination_ = false;
};

}  // namespace

std::vector<std::string> split_csv(std::string_view text, const std::string& what) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      if (quoted && i + 1 < text.size() && text[i + 1] == '"') {
        fields.back() += '"';
        ++i;
      } else {
        quoted = !quoted;
      }
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (quoted) throw Error(Errc::invalid, cat("unterminated quote in ", what, ": ", text));
  return fields;
}

std::pair<std::string, std::string> split_key_value(const std::string& text, const std::string& flag) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Error(Errc::invalid, cat("invalid field \"", text, "\" in ", flag, ": must be a key=value pair"));
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::uint64_t parse_size(const std::string& text, const std::string& flag) {
  std::string digits = text;
  std::uint64_t unit = 1;
  if (!digits.empty() && (digits.back() == 'b' || digits.back() == 'B')) digits.pop_back();
  if (!digits.empty()) {
    static constexpr std::string_view kUnits = "kmgt";
    const std::size_t at = kUnits.find(static_cast<char>(digits.back() | 0x20));
    if (at != std::string_view::npos) {
      unit = std::uint64_t{1} << (10 * (at + 1));
      digits.pop_back();
    }
  }
  const auto value = parse_number(digits);
  if (!value || *value > (std::uint64_t{1} << 62) / unit) bad(flag, text);
  return *value * unit;
}

builder::Ulimit parse_ulimit(const std::string& text) {
  const auto [name, limits] = split_key_value(text, "--ulimit");
  const std::size_t colon = limits.find(':');
  builder::Ulimit limit;
  limit.name = name;
  limit.soft = parse_limit(limits.substr(0, colon), text);
  limit.hard = colon == std::string::npos ? limit.soft : parse_limit(limits.substr(colon + 1), text);
  if (limit.soft > limit.hard) bad("--ulimit", text);
  return limit;
}

builder::ExtraHost parse_extra_host(const std::string& text) {
  const std::size_t at = text.find_first_of("=:");
  if (at == std::string::npos || at == 0 || at + 1 == text.size()) bad("--add-host", text);
  std::string address = text.substr(at + 1);
  if (address == "host-gateway") throw Error(Errc::unsupported, "--add-host with host-gateway is not supported");
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  const bool plausible = std::all_of(address.begin(), address.end(), [](unsigned char c) {
    return std::isxdigit(c) != 0 || c == '.' || c == ':';
  });
  if (!plausible) bad("--add-host", text);
  return {text.substr(0, at), address};
}

bool parse_bool(const std::string& text, const std::string& attribute) {
  static constexpr std::array<const char*, 6> kTrue = {"true", "1", "t", "T", "TRUE", "True"};
  static constexpr std::array<const char*, 6> kFalse = {"false", "0", "f", "F", "FALSE", "False"};
  if (std::find(kTrue.begin(), kTrue.end(), text) != kTrue.end()) return true;
  if (std::find(kFalse.begin(), kFalse.end(), text) != kFalse.end()) return false;
  throw Error(Errc::invalid, cat("non-bool value specified for ", attribute, ": \"", text, "\""));
}

oci::Reference parse_new_name(const std::string& text) {
  oci::Reference name = oci::parse_reference(text);
  if (name.digest) throw Error(Errc::invalid, cat(text, ": refusing to create a tag with a digest reference"));
  return name;
}

OutputFlag parse_output(const std::string& text) {
  if (text.empty()) throw Error(Errc::invalid, "--output is given nothing");
  if (text == "-") {
    OutputFlag flag;
    flag.output.kind = builder::Output::Kind::tar;
    flag.output.to_stdout = true;
    return flag;
  }
  if (text.find('=') == std::string::npos) {
    OutputFlag flag;
    flag.output.kind = builder::Output::Kind::local;
    flag.output.destination = text;
    return flag;
  }
  return OutputReader(text).read();
}

}  // namespace cooper::cmd
