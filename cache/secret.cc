#include "cache/secret.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/byte_stream.h"
#include "base/error.h"
#include "cache/file_lock.h"
#include "cache/layout.h"
#include "oci/digest.h"

namespace cooper::cache {
namespace {

std::optional<std::string> read_secret(int fd) {
  std::string secret(kSecretBytes, '\0');
  const ssize_t got = ::pread(fd, secret.data(), secret.size(), 0);
  if (got < 0) throw_errno("reading", "the store's secret");
  if (static_cast<std::size_t>(got) != secret.size()) return std::nullopt;
  return secret;
}

}  // namespace

std::optional<std::string> find_secret(const Dir& root) {
  const std::optional<UniqueFd> file = root.try_open_file(layout::path(layout::kSecret), O_RDONLY);
  if (!file) return std::nullopt;
  const FileLock lock(file->get(), LockMode::shared);
  return read_secret(file->get());
}

std::string find_or_make_secret(const Dir& root) {
  const UniqueFd file = root.open_file(layout::path(layout::kSecret), O_RDWR | O_CREAT, 0600);
  const FileLock lock(file.get(), LockMode::exclusive);
  if (const auto known = read_secret(file.get())) return *known;
  std::string secret(kSecretBytes, '\0');
  if (::getrandom(secret.data(), secret.size(), 0) < 0) throw_errno("reading", "random bytes");
  if (::ftruncate(file.get(), 0) != 0) throw_errno("writing", "the store's secret");
  FdSink(file.get(), "the store's secret").write(as_bytes(secret));
  return secret;
}

std::string secret_name(const std::optional<std::string>& secret) {
  constexpr std::size_t kNameDigits = 16;
  if (!secret) return "";
  return oci::hmac_sha256(*secret, "name of the secret").hex().substr(0, kNameDigits);
}

}  // namespace cooper::cache
