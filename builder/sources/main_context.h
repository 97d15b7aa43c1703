// The build context when it is no directory of the host: a git repository, a URL, or what comes on standard input
// (rows CTX-05 … CTX-07). Told apart by content, never by name.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "builder/materializer.h"
#include "builder/plan.h"
#include "builder/sources/source_fetcher.h"

namespace cooper::builder {

struct FetchedContext {
  SourceStep source;                          // for PlanOptions::main_context
  std::shared_ptr<const layers::Tree> files;  // of the same
  // Set when what came is no context but its Dockerfile: a file of that name, or the text over an empty context.
  std::optional<std::string> dockerfile_name;
  std::optional<std::string> dockerfile_text;
};

// A URL that holds a tar is unpacked; anything else is the Dockerfile, and the only file (CTX-07).
FetchedContext fetch_context(const RemoteSource& source, RemoteSources& sources, Materializer& materializer,
                             const std::stop_token& stop);
// A tar, plain or compressed, or a lone Dockerfile over an empty context (CTX-05).
FetchedContext stream_context(ByteSource& input, RemoteSources& sources, Materializer& materializer);

}  // namespace cooper::builder
