#include "builder/sandbox/ulimits.h"

#include <sys/resource.h>

#include <algorithm>
#include <iterator>

#include "base/error.h"

namespace cooper::builder {
namespace {

struct Name {
  const char* name;
  int resource;
};

constexpr Name kNames[] = {
    {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},       {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};

}  // namespace

std::vector<LimitPlan> plan_limits(const std::vector<Ulimit>& ulimits) {
  std::vector<LimitPlan> plan;
  for (const Ulimit& ulimit : ulimits) {
    const Name* known = std::find_if(std::begin(kNames), std::end(kNames),
                                     [&](const Name& name) { return ulimit.name == name.name; });
    if (known == std::end(kNames)) {
      throw Error(Errc::invalid, cat("invalid ulimit type: ", ulimit.name));
    }
    if (ulimit.soft > ulimit.hard) {
      throw Error(Errc::invalid, cat("ulimit ", ulimit.name, ": the soft limit ", ulimit.soft,
                                     " is greater than the hard limit ", ulimit.hard));
    }
    plan.push_back({known->resource, ulimit.soft, ulimit.hard});
  }
  return plan;
}

}  // namespace cooper::builder
