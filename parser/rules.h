// The lint rules as data (rows CHECK-*): those found while parsing and those that need evaluation.
#pragma once

#include <span>
#include <string_view>

#include "parser/source.h"

namespace cooper::parser {

namespace rules {
extern const Rule kStageNameCasing;
extern const Rule kFromAsCasing;
extern const Rule kNoEmptyContinuation;
extern const Rule kConsistentInstructionCasing;
extern const Rule kDuplicateStageName;
extern const Rule kReservedStageName;
extern const Rule kJsonArgsRecommended;
extern const Rule kMaintainerDeprecated;
extern const Rule kUndefinedArgInFrom;
extern const Rule kWorkdirRelativePath;
extern const Rule kUndefinedVar;
extern const Rule kMultipleInstructionsDisallowed;
extern const Rule kLegacyKeyValueFormat;
extern const Rule kInvalidBaseImagePlatform;
extern const Rule kRedundantTargetPlatform;
extern const Rule kSecretsUsedInArgOrEnv;
extern const Rule kInvalidDefaultArgInFrom;
extern const Rule kFromPlatformFlagConstDisallowed;
extern const Rule kCopyIgnoredFile;
extern const Rule kInvalidDefinitionDescription;  // experimental: off unless asked for
extern const Rule kExposeProtoCasing;
extern const Rule kExposeInvalidFormat;
}  // namespace rules

}  // namespace cooper::parser
