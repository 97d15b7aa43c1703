// Commands on images of the local store and of registries. Each prints its result on stdout and throws on failure. A
// local image is a name, an ID, a digest or the beginning of one (local_images.h).
#pragma once

#include <string>
#include <vector>

namespace cooper::cmd {

// What is got into the store; quiet: the result alone is told.
struct FetchFlags {
  std::string platform;  // "": this machine's
  std::string store_limit;
  int retries = 3;
  bool quiet = false;
};
void pull_image(const std::string& reference, const FetchFlags& flags);
// target: the name to push it under; "": its own.
void push_image(const std::string& image, const std::string& target, int retries, bool quiet);
void tag_image(const std::string& source, const std::string& target, int retries);
// name: "": every one; a repository, or one name of it. ids: each image's ID, once, and nothing else. all: also what was
// built without a name.
void list_images(const std::string& name, bool ids, bool all);
// By ID or digest: the image's one name; with force all that it has, and then nobody is told off for one that is absent.
void remove_images(const std::vector<std::string>& images, bool force);
void inspect_image(const std::string& image, bool raw);
void save_images(const std::vector<std::string>& images, const std::string& output, bool oci_format, int retries);
void load_images(const std::string& input, const FetchFlags& flags);
void print_ast(const std::string& dockerfile);

// -- the store ------------------------------------------------------------------------------------
struct PruneFlags {
  bool all = false;
  bool keep_names = false;  // all the same
  std::string older_than;  // "48h"
  std::string keep;        // "2g"
};
void prune_store(const PruneFlags& flags);
// format: "table" or "json".
void tell_store_usage(const std::string& format, bool entries);
// Returns the exit code: 3 when something is wrong.
int verify_store(bool repair);

}  // namespace cooper::cmd
