// Runs the nodes of a DAG, each once, as soon as its inputs are done.
//
// A node's work may wait (a RUN that sleeps), so workers are bounded by kMaxWorkers and not by cores; a chain of nodes
// runs on one thread. The first failure stops the rest: `stop` is requested, running nodes are expected to end soon,
// waiting ones never start, and the failure is rethrown once everything has come to rest.
#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>
#include <vector>

namespace cooper::builder {

constexpr std::size_t kMaxWorkers = 64;

struct DagNode {
  std::vector<std::size_t> inputs;  // indices of nodes that come first; all smaller than the node's own
  bool done = false;                // true: nothing to run, counts as finished from the start
};

// work(index, stop): called at most once for each node that is not done. outside: an external request to stop; then
// the result is Error(cancelled), unless a node had failed before.
void run_dag(const std::vector<DagNode>& nodes, std::stop_token outside,
             const std::function<void(std::size_t node, std::stop_token stop)>& work);

}  // namespace cooper::builder
