#include "oci/http_transfer.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstring>
#include <exception>

#include "base/stop.h"
#include "oci/http_url.h"

namespace cooper::oci {
namespace {

constexpr std::size_t kMaxHeaderBytes = 256 * 1024;
constexpr long kReadBufferBytes = 256 * 1024;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

// What the C callbacks share. No exception may cross curl, so a callback keeps it here and reports
// failure; exchange() throws it again.
struct Transfer {
  const HttpRequest& request;
  HttpResponse response;
  std::unique_ptr<ByteSource> body;
  std::uint64_t body_left_bytes = 0;
  std::exception_ptr failure;
  std::size_t header_bytes = 0;
  bool head_seen = false;
  bool cut = false;  // enough of an error's body was kept

  void head() {
    if (std::exchange(head_seen, true) || !response.ok() || !request.on_head) return;
    request.on_head(response);
  }

  void header_line(std::string_view line) {
    header_bytes += line.size();
    if (header_bytes > kMaxHeaderBytes) {
      throw Error(Errc::network,
                  cat("the headers of ", redacted_url(request.url), " are too long"));
    }
    if (line.starts_with("HTTP/")) {  // of 100 Continue first, perhaps
      const std::size_t space = line.find(' ');
      response.headers.clear();
      response.status =
          space == std::string_view::npos ? 0 : std::atoi(std::string(line.substr(space)).c_str());
      return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    response.headers.emplace(lower(trim(line.substr(0, colon))), trim(line.substr(colon + 1)));
  }

  void open_body() {
    body = request.body->open();
    body_left_bytes = request.body->size_bytes;
  }

  std::size_t read_body(std::span<std::byte> into) {
    const std::size_t count = body->read(into);
    if (count == 0 && body_left_bytes > 0) {  // the server would wait for the rest
      throw Error(Errc::corrupt, cat("what is sent to ", redacted_url(request.url), " ends ",
                                     body_left_bytes, " bytes early"));
    }
    body_left_bytes -= std::min<std::uint64_t>(count, body_left_bytes);
    return count;
  }

  // False: stop here, the answer is good as it is.
  bool body_bytes(std::string_view text) {
    head();
    if (response.ok() && request.into != nullptr) {
      request.into->write(as_bytes(text));
      return true;
    }
    const std::size_t room = request.body_limit_bytes - response.body.size();
    response.body.append(text.substr(0, room));
    if (text.size() <= room) return true;
    if (response.ok()) {
      throw Error(Errc::network, cat("the answer of ", redacted_url(request.url),
                                     " is larger than ", request.body_limit_bytes, " bytes"));
    }
    cut = true;
    return false;
  }
};

std::size_t on_header(char* text, std::size_t, std::size_t size, void* user) noexcept {
  auto& transfer = *static_cast<Transfer*>(user);
  try {
    transfer.header_line({text, size});
    return size;
  } catch (...) {  // rethrown by exchange()
    transfer.failure = std::current_exception();
    return 0;
  }
}

std::size_t on_body(char* text, std::size_t, std::size_t size, void* user) noexcept {
  auto& transfer = *static_cast<Transfer*>(user);
  try {
    return transfer.body_bytes({text, size}) ? size : CURL_WRITEFUNC_ERROR;
  } catch (...) {  // rethrown by exchange()
    transfer.failure = std::current_exception();
    return CURL_WRITEFUNC_ERROR;
  }
}

std::size_t on_read(char* into, std::size_t, std::size_t size, void* user) noexcept {
  auto& transfer = *static_cast<Transfer*>(user);
  try {
    return transfer.read_body(std::as_writable_bytes(std::span(into, size)));
  } catch (...) {  // rethrown by exchange()
    transfer.failure = std::current_exception();
    return CURL_READFUNC_ABORT;
  }
}

// libcurl asks for the start of the body again when a kept connection turns out to be dead.
int on_seek(void* user, curl_off_t offset, int origin) noexcept {
  auto& transfer = *static_cast<Transfer*>(user);
  if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  try {
    transfer.open_body();
    return CURL_SEEKFUNC_OK;
  } catch (...) {  // rethrown by exchange()
    transfer.failure = std::current_exception();
    return CURL_SEEKFUNC_FAIL;
  }
}

// Close-on-exec from birth: no step may inherit a connection.
curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) noexcept {
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

class HeaderList {
 public:
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() { curl().slist_free_all(list_); }
  void add(const std::string& line) {
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      // Anything else would let a value from outside write headers of its own.
      throw Error(Errc::invalid, "a line break in an HTTP header");
    }
    curl_slist* longer = curl().slist_append(list_, line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    list_ = longer;
  }
  curl_slist* get() const noexcept { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  const CURLcode code = curl().easy_setopt(easy, option, value);
  if (code != CURLE_OK) {
    throw Error(Errc::unsupported, cat("libcurl refuses option ", static_cast<int>(option), ": ",
                                       curl().easy_strerror(code)));
  }
}

void set_tls(CURL* easy, const TlsOptions& tls) {
  if (tls.insecure) {
    set(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    set(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (!tls.ca_file.empty()) set(easy, CURLOPT_CAINFO, tls.ca_file.c_str());
  if (!tls.client_certificate.empty()) set(easy, CURLOPT_SSLCERT, tls.client_certificate.c_str());
  if (!tls.client_key.empty()) set(easy, CURLOPT_SSLKEY, tls.client_key.c_str());
}

void set_method(CURL* easy, const HttpRequest& request, Transfer& transfer) {
  if (request.method == "HEAD") set(easy, CURLOPT_NOBODY, 1L);
  if (request.body) {
    transfer.open_body();
    set(easy, CURLOPT_UPLOAD, 1L);
    set(easy, CURLOPT_UPLOAD_BUFFERSIZE, kReadBufferBytes);
    set(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body->size_bytes));
    set(easy, CURLOPT_READFUNCTION, &on_read);
    set(easy, CURLOPT_READDATA, &transfer);
    set(easy, CURLOPT_SEEKFUNCTION, &on_seek);
    set(easy, CURLOPT_SEEKDATA, &transfer);
  }
  if (request.method != "GET" && request.method != "HEAD") {
    set(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
}

void set_headers(CURL* easy, const HttpRequest& request, HeaderList& headers) {
  headers.add("Expect:");  // no second of waiting for 100 Continue: most registries never send it
  for (const auto& [name, value] : request.headers) headers.add(name + ": " + value);
  if (request.range_from) headers.add(cat("Range: bytes=", *request.range_from, "-"));
  set(easy, CURLOPT_HTTPHEADER, headers.get());
}

void set_common(CURL* easy, const HttpRequest& request, const std::string& user_agent,
                Transfer& transfer) {
  set(easy, CURLOPT_URL, request.url.c_str());
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(easy, CURLOPT_USERAGENT, user_agent.c_str());
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(easy, CURLOPT_BUFFERSIZE, kReadBufferBytes);
  set(easy, CURLOPT_CONNECTTIMEOUT, static_cast<long>(request.connect_timeout_s));
  set(easy, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  // This machine is reached without help, as Go's and so docker's clients do it.
  if (is_loopback(authority_of(request.url))) set(easy, CURLOPT_PROXY, "");
  if (request.undo_gzip) set(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  set(easy, CURLOPT_HEADERFUNCTION, &on_header);
  set(easy, CURLOPT_HEADERDATA, &transfer);
  set(easy, CURLOPT_WRITEFUNCTION, &on_body);
  set(easy, CURLOPT_WRITEDATA, &transfer);
}

std::string os_reason(CURL* easy) {
  long errnum = 0;
  curl().easy_getinfo(easy, CURLINFO_OS_ERRNO, &errnum);
  if (errnum == 0) return "no answer";
  std::string text = std::strerror(static_cast<int>(errnum));
  text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

[[noreturn]] void throw_transport(CURL* easy, CURLcode code, const char* detail,
                                  const HttpRequest& request) {
  using Kind = TransportError::Kind;
  const std::string authority = authority_of(request.url);
  std::string reason = *detail != '\0' ? detail : curl().easy_strerror(code);
  // What OpenSSL makes of an HTTP answer to its greeting.
  if (reason.find("wrong version number") != std::string::npos) reason = "it does not speak TLS";
  double connected_s = 0;
  curl().easy_getinfo(easy, CURLINFO_CONNECT_TIME, &connected_s);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      throw TransportError(Kind::resolve, cat("connecting to ", authority, ": no such host"));
    case CURLE_COULDNT_RESOLVE_PROXY:
      throw TransportError(Kind::resolve, cat("connecting to ", authority, ": no such proxy host"));
    case CURLE_COULDNT_CONNECT:
      throw TransportError(Kind::connect, cat("connecting to ", authority, ": ", os_reason(easy)));
    case CURLE_OPERATION_TIMEDOUT:
      if (connected_s == 0) {
        throw TransportError(Kind::connect, cat("connecting to ", authority, ": no answer within ",
                                                request.connect_timeout_s, " s"));
      }
      throw TransportError(Kind::transfer,
                           cat(request.method, " ", redacted_url(request.url), ": ", reason));
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CIPHER:
      throw TransportError(Kind::tls, cat("connecting to ", authority, ": ", reason));
    default:
      throw TransportError(Kind::transfer,
                           cat(request.method, " ", redacted_url(request.url), ": ", reason));
  }
}

// Notices that nothing moves. libcurl's own low-speed limit averages over its last five seconds.
class IdleWatch {
 public:
  IdleWatch(CURL* easy, const HttpRequest& request) : easy_(easy), request_(request) {}

  void check() {
    const curl_off_t moved = progress();
    const Clock::time_point now = Clock::now();
    if (moved != seen_) {
      seen_ = moved;
      since_ = now;
    } else if (now - since_ >= std::chrono::seconds(request_.idle_timeout_s)) {
      throw TransportError(TransportError::Kind::transfer,
                           cat(request_.method, " ", redacted_url(request_.url),
                               ": nothing moved for ", request_.idle_timeout_s, " s"));
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  // Grows with every byte either way; being connected counts too (until then CONNECTTIMEOUT rules).
  curl_off_t progress() const {
    curl_off_t connected_us = 0;
    curl_off_t sent = 0;
    curl_off_t received = 0;
    long header_bytes = 0;
    curl().easy_getinfo(easy_, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
    curl().easy_getinfo(easy_, CURLINFO_SIZE_UPLOAD_T, &sent);
    curl().easy_getinfo(easy_, CURLINFO_SIZE_DOWNLOAD_T, &received);
    curl().easy_getinfo(easy_, CURLINFO_HEADER_SIZE, &header_bytes);
    return connected_us == 0 ? seen_ + 1 : sent + received + header_bytes;
  }

  CURL* easy_;
  const HttpRequest& request_;
  curl_off_t seen_ = -1;
  Clock::time_point since_ = Clock::now();
};

}  // namespace

HttpConnection::HttpConnection() : multi_(curl().multi_init()), easy_(curl().easy_init()) {
  if (multi_ == nullptr || easy_ == nullptr) {
    if (easy_ != nullptr) curl().easy_cleanup(easy_);
    if (multi_ != nullptr) curl().multi_cleanup(multi_);
    throw std::bad_alloc();
  }
}

HttpConnection::~HttpConnection() {
  curl().easy_cleanup(easy_);
  curl().multi_cleanup(multi_);
}

CURLcode HttpConnection::drive(const HttpRequest& request) {
  // Reset by the destructor on every way out; the callbacks' Transfer is about to go.
  struct Attached {
    CURLM* multi;
    CURL* easy;
    Attached(CURLM* multi_handle, CURL* easy_handle) : multi(multi_handle), easy(easy_handle) {
      curl().multi_add_handle(multi, easy);
    }
    ~Attached() { curl().multi_remove_handle(multi, easy); }
  } const attached(multi_, easy_);
  const std::stop_callback wake(request.stop, [this] { curl().multi_wakeup(multi_); });
  IdleWatch idle(easy_, request);
  for (;;) {
    int running = 0;
    if (curl().multi_perform(multi_, &running) != CURLM_OK) return CURLE_FAILED_INIT;
    int left = 0;
    while (const CURLMsg* message = curl().multi_info_read(multi_, &left)) {
      if (message->msg == CURLMSG_DONE) return message->data.result;
    }
    end_if_stopped(request.stop);
    idle.check();
    if (curl().multi_poll(multi_, nullptr, 0, 1000, nullptr) != CURLM_OK) return CURLE_FAILED_INIT;
  }
}

HttpResponse HttpConnection::exchange(const HttpRequest& request, const std::string& user_agent) {
  std::array<char, CURL_ERROR_SIZE> detail{};
  Transfer transfer{request};
  transfer.response.url = request.url;
  HeaderList headers;
  struct Forget {  // the pointers into this frame, on every way out
    CURL* easy;
    ~Forget() { curl().easy_reset(easy); }
  } const forget{easy_};
  set(easy_, CURLOPT_ERRORBUFFER, detail.data());
  set_common(easy_, request, user_agent, transfer);
  set_tls(easy_, request.tls);
  set_method(easy_, request, transfer);
  set_headers(easy_, request, headers);
  const CURLcode code = drive(request);
  if (transfer.failure) std::rethrow_exception(transfer.failure);
  if (code != CURLE_OK && !transfer.cut) throw_transport(easy_, code, detail.data(), request);
  transfer.head();
  return std::move(transfer.response);
}

}  // namespace cooper::oci
