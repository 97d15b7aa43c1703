// Files behind URLs (rows ADD-10 … ADD-15): downloaded to disk, checked, kept as a layer of one file.
//
// What a URL held last is remembered with its ETag: as long as the server says that it is still the same, nothing is
// transferred. What is known by its digest needs no network at all. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "builder/progress.h"
#include "builder/secret_lookup.h"
#include "builder/sources/remote_source.h"
#include "builder/sources/source_store.h"
#include "oci/http.h"

namespace cooper::builder {

struct HttpSettings {
  int retries = 3;
  std::function<void(std::chrono::milliseconds)> sleep;  // between retries; null: a sleep that the stop token ends
};

class HttpDownloads {
 public:
  HttpDownloads(SourceStore& store, Progress& progress, SecretLookup secret, HttpSettings settings);

  // Without transferring content: by its digest, or because the server says that it did not change.
  std::optional<PlannedLayer> find(const HttpSource& source, const std::stop_token& stop);
  // Error(network) "invalid response status N"; Error(invalid) with both digests when the checksum is another.
  PlannedLayer fetch(const HttpSource& source, const std::stop_token& stop);

 private:
  // What a URL held when it was last asked for.
  struct Known {
    std::string etag;
    oci::ContentDigest content;
    std::int64_t mtime_s = 0;
  };
  std::optional<Known> recall(const HttpSource& source) const;
  void remember(const HttpSource& source, const Known& known) const;
  std::optional<PlannedLayer> find_checked(const oci::ContentDigest& content) const;

  oci::HttpRequest request(const HttpSource& source, const std::string& method, const std::stop_token& stop) const;
  oci::HttpResponse send(const oci::HttpRequest& request, const std::function<void()>& begin);
  PlannedLayer download(const HttpSource& source, const std::optional<Known>& known, const std::stop_token& stop);

  SourceStore& store_;
  Progress& progress_;
  SecretLookup secret_;
  HttpSettings settings_;
  oci::HttpClient client_;
};

}  // namespace cooper::builder
