#include "cmd/secrets.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <utility>

#include "base/byte_stream.h"
#include "base/error.h"
#include "cmd/options_text.h"

namespace cooper::cmd {
namespace {

[[noreturn]] void refuse_size(const std::string& id) {
  throw Error(Errc::invalid, cat("secret ", id, " too big. max size 500KB"));
}

std::string read_secret_file(const std::string& id, const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw_errno(cat("secret ", id, ": opening"), path);
  FdSource source(std::move(fd), path);
  return read_all(source, Secrets::kLimitBytes, cat("secret ", id));
}

}  // namespace

Secrets::Secrets(const std::vector<std::string>& flags) {
  for (const std::string& flag : flags) add(flag);
}

void Secrets::add(const std::string& flag) {
  std::string id;
  std::string file;
  std::string variable;
  std::string type;
  for (const std::string& field : split_csv(flag, "--secret")) {
    const std::size_t equals = field.find('=');
    if (equals == std::string::npos) {
      throw Error(Errc::invalid, cat("--secret: invalid field '", field, "' must be a key=value pair"));
    }
    const std::string key = field.substr(0, equals);
    const std::string value = field.substr(equals + 1);
    if (key == "id") {
      id = value;
    } else if (key == "source" || key == "src") {
      file = value;
    } else if (key == "env") {
      variable = value;
    } else if (key == "type") {
      if (value != "file" && value != "env") {
        throw Error(Errc::invalid, cat("--secret: unsupported secret type \"", value, "\""));
      }
      type = value;
    } else {
      throw Error(Errc::invalid, cat("--secret: unexpected key '", key, "' in '", field, "'"));
    }
  }
  if (id.empty()) throw Error(Errc::invalid, "--secret: secret missing ID");
  if (type == "env" && variable.empty()) variable = std::exchange(file, {});
  if (variable.empty() && file.empty()) {
    (std::getenv(id.c_str()) != nullptr ? variable : file) = id;
  }
  if (!variable.empty()) {
    sources_[id] = {true, variable};
    return;
  }
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) throw_errno(cat("secret ", id, ": failed to stat"), file);
  if (S_ISREG(status.st_mode) && static_cast<std::size_t>(status.st_size) > kLimitBytes) refuse_size(id);
  sources_[id] = {false, file};
}

std::optional<std::string> Secrets::find(const std::string& id) const {
  const auto found = sources_.find(id);
  if (found == sources_.end()) return std::nullopt;
  const Source& source = found->second;
  if (!source.variable) return read_secret_file(id, source.name);
  const char* value = std::getenv(source.name.c_str());
  std::string text = value == nullptr ? "" : value;
  if (text.size() > kLimitBytes) refuse_size(id);
  return text;
}

}  // namespace cooper::cmd
