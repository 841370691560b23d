// How a deployment serves requests, whichever policies decide in it.
#pragma once

#include <cstdint>

#include "sim/base/units.hpp"
#include "sim/model/service_targets.hpp"

namespace moesim {

// What happens when the KV caches of a rank's requests have no more room.
enum class KvPolicy {
  kReserve,    // it cannot: a request is admitted with room for its whole answer
  kRecompute,  // the request that arrived last loses its KV cache, and computes it again later
  kSwap        // its KV cache goes to host memory, and comes back later
};

// Steps that are not simulated but interpolated (sim/step_cache.hpp).
struct StepCacheOptions {
  double error = 0.01;  // of a step's time, relative
  int draws = 1;        // of routes, over which a step's time is the mean
};

struct ServingOptions {
  int page = 64;               // tokens of a page of the KV cache
  std::int64_t kv_tokens = 0;  // that a rank has room for; 0: what its memory leaves
  bool prefix_cache = true;    // prompts that begin like an earlier one find its KV cache
  KvPolicy preemption = KvPolicy::kRecompute;
  int max_new_tokens = 0;  // kReserve: room for so long an answer, if it is not longer itself
  BytesPerSecond host_rate{50e9};  // kSwap: of a rank, one way
  Seconds duration;                // no step begins afterwards; 0: until all requests have ended
  int max_tokens = 0;  // of a prompt and its answer; longer requests are refused. 0: what fits
  ServiceTargets targets;
};

}  // namespace moesim
