#include "sim/max_batch.hpp"

#include <algorithm>

#include "sim/base/bisect.hpp"
#include "sim/calibration/calibrated_cost.hpp"
#include "sim/stretch.hpp"

namespace moesim {
namespace {

constexpr int kMostTokens = 1 << 24;

// The memory of a run's stretches, at any number of tokens.
class Memory {
 public:
  explicit Memory(const Stretches& stretches) {
    for (const auto& stretch : stretches) requests_.push_back(memory_request(*stretch));
  }

  // Of the GPU that is the fullest in any stretch.
  const MemoryRequest& at(int tokens) {
    MemoryRequest* fullest = nullptr;
    for (MemoryRequest& request : requests_) {
      request.workload.tokens_per_gpu = tokens;
      if (fullest == nullptr || most(request).total() > most(*fullest).total()) fullest = &request;
    }
    return *fullest;
  }
  bool fits(int tokens) {
    return most(at(tokens)).memory_suffices() &&
           std::all_of(requests_.begin(), requests_.end(),
                       [](const MemoryRequest& request) { return most(request).buffers_fit(); });
  }

  static MemoryUse most(const MemoryRequest& request) {
    return memory_use(request, fullest_gpu(request));
  }

 private:
  std::vector<MemoryRequest> requests_;
};

// Steps of `unit` beyond `fixed` that fit; memory grows with the tokens.
int largest(Memory& memory, int fixed, int unit) {
  const int most = (kMostTokens - fixed) / unit;
  const auto fits = [&](int units) { return memory.fits(fixed + units * unit); };
  int low = 0, high = 1;  // low fits or is 0; high is yet to be seen, then does not
  while (high <= most && fits(high)) {
    low = high;
    high *= 2;
  }
  return last_that_holds(low, std::min(high, most + 1), fits);
}

// Throws InputError where steps are not all of one batch of a fixed size.
void check_batch(const Scenario& scenario) {
  const Workload& work = scenario.workload;
  if (scenario.serves())
    throw InputError(scenario.requests.spot, "the largest batch is one of fixed batches",
                     "leave out requests: and what belongs to it; serving, the KV cache has what "
                     "memory leaves (run --dry-run)");
  if (work.phase == WorkloadPhase::kTraining)
    throw InputError(scenario.workload_spot,
                     "the largest batch is looked for in prefill and decode, not in training",
                     "try values of tokens_per_gpu with run --dry-run");
  if (work.micro_batches > 1)
    throw InputError(scenario.workload_spot,
                     "the largest batch is looked for in steps of one micro-batch",
                     "set workload.micro_batches: 1, or try values of tokens_per_gpu with run "
                     "--dry-run");
}

}  // namespace

LargestBatch largest_batch(const Scenario& scenario) {
  check_batch(scenario);
  const std::unique_ptr<CostModel> cost =
      make_cost_model(scenario.calibration, scenario.cluster->gpu());
  const Stretches stretches = make_stretches(scenario, *cost, [](const Span&) {});
  Memory memory(stretches);
  const Workload& work = scenario.workload;
  const bool prefill = work.phase == WorkloadPhase::kPrefill;
  LargestBatch batch{.unit = prefill ? std::max(1, work.context) : 1 + work.draft_tokens,
                     .fixed = work.mixed_prompt_tokens,
                     .fits_now = memory.fits(work.tokens_per_gpu)};
  int units = largest(memory, batch.fixed, batch.unit);
  if (units == 0 && prefill) {
    batch.unit = 1;  // a part of a prompt, then
    units = largest(memory, batch.fixed, batch.unit);
  }
  if (units > 0) batch.tokens_per_gpu = batch.fixed + units * batch.unit;
  const MemoryRequest& at = memory.at(batch.fixed + std::max(1, units) * batch.unit);
  batch.gpu = fullest_gpu(at);
  batch.use = memory_use(at, batch.gpu);
  if (batch.tokens_per_gpu == 0) batch.way_out = what_would_fit(at, batch.gpu);
  MemoryRequest more = at;
  more.workload.tokens_per_gpu += batch.unit;
  batch.next = memory_use(more, batch.gpu);
  return batch;
}

}  // namespace moesim
