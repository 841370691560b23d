// Serves requests on one pool of GPUs, or on two, of which the first computes prompts and the
// second answers: iteration-level scheduling (Orca, OSDI 2022) on data-parallel ranks that step
// together, with paged KV caches (vLLM, SOSP 2023), prefix caches, preemption, and
// prefill/decode disaggregation (DistServe, OSDI 2024; Mooncake, FAST 2025).
//
// How long a step takes is the clock's answer, and which requests a step holds the policies'. What
// the loop itself assumes:
// * All ranks of a pool begin a step together and plan the next when it has ended; a pool in which
//   no rank has anything to compute waits for the next request. Pools do not wait for each other.
// * A request is routed to a rank when it arrives, and stays there unless the rank fails.
// * The step that computes the last token of a prompt yields the first of its answer, at its end.
// * Two pools: room for the KV cache of a prompt is taken on a rank of the second pool when the
//   step that completes it begins, so that it can travel beside that step; if no rank has room,
//   when one has. The rank that computed it keeps it until it has arrived.
// * A request that loses its KV cache keeps the tokens it was answered: they are computed again
//   like a part of its prompt.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/base/random.hpp"
#include "sim/batching/batching.hpp"
#include "sim/model/request.hpp"
#include "sim/model/serving.hpp"
#include "sim/model/serving_result.hpp"
#include "sim/queue/queue.hpp"
#include "sim/router/router.hpp"
#include "sim/serving/step_clock.hpp"

namespace moesim {

struct PoolSetup {
  std::string name = "all";
  int gpus = 1;                // of all ranks; only for the record
  int ranks = 1;               // data-parallel
  std::int64_t kv_tokens = 0;  // that a rank's KV cache has room for; above 0
  std::shared_ptr<const Batching> batching;
  std::shared_ptr<const QueueOrder> queue;
  std::shared_ptr<const Router> router;
};

struct ServingSetup {
  std::vector<PoolSetup> pools;  // one, or prefill and decode
  ServingOptions options;        // its kv_tokens are those of the pools
  Bytes kv_token;                // of a token in all layers of a rank's KV cache; only for swapping
  // Tokens that a step computes for an answer beside the next one, and the share of them that is
  // right where those before are.
  int draft_tokens = 0;
  double draft_acceptance = 0;
  Random random = Random(1);
};

// Of the pools, in their order. Whom they belong to keeps them.
using StepClocks = std::vector<StepClock*>;

struct ServingProgress {
  Seconds now;
  std::int64_t steps = 0;          // of all pools
  int finished = 0, requests = 0;  // of all: those that have ended, or were refused
};
// Is told after every step; may be empty.
using ServingListener = std::function<void(const ServingProgress&)>;

// Throws nothing of its own: what cannot be served is refused, and said so in the record.
ServingResult serve(const RequestList& list, const ServingSetup& setup, const StepClocks& clocks,
                    const ServingListener& listener);

}  // namespace moesim
