// One exchange over one kept connection. Private to oci/http*.cc.
#pragma once

#include <memory>
#include <string>

#include "oci/http.h"
#include "oci/http_curl.h"

namespace cooper::oci {

// An easy handle with the multi handle that drives it and owns its connections. Used by one thread
// at a time. The multi interface, because curl_multi_wakeup makes cancellation immediate.
class HttpConnection {
 public:
  HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  ~HttpConnection();

  // One request, no redirects.
  HttpResponse exchange(const HttpRequest& request, const std::string& user_agent);

 private:
  CURLcode drive(const HttpRequest& request);

  CURLM* multi_ = nullptr;
  CURL* easy_ = nullptr;
};

}  // namespace cooper::oci
