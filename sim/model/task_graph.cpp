#include "sim/model/task_graph.hpp"

namespace moesim {

const char* to_string(Phase phase) {
  switch (phase) {
    case Phase::kAttention:
      return "attention";
    case Phase::kGate:
      return "gate";
    case Phase::kDispatch:
      return "dispatch";
    case Phase::kExperts:
      return "experts";
    case Phase::kCombine:
      return "combine";
    case Phase::kShared:
      return "shared";
    case Phase::kDense:
      return "dense";
    case Phase::kMigration:
      return "migration";
    case Phase::kCollective:
      return "collectives";
    case Phase::kOffload:
      return "offload";
    case Phase::kWait:
      return "wait";
    case Phase::kCount:
      break;
  }
  return "";
}

}  // namespace moesim
