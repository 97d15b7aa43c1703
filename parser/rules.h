// The lint rules as data (rows CHECK-*). To add one: an entry here, and a report() where it shows, in parser/lint.cc if
// the text alone tells, in builder/ if variables or images must be known.
#pragma once

#include <string>
#include <string_view>

namespace cooper::parser {

struct Rule {
  std::string_view name;         // "StageNameCasing"
  std::string_view description;  // what the rule wants
  std::string_view message;      // about one place; each "{}" is a part that report() gives
  bool experimental = false;     // off unless asked for
  bool has_page = true;          // is described at url_of()
};

// The address of the rule's page, which ends in its name as words with dashes (CHECK-23); "" if it has none.
std::string url_of(const Rule& rule);

namespace rules {

inline constexpr Rule kStageNameCasing = {
    "StageNameCasing", "Names of stages should be in lower case",
    "The stage name '{}' should be in lower case"};
inline constexpr Rule kFromAsCasing = {
    "FromAsCasing", "FROM and AS should be written in the same case",
    "'{}' does not have the case of '{}'"};
inline constexpr Rule kNoEmptyContinuation = {
    "NoEmptyContinuation", "A continued instruction should hold no empty line",
    "An empty line stands inside a continued instruction"};
inline constexpr Rule kConsistentInstructionCasing = {
    "ConsistentInstructionCasing", "All keywords of a Dockerfile should have the same case, upper or lower",
    "The keyword '{}' should be in {} case, like the others of this file"};
inline constexpr Rule kDuplicateStageName = {
    "DuplicateStageName", "Names of stages should be unique", "An earlier stage is named '{}', too"};
inline constexpr Rule kReservedStageName = {
    "ReservedStageName", "A stage should not have a reserved name", "The stage name '{}' is reserved"};
inline constexpr Rule kJsonArgsRecommended = {
    "JSONArgsRecommended", "CMD and ENTRYPOINT should be JSON arrays, so that the program itself receives signals",
    "JSON arguments are recommended for {}: a shell does not pass signals on to the program"};
inline constexpr Rule kMaintainerDeprecated = {
    "MaintainerDeprecated", "MAINTAINER is deprecated: a label names the author of an image",
    "MAINTAINER is deprecated, use a LABEL"};
inline constexpr Rule kUndefinedArgInFrom = {
    "UndefinedArgInFrom", "FROM should use no ARG but those declared above the first FROM",
    "FROM uses the argument '{}', which is not declared"};
inline constexpr Rule kWorkdirRelativePath = {
    "WorkdirRelativePath", "A relative WORKDIR with no absolute one before it depends on the base image",
    "The relative WORKDIR '{}' depends on what the base image is set to"};
inline constexpr Rule kUndefinedVar = {
    "UndefinedVar", "Variables should be defined before they are used", "The variable '${}' is not defined"};
inline constexpr Rule kMultipleInstructionsDisallowed = {
    "MultipleInstructionsDisallowed", "A stage should hold CMD, ENTRYPOINT and HEALTHCHECK once at most",
    "A later {} in this stage replaces this one"};
inline constexpr Rule kLegacyKeyValueFormat = {
    "LegacyKeyValueFormat", "Keys and values should be joined by '=', not by a blank",
    "The legacy format \"{} key value\" should be \"{} key=value\""};
inline constexpr Rule kInvalidBaseImagePlatform = {
    "InvalidBaseImagePlatform", "The platform of a base image should be the one that was asked for",
    "The base image {} has the platform \"{}\", this build expects \"{}\"", false, false};
inline constexpr Rule kRedundantTargetPlatform = {
    "RedundantTargetPlatform", "FROM --platform=$TARGETPLATFORM says what holds anyway",
    "--platform={} is redundant, it is the default"};
inline constexpr Rule kSecretsUsedInArgOrEnv = {
    "SecretsUsedInArgOrEnv", "ARG and ENV should hold no secrets: both can be read from the image",
    "{} \"{}\" looks like a secret, and can be read from the image"};
inline constexpr Rule kInvalidDefaultArgInFrom = {
    "InvalidDefaultArgInFrom", "The defaults of the ARGs in FROM should give a valid base image name",
    "The ARG defaults in '{}' give no valid base image name"};
inline constexpr Rule kFromPlatformFlagConstDisallowed = {
    "FromPlatformFlagConstDisallowed", "FROM --platform should not be a constant",
    "FROM --platform has the constant value \"{}\""};
inline constexpr Rule kCopyIgnoredFile = {
    "CopyIgnoredFile", "COPY and ADD should name no file that the ignore file excludes",
    "{} names \"{}\", which .dockerignore excludes"};
inline constexpr Rule kInvalidDefinitionDescription = {
    "InvalidDefinitionDescription",
    "The comment above a named stage or an ARG should read `# <name> <description>`; an empty line with `#` keeps other "
    "comments apart",
    "The comment above this {} should read `# {} <description>`", true};
inline constexpr Rule kExposeProtoCasing = {
    "ExposeProtoCasing", "The protocol in EXPOSE should be in lower case",
    "The protocol of the port '{}' should be in lower case"};
inline constexpr Rule kExposeInvalidFormat = {
    "ExposeInvalidFormat", "EXPOSE should name neither an IP address nor a host port",
    "'{}' names an IP address or a host port, which EXPOSE does not publish"};

}  // namespace rules
}  // namespace cooper::parser
