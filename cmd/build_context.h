// Where a build's files come from: the main context, the named ones, and the Dockerfile among them.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "builder/sources/main_context.h"
#include "builder/sources/named_context.h"
#include "cmd/build_flags.h"
#include "layers/digest_memory.h"

namespace cooper::cmd {

// The main context as typed: a directory, "-", a git repository or a URL (CTX-05 … CTX-07).
struct MainContext {
  std::optional<std::filesystem::path> directory;
  bool standard_input = false;
  std::optional<builder::RemoteSource> remote;
};
// A directory of that name comes before anything it could mean otherwise.
MainContext read_main_context(const BuildFlags& flags, const std::map<std::string, std::string>& build_args);
// CTX-08, CTX-11: nothing is opened.
builder::NamedContexts read_named_contexts(const BuildFlags& flags);
// What git and downloads may know of this machine and user.
builder::SourceSettings source_settings(const BuildFlags& flags, const MainContext& context);

struct DockerfileText {
  std::string shown_name;                     // for messages: "Dockerfile"
  std::optional<std::filesystem::path> path;  // nullopt: no file of the host
  std::string text;
};
bool is_url(const std::string& text);
// Whether reading it takes a fetched context, or a download (-f URL): else it can be read before any store is open.
bool dockerfile_is_local(const BuildFlags& flags, const MainContext& context);
// CTX-01, CTX-02; Containerfile after Dockerfile. `fetched`: the main context, when it is no directory.
DockerfileText read_dockerfile(const BuildFlags& flags, const builder::FetchedContext* fetched);
// Its text, whatever it came from, held to what every Dockerfile must be.
DockerfileText checked_dockerfile(DockerfileText file);

// Remembered file digests of the contexts of one build, one packed record file per context directory.
class ContextDigests {
 public:
  layers::DigestMemory* open(cache::Store& store, const std::filesystem::path& context, layers::Recall recall);
  std::size_t unsaved() const;
  void save();

 private:
  std::vector<std::unique_ptr<Dir>> directories_;  // borrowed by the memories
  std::vector<std::unique_ptr<layers::PackedDigestMemory>> memories_;
};

}  // namespace cooper::cmd
