// Local build contexts: a directory on the host seen through its ignore file (rows IGNORE-*, CTX-03).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "layers/tree.h"
#include "parser/ignore.h"

namespace cooper::builder {

struct ContextOptions {
  std::filesystem::path directory;
  // IGNORE-01: "<this>.dockerignore" wins when it exists. Named contexts have none (IGNORE-11).
  std::optional<std::filesystem::path> dockerfile;
  layers::DigestMemory* memory = nullptr;
  int threads = 2;
  bool keep_xattrs = false;
};

// What the context's ignore file says; nullopt when it has none. Error(invalid) for a bad pattern names the file.
std::optional<parser::IgnorePatterns> read_ignore_file(const ContextOptions& options);

// `ignored` is what read_ignore_file() gave. Error(not_found) names a directory that does not exist.
std::shared_ptr<const layers::Tree> open_local_context(const ContextOptions& options,
                                                       std::optional<parser::IgnorePatterns> ignored);

}  // namespace cooper::builder
