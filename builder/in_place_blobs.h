// Layers that are read where they lie: in stores of others (COOPER_ADDITIONAL_STORES) and OCI layouts, which nobody changes while
// builds use them. Nothing is written there, and nothing believed: what is read is hashed.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "base/byte_stream.h"
#include "oci/descriptor.h"

namespace cooper::builder {

// The blob out of `directory`, a store or a layout; the read that reaches its end is Error(corrupt), naming the file, unless
// it is what the descriptor says. Null: it is not there, or not with this size. Error(denied) when it may not be read.
std::unique_ptr<ByteSource> open_in_place(const std::filesystem::path& directory, const oci::Descriptor& blob);

}  // namespace cooper::builder
