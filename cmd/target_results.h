// Where each target's result goes: -t, -o, --push, --iidfile and --metadata-file, for one target or several.
//
// "{target}" in any of them stands for the name of the target in lower case. With several targets every name and file must hold it,
// so that no result takes another's place; a directory without it gets one directory per target.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "builder/assemble.h"
#include "builder/export.h"
#include "layers/compression.h"
#include "oci/reference.h"

namespace cooper::cmd {

struct BuildFlags;

struct TargetResult {
  std::string target;  // as given; "" if none was named
  std::vector<oci::Reference> names;
  std::vector<builder::Output> outputs;
  std::string iid_file;       // "" if not asked for
  std::string metadata_file;  // the same
};

struct Results {
  std::vector<TargetResult> targets;  // one at least, each once, in the order of --target
  std::optional<layers::CompressionSpec> compression;
};

// Error(invalid) for what is malformed, or would write one result over another; Error(unsupported) for a form that
// can't hold so many platforms.
Results read_results(const BuildFlags& flags, std::size_t platforms);

struct ResultFile {
  std::string path;
  std::string content;
};

// The files that --iidfile and --metadata-file ask for; images are those of the targets, in their order. Targets that
// share one metadata file are told of in it by name.
std::vector<ResultFile> result_files(const std::vector<TargetResult>& targets, const std::vector<builder::AssembledImage>& images);

}  // namespace cooper::cmd
