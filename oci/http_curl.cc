#include "oci/http_curl.h"

#include <dlfcn.h>

#include <string>

#include "base/error.h"

namespace cooper::oci {
namespace {

constexpr const char* kLibrary = "libcurl.so.4";  // the ABI since 7.16

template <class Function>
void find(void* library, const char* name, Function& into) {
  into = reinterpret_cast<Function>(::dlsym(library, name));
  if (into == nullptr) {
    throw Error(Errc::unsupported, cat("the libcurl of this machine is too old: it lacks ", name));
  }
}

CurlApi load() {
  // Never closed: its threads and OpenSSL's exit handlers outlive any moment we could choose.
  void* library = ::dlopen(kLibrary, RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = ::dlerror();
    throw Error(Errc::unsupported,
                cat("the network needs libcurl (package libcurl4), which cannot be loaded: ",
                    reason == nullptr ? kLibrary : reason));
  }
  CurlApi api{};
  find(library, "curl_global_init", api.global_init);
  find(library, "curl_easy_init", api.easy_init);
  find(library, "curl_easy_cleanup", api.easy_cleanup);
  find(library, "curl_easy_reset", api.easy_reset);
  find(library, "curl_easy_setopt", api.easy_setopt);
  find(library, "curl_easy_getinfo", api.easy_getinfo);
  find(library, "curl_easy_strerror", api.easy_strerror);
  find(library, "curl_slist_append", api.slist_append);
  find(library, "curl_slist_free_all", api.slist_free_all);
  find(library, "curl_multi_init", api.multi_init);
  find(library, "curl_multi_cleanup", api.multi_cleanup);
  find(library, "curl_multi_add_handle", api.multi_add_handle);
  find(library, "curl_multi_remove_handle", api.multi_remove_handle);
  find(library, "curl_multi_perform", api.multi_perform);
  find(library, "curl_multi_poll", api.multi_poll);
  find(library, "curl_multi_wakeup", api.multi_wakeup);
  find(library, "curl_multi_info_read", api.multi_info_read);
  find(library, "curl_url", api.url);
  find(library, "curl_url_set", api.url_set);
  find(library, "curl_url_get", api.url_get);
  find(library, "curl_url_cleanup", api.url_cleanup);
  find(library, "curl_free", api.free);
  if (api.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    throw Error(Errc::unsupported, "libcurl cannot be initialised");
  }
  return api;
}

}  // namespace

const CurlApi& curl() {
  static const CurlApi api = load();  // a throwing load is tried again by the next caller
  return api;
}

}  // namespace cooper::oci
