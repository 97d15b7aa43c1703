// Dockerfile + options -> Plan: stages, targets, ARG and ENV scoping, FROM resolution, ONBUILD, metadata.
// Touches nothing but what the resolver does. Errors are parser::DockerfileError with the instruction's range.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "builder/plan.h"
#include "builder/sources/named_context.h"
#include "oci/platform.h"
#include "parser/dockerfile.h"
#include "parser/findings.h"
#include "parser/ignore.h"

namespace cooper::builder {

struct ResolvedBase {
  std::string resolved;  // docker.io/library/busybox:latest@sha256:…
  oci::ImageConfig config;
  std::vector<PlannedLayer> layers;  // bottom first; as many as config.diff_ids
  bool known = true;                 // false: the image could not be looked at, all of this stands in for it
};

// Images by reference, or by "oci-layout://PATH[:TAG][@DIGEST]". Implementations pull manifests and configs, never
// layers.
class BaseResolver {
 public:
  virtual ~BaseResolver() = default;
  virtual ResolvedBase resolve(const std::string& reference, const oci::Platform& platform) = 0;
};

struct PlanOptions {
  std::vector<std::string> targets;  // none: the last stage
  bool every_stage = false;          // stages that no target needs are planned, too (CHECK-27)
  std::map<std::string, std::string> build_args;
  oci::Platform build_platform;   // the builder's own
  oci::Platform target_platform;
  bool platform_given = false;  // --platform: the image's config names it, whatever the base says (PLAT-06)
  // Several: the file is planned for each and the result is an index of them in this order (PLAT-05). Steps that come
  // out the same, as those of a $BUILDPLATFORM stage, are one. With one or none, target_platform says it all.
  std::vector<oci::Platform> platforms;
  bool show_platforms = false;  // names of steps begin with their platform (ERR-04); set for several
  std::map<std::string, std::string> labels;  // --label: applied last (LABEL-03)
  bool no_cache = false;
  std::vector<std::string> no_cache_stages;   // --no-cache-filter, any case
  std::optional<Network> network;             // --network
  std::vector<ExtraHost> extra_hosts;
  std::vector<Ulimit> ulimits;                // the last of several of one name counts
  std::uint64_t shm_bytes = std::uint64_t{64} << 20;
  std::vector<std::string> allowed;           // entitlements: network.host, security.insecure
  NamedContexts named_contexts;               // --build-context
  std::optional<SourceStep> main_context;     // when it is no directory of the host
  std::optional<std::int64_t> context_time;   // what SOURCE_DATE_EPOCH=context means; a local directory has none
  bool context_time_unknown = false;          // it has one, and nobody can tell it
  // The main context's ignore file, asked for when COPY or ADD reads from there (CHECK-19); may give nullptr.
  std::function<const parser::IgnorePatterns*()> ignored;
};

// DIR-06, DIR-07: `syntax` is what names a frontend (parser::find_syntax); BUILDKIT_SYNTAX among the build arguments
// counts before it. The usual frontend's names mean us; Error(unsupported) for any other, which may read another language.
void check_frontend(std::string syntax, const std::map<std::string, std::string>& build_args,
                    parser::SourceRange range = {});

// findings: what the lint rules say of the file and of the stages that are planned; kept when planning fails.
Plan make_plan(const parser::Dockerfile& dockerfile, const PlanOptions& options, BaseResolver& resolver,
               parser::Findings& findings);

}  // namespace cooper::builder
