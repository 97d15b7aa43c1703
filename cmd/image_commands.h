// Commands on images of the local store and of registries. Each prints its result on stdout and throws on failure.
#pragma once

#include <string>
#include <vector>

namespace cooper::cmd {

void pull_image(const std::string& reference, const std::string& platform, int retries, const std::string& store_limit);
void push_image(const std::string& reference, const std::string& target, int retries);
void tag_image(const std::string& source, const std::string& target);
void list_images();
void remove_images(const std::vector<std::string>& references);
void inspect_image(const std::string& reference, bool raw);
void save_images(const std::vector<std::string>& references, const std::string& output, bool oci_format);
void load_images(const std::string& input, const std::string& store_limit);
void print_ast(const std::string& dockerfile);

// -- the store ------------------------------------------------------------------------------------
struct PruneFlags {
  bool all = false;
  std::string older_than;  // "48h"
  std::string keep;        // "2g"
};
void prune_store(const PruneFlags& flags);
// format: "table" or "json".
void tell_store_usage(const std::string& format, bool entries);
// Returns the exit code: 3 when something is wrong.
int verify_store(bool repair);

}  // namespace cooper::cmd
