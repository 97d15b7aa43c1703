// Loading archives in tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "oci/archive_reader.h"
#include "oci/archive_tar.h"

namespace cooper::tests {

using Names = std::vector<std::string>;
using Files = std::vector<std::pair<std::string, std::string>>;

inline std::vector<oci::LoadedImage> load(const std::string& archive, oci::BlobStore& into) {
  MemorySource source(archive);
  return oci::load_archive(source, into);
}

inline Names familiar(const std::vector<oci::Reference>& names) {
  Names result;
  for (const oci::Reference& name : names) result.push_back(name.familiar());
  return result;
}

inline std::string archive_of_files(const Files& files) {
  StringSink out;
  oci::ArchiveTarWriter tar(out);
  for (const auto& [name, content] : files) tar.add_file(name, content);
  tar.close();
  return out.text;
}

}  // namespace cooper::tests
