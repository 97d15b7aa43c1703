#include "parser/rules.h"

namespace cooper::parser::rules {

const Rule kStageNameCasing = {"StageNameCasing", "Stage names should be lower case",
                               "https://docs.docker.com/go/dockerfile/rule/stage-name-casing/"};

const Rule kFromAsCasing = {"FromAsCasing", "The case of 'as' should match that of 'from'",
                            "https://docs.docker.com/go/dockerfile/rule/from-as-casing/"};

const Rule kNoEmptyContinuation = {
    "NoEmptyContinuation", "A continued instruction should hold no empty line",
    "https://docs.docker.com/go/dockerfile/rule/no-empty-continuation/"};

const Rule kConsistentInstructionCasing = {
    "ConsistentInstructionCasing",
    "All keywords of a Dockerfile should have the same case, upper or lower",
    "https://docs.docker.com/go/dockerfile/rule/consistent-instruction-casing/"};

const Rule kDuplicateStageName = {
    "DuplicateStageName", "Stage names should be unique",
    "https://docs.docker.com/go/dockerfile/rule/duplicate-stage-name/"};

const Rule kReservedStageName = {"ReservedStageName",
                                 "Reserved words should not be used as stage names",
                                 "https://docs.docker.com/go/dockerfile/rule/reserved-stage-name/"};

const Rule kJsonArgsRecommended = {
    "JSONArgsRecommended",
    "CMD and ENTRYPOINT should be JSON arrays, so that the program itself receives signals",
    "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/"};

const Rule kMaintainerDeprecated = {
    "MaintainerDeprecated", "MAINTAINER is deprecated: use a label to name the author of an image",
    "https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/"};

const Rule kUndefinedArgInFrom = {
    "UndefinedArgInFrom", "FROM should use declared ARGs only",
    "https://docs.docker.com/go/dockerfile/rule/undefined-arg-in-from/"};

const Rule kWorkdirRelativePath = {
    "WorkdirRelativePath",
    "A relative WORKDIR without an absolute one before it depends on the base image",
    "https://docs.docker.com/go/dockerfile/rule/workdir-relative-path/"};

const Rule kUndefinedVar = {"UndefinedVar", "Variables should be defined before they are used",
                            "https://docs.docker.com/go/dockerfile/rule/undefined-var/"};

const Rule kMultipleInstructionsDisallowed = {
    "MultipleInstructionsDisallowed",
    "Only the last of several such instructions in a stage counts",
    "https://docs.docker.com/go/dockerfile/rule/multiple-instructions-disallowed/"};

const Rule kLegacyKeyValueFormat = {
    "LegacyKeyValueFormat", "Keys and values should be joined by '=', not by a blank",
    "https://docs.docker.com/go/dockerfile/rule/legacy-key-value-format/"};

const Rule kInvalidBaseImagePlatform = {
    "InvalidBaseImagePlatform", "The platform of the base image should be the wanted one", ""};

const Rule kRedundantTargetPlatform = {
    "RedundantTargetPlatform", "FROM --platform=$TARGETPLATFORM says what is the default anyway",
    "https://docs.docker.com/go/dockerfile/rule/redundant-target-platform/"};

const Rule kSecretsUsedInArgOrEnv = {
    "SecretsUsedInArgOrEnv", "ARG and ENV should not hold secrets",
    "https://docs.docker.com/go/dockerfile/rule/secrets-used-in-arg-or-env/"};

const Rule kInvalidDefaultArgInFrom = {
    "InvalidDefaultArgInFrom", "The defaults of global ARGs should give a valid base image name",
    "https://docs.docker.com/go/dockerfile/rule/invalid-default-arg-in-from/"};

const Rule kFromPlatformFlagConstDisallowed = {
    "FromPlatformFlagConstDisallowed", "FROM --platform should not be a constant",
    "https://docs.docker.com/go/dockerfile/rule/from-platform-flag-const-disallowed/"};

const Rule kCopyIgnoredFile = {"CopyIgnoredFile",
                               "COPY and ADD should not name files that the ignore file excludes",
                               "https://docs.docker.com/go/dockerfile/rule/copy-ignored-file/"};

const Rule kInvalidDefinitionDescription = {
    "InvalidDefinitionDescription",
    "The comment above a named stage or an ARG should read `# <name> <description>`",
    "https://docs.docker.com/go/dockerfile/rule/invalid-definition-description/"};

const Rule kExposeProtoCasing = {"ExposeProtoCasing", "The protocol in EXPOSE should be lower case",
                                 "https://docs.docker.com/go/dockerfile/rule/expose-proto-casing/"};

const Rule kExposeInvalidFormat = {
    "ExposeInvalidFormat", "EXPOSE should name neither an IP address nor a host port",
    "https://docs.docker.com/go/dockerfile/rule/expose-invalid-format/"};

}  // namespace cooper::parser::rules
