// Named build contexts: NAME=VALUE (rows CTX-08 … CTX-14). What a value means, and which name a word of the Dockerfile
// finds. Nothing is opened or fetched here.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "builder/sources/remote_source.h"
#include "oci/platform.h"

namespace cooper::builder {

struct NamedContext {
  enum class Kind {
    directory,  // value: its path on the host
    image,      // value: a reference, "oci-layout://PATH[:TAG][@DIGEST]", or "scratch"
    remote,     // a git repository or a URL
    stage,      // value: a stage of the same Dockerfile
  };
  Kind kind = Kind::directory;
  std::string value;
  std::optional<RemoteSource> remote;
};

// By name as context_name() spells it.
using NamedContexts = std::map<std::string, NamedContext>;

// CTX-10: "docker.io/library/alpine:latest" is "alpine"; "alpine::linux/arm64" is for that platform only. Error(invalid)
// "invalid context name".
std::string context_name(const std::string& written);
// Error(invalid) "unsupported context source" for a scheme that is none of ours (CTX-08).
NamedContext parse_named_context(const std::string& name, const std::string& value);

// The context that answers for `word` in a build for `platform`; nullptr when none does. Never for "scratch" and
// "context" (CTX-12).
struct FoundContext {
  const std::string* name = nullptr;
  const NamedContext* context = nullptr;
};
FoundContext find_context(const NamedContexts& contexts, const std::string& word, const oci::Platform& platform);

}  // namespace cooper::builder
