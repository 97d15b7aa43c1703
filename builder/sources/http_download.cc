#include "builder/sources/http_download.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "builder/activity.h"
#include "oci/http_retry.h"
#include "oci/http_url.h"

namespace cooper::builder {
namespace {

using nlohmann::json;

constexpr const char* kUrlFact = "http-url";          // digest of the URL -> etag, content, time
constexpr const char* kContentFact = "http-content";  // digest of the bytes -> time they were served with
constexpr std::uint32_t kMode = 0600;                 // ADD-10

std::string content_record(const oci::ContentDigest& content, std::int64_t mtime_s) {
  return json{{"v", 1}, {"kind", "http"}, {"content", content.str()}, {"mtime", mtime_s}}.dump();
}

// The URL may hold a login, and facts are for everybody who reads the store.
std::string url_key(const HttpSource& source) { return oci::sha256("url " + source.url).hex(); }

// Weak or strong, quoted or not: servers mix them up between HEAD and GET.
std::string bare_etag(std::string text) {
  if (text.starts_with("W/")) text.erase(0, 2);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

// A file on its way: the bytes that came so far, and their digest.
class Arriving : public ByteSink {
 public:
  explicit Arriving(const Dir& directory)
      : file_(directory.open_file(TreePath::clean("download"), O_RDWR | O_CREAT | O_EXCL, 0600)),
        name_(directory.label() + "/download") {}

  void restart() {
    if (::ftruncate(file_.get(), 0) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0) throw_errno("emptying", name_);
    hasher_ = oci::Sha256();
    size_bytes_ = 0;
  }
  void write(Bytes bytes) override {
    FdSink(file_.get(), name_).write(bytes);
    hasher_.update(bytes);
    size_bytes_ += bytes.size();
  }
  oci::ContentDigest digest() { return {hasher_.finish()}; }  // once
  std::uint64_t size_bytes() const noexcept { return size_bytes_; }
  std::unique_ptr<ByteSource> open() const {
    UniqueFd again(::fcntl(file_.get(), F_DUPFD_CLOEXEC, 3));
    if (!again || ::lseek(again.get(), 0, SEEK_SET) != 0) throw_errno("reading", name_);
    return std::make_unique<FdSource>(std::move(again), name_);
  }

 private:
  UniqueFd file_;
  std::string name_;
  oci::Sha256 hasher_;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace

HttpDownloads::HttpDownloads(SourceStore& store, Progress& progress, SecretLookup secret, HttpSettings settings)
    : store_(store),
      progress_(progress),
      secret_(std::move(secret)),
      settings_(std::move(settings)),
      client_("cooper") {}

std::optional<HttpDownloads::Known> HttpDownloads::recall(const HttpSource& source) const {
  const auto text = store_.store().find_fact(kUrlFact, url_key(source));
  if (!text) return std::nullopt;
  try {
    const json fact = json::parse(*text);
    return Known{fact.at("etag"), oci::ContentDigest::parse(fact.at("content").get<std::string>()), fact.at("mtime")};
  } catch (const json::exception&) {
    return std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

void HttpDownloads::remember(const HttpSource& source, const Known& known) const {
  store_.store().put_fact(kContentFact, known.content.hex(), std::to_string(known.mtime_s));
  if (known.etag.empty()) return;  // nothing to ask the server about
  const json fact{{"etag", known.etag}, {"content", known.content.str()}, {"mtime", known.mtime_s}};
  store_.store().put_fact(kUrlFact, url_key(source), fact.dump());
}

// ADD-15.
std::optional<PlannedLayer> HttpDownloads::find_checked(const oci::ContentDigest& content) const {
  const auto mtime = store_.store().find_fact(kContentFact, content.hex());
  if (!mtime) return std::nullopt;
  return store_.find(content_record(content, std::strtoll(mtime->c_str(), nullptr, 10)));
}

oci::HttpRequest HttpDownloads::request(const HttpSource& source, const std::string& method,
                                        const std::stop_token& stop) const {
  oci::HttpRequest request;
  request.method = method;
  request.url = source.url.substr(0, source.url.find('#'));
  request.stop = stop;
  request.undo_gzip = true;
  request.may_leave_https = source.checksum.has_value();
  if (!secret_) return request;
  std::string host = oci::parse_url(request.url).host;
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  if (const auto token = secret_("HTTP_AUTH_TOKEN_" + host)) {  // ADD-13
    request.headers.emplace_back("Authorization", "Bearer " + trimmed(*token));
  } else if (const auto header = secret_("HTTP_AUTH_HEADER_" + host)) {
    request.headers.emplace_back("Authorization", trimmed(*header));
  }
  return request;
}

oci::HttpResponse HttpDownloads::send(const oci::HttpRequest& request, const std::function<void()>& begin) {
  return oci::send_with_retries(client_, request, {settings_.retries, settings_.sleep, begin});
}

std::optional<PlannedLayer> HttpDownloads::find(const HttpSource& source, const std::stop_token& stop) {
  if (source.checksum) return find_checked(*source.checksum);
  const auto known = recall(source);
  if (!known) return std::nullopt;
  auto layer = store_.find(content_record(known->content, known->mtime_s));
  if (!layer) return std::nullopt;
  // Not by If-None-Match alone: some servers answer 200 to it although nothing changed, and then the content comes too.
  oci::HttpRequest head = request(source, "HEAD", stop);
  head.headers.emplace_back("If-None-Match", known->etag);
  const oci::HttpResponse response = send(head, {});
  const std::string etag = bare_etag(response.header("etag").value_or(""));
  const bool same = etag == bare_etag(known->etag) || (etag.empty() && response.status == 304);
  if ((response.status != 200 && response.status != 304) || !same) return std::nullopt;
  return layer;
}

PlannedLayer HttpDownloads::fetch(const HttpSource& source, const std::stop_token& stop) {
  const auto lock = store_.lock("http " + url_key(source), stop);
  if (source.checksum) {
    if (auto layer = find_checked(*source.checksum)) return *layer;  // another build was first
  }
  auto known = source.checksum ? std::nullopt : recall(source);
  if (known && !store_.find(content_record(known->content, known->mtime_s))) known.reset();
  Activity activity(progress_, "download " + shown(source));
  const PlannedLayer layer = with_context([&] { return shown(source); },
                                          [&] { return download(source, known, stop); });
  activity.succeed();
  return layer;
}

PlannedLayer HttpDownloads::download(const HttpSource& source, const std::optional<Known>& known,
                                     const std::stop_token& stop) {
  const TempDir scratch = store_.store().scratch("http");
  Arriving file(scratch.dir());
  oci::HttpRequest get = request(source, "GET", stop);
  get.into = &file;
  if (known) get.headers.emplace_back("If-None-Match", known->etag);
  const oci::HttpResponse response = send(get, [&] { file.restart(); });
  if (response.status == 304 && known) {
    return store_.find(content_record(known->content, known->mtime_s)).value();
  }
  if (response.status < 200 || response.status >= 400) {
    throw Error(response.status == 404 ? Errc::not_found : Errc::network,
                cat("invalid response status ", response.status));  // ADD-12
  }
  if (!response.ok()) file.write(as_bytes(response.body));  // a redirect that leads nowhere is an answer
  Known now;
  now.etag = response.header("etag").value_or("");
  now.mtime_s = std::max<std::int64_t>(0, oci::parse_http_date(response.header("last-modified").value_or("")).value_or(0));
  now.content = file.digest();
  if (source.checksum && now.content != *source.checksum) {  // ADD-14
    throw Error(Errc::invalid, cat("digest mismatch: ", now.content, " (expected: ", *source.checksum, ")"));
  }
  layers::Entry entry;
  entry.path = TreePath::clean(kDownloadName);
  entry.mode = kMode;
  entry.mtime = {now.mtime_s, 0};
  entry.size_bytes = file.size_bytes();
  entry.content = now.content;
  const PlannedLayer layer =
      store_.make(content_record(now.content, now.mtime_s), [&](layers::LayerWriter& writer) {
        const auto bytes = file.open();
        writer.add(entry, bytes.get());
      });
  remember(source, now);
  return layer;
}

}  // namespace cooper::builder
