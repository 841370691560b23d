// The task graph: the narrow waist. Left of it, code knows Mixture-of-Experts; right of it, only
// time and resources.
//
// A node is one operation of a group of GPUs and lives on each of them: (node, gpu) starts when all
// that it comes after has ended *on that GPU*, and ends by itself. So ranks drift apart, and meet
// only where an exchange makes them wait for each other.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sim/base/ids.hpp"
#include "sim/base/units.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/cost_model.hpp"

namespace moesim {

enum class Phase {
  kAttention,
  kGate,
  kDispatch,
  kExperts,
  kCombine,
  kShared,
  kDense,
  kMigration,
  kCollective,  // of groups that share weights
  kOffload,     // of experts that are not in the GPU's memory
  kLaunch,      // of a host that launches kernels
  kPipeline,    // activations and their gradients between pipeline stages
  kGradient,    // gradients that replicas of weights reduce, and weights that they gather
  kOptimizer,
  kKv,  // KV cache of prompts, on its way to the GPUs that decode
  kWait,
  kCount
};
inline constexpr int kPhases = static_cast<int>(Phase::kCount);
const char* to_string(Phase phase);  // "attention", …

// The stream of what a GPU's host does.
inline constexpr int kHostStream = 7;

// A kernel on each GPU. Kernels of one (gpu, stream) run one at a time, in the order they become
// ready.
struct Compute {
  IdVector<GpuId, KernelTime> time;  // [gpus]; a zero time ends at once
  int stream = 0;                    // 0 = main; others run beside it
  Phase phase = Phase::kDense;
};

// One point-to-point copy. It starts on `source` when the node is ready there, and ends on
// `target`; on every other GPU the node ends as soon as it is ready.
struct Transfer {
  GpuId source, target;
  Bytes size;
  Phase phase = Phase::kMigration;
  // Where one of them is not a GPU's memory, it is of the GPU's node, and source = target: the GPU
  // that has the copy made.
  Store from = Store::kGpu, to = Store::kGpu;
};

// Nothing but a wait: on `gpus` it ends when the producer releases it there (Engine::release), on
// others at once. The time in which a GPU is held counts to the phase.
struct Hold {
  std::vector<GpuId> gpus;
  Phase phase = Phase::kOffload;
};

using ByteMatrix =
    IdMatrix<GpuId, GpuId, double>;  // bytes, [source × target]; the diagonal is local

// One hop of an all-to-all. What a GPU receives in a leg and must forward is sent in the next leg.
struct ExchangeLeg {
  ByteMatrix bytes;              // payload
  double network_inflation = 1;  // wire time per payload time on routes that cross a NIC; ≥ 1
  double local_inflation = 1;    // the same on routes inside an NVLink domain
  RouteRule rule = RouteRule::kDirect;
};

enum class Coupling {
  kCutThrough,  // a leg's flows start with the rank; they end no earlier than what they forward
  kStoreAndForward,  // a leg's flows leave a GPU when everything of the leg before has reached it
};
enum class WaitFor { kOwn, kNode, kAll };  // tokens that must be there before a GPU goes on
enum class PeerOrder { kShifted, kAscending, kRandom };

// How many peers a sender serves at once (0 = all), and in which order: `kShifted` is s+1, s+2, ….
struct Schedule {
  int window = 0;
  PeerOrder order = PeerOrder::kShifted;
};

// An all-to-all. Each source starts, and each target ends, at its own time. "Every rank" is every
// GPU of the own group.
struct Exchange {
  std::vector<ExchangeLeg> legs;
  // Disjoint groups that exchange among themselves; a GPU of none has no part in it, and its node
  // ends as soon as it is ready. None: one group of all GPUs.
  std::vector<std::vector<GpuId>> groups = {};
  Coupling coupling = Coupling::kCutThrough;
  Seconds start_up;         // between a rank's start and its first byte
  Seconds notify;           // after the rendezvous, before the start-up
  bool rendezvous = false;  // no byte flows before every rank has arrived
  bool signals = false;     // a target also waits for a signal (no bytes) from every rank
  int sms = 0;  // taken from compute on a GPU while its part of the exchange is under way
  Schedule schedule;
  WaitFor wait_for = WaitFor::kOwn;
  Phase phase = Phase::kDispatch;
};

// A collective of NCCL or of a framework among GPUs that call it together. It enters a graph as the
// exchange that collective_exchange.hpp expands it to.
struct Collective {
  std::vector<GpuId> group;  // as many in each NVLink domain; a broadcast starts at the first
  CollectiveKind kind = CollectiveKind::kAllReduce;
  Bytes size;  // as nccl-tests counts it (collective.hpp)
  std::string library = "nccl";
  int sms = 0;  // taken from compute
  Phase phase = Phase::kDense;
};

using Operation = std::variant<Compute, Transfer, Exchange, Hold>;

// A pass over a layer in a step: each micro-batch has its own, and its backward pass another.
struct LayerPass {
  int layer = -1;  // MoE layer; −1 = none
  int pass = 0;
};

struct TaskNode {
  Operation operation;
  std::vector<int> after;                // other nodes of the same fragment, on the same GPU
  std::string label = {};                // for the timeline; the phase's name if empty
  std::vector<int> after_previous = {};  // nodes of the producer's fragment before, on the same GPU
  std::optional<LayerPass> own = {};     // where it is not the fragment's
};

// A piece of work, usually one layer of one step. A node without successors is an exit. Fragments
// of one producer follow each other: an entry, which comes after nothing, starts on a GPU when all
// exits of the fragment before have ended on that GPU. Nodes that name what they come after in the
// fragment before wait for that alone, so that two fragments can overlap on a GPU.
struct TaskGraph {
  std::vector<TaskNode> nodes;
  int step = 0;
  int layer = -1;  // MoE layer of the fragment; −1 = none
  int pass = 0;    // as of a LayerPass
  int add(Operation operation, std::vector<int> after = {}, std::string label = {}) {
    nodes.push_back({std::move(operation), std::move(after), std::move(label)});
    return static_cast<int>(nodes.size()) - 1;
  }
};

// Two fragments that would follow each other, as one.
TaskGraph joined(TaskGraph first, TaskGraph second);

}  // namespace moesim
