#include "sim/offload_profile.hpp"

#include <algorithm>
#include <memory>

namespace moesim {
namespace {

constexpr int kProfileTokens = 4096;  // of a window, at least, where steps have few
constexpr int kProfileSteps = 4;

std::vector<int> tokens_of(const Scenario& scenario) {
  return std::vector<int>(static_cast<std::size_t>(scenario.cluster->gpus()),
                          scenario.workload.tokens_per_gpu);
}

int steps_for(const Scenario& scenario) {
  const int tokens = scenario.workload.tokens_per_gpu * scenario.cluster->gpus();
  return std::max(kProfileSteps, (kProfileTokens + tokens - 1) / tokens);
}

// Draws the profiling window step by step.
class Window {
 public:
  Window(const Scenario& scenario, const Trace& trace, RoutingDetail detail)
      : trace_(trace), tokens_(tokens_of(scenario)), detail_(detail), random_(scenario.seed) {}

  Routing route(int step, LayerId layer) const {
    return trace_.profile_route({.step = StepId(step),
                                 .layer = layer,
                                 .tokens = tokens_,
                                 .detail = detail_,
                                 .random = random_});
  }

 private:
  const Trace& trace_;
  std::vector<int> tokens_;
  RoutingDetail detail_;
  Random random_;
};

IdVector<LayerId, ExpertPairs> count_transitions(const Scenario& scenario, const Trace& trace) {
  const MoeModel& model = scenario.model;
  WindowCounter counter({.transitions = true}, model.moe_layer_count(), model.experts);
  const Window window(scenario, trace, RoutingDetail::kIds);
  for (int step = 0; step < steps_for(scenario); ++step) {
    counter.begin_step();
    for (const LayerId layer : IdRange<LayerId>(model.moe_layer_count()))
      counter.add(layer, window.route(step, layer));
  }
  return counter.window().detail.transitions;
}

// Each source GPU's tokens of so many steps are a sequence.
std::vector<ExpertLoad> count_sequences(const Scenario& scenario, const Trace& trace,
                                        const PrefetchNeeds& needs) {
  const MoeModel& model = scenario.model;
  const auto gpus = static_cast<std::size_t>(scenario.cluster->gpus());
  const Window window(scenario, trace, RoutingDetail::kCounts);
  std::vector<ExpertLoad> all;
  for (int step = 0; static_cast<int>(all.size()) < needs.sequences;) {
    std::vector<ExpertLoad> sources(gpus, ExpertLoad(model.moe_layer_count(), model.experts));
    for (const int end = step + needs.sequence_steps; step < end; ++step)
      for (const LayerId layer : IdRange<LayerId>(model.moe_layer_count())) {
        const Routing routing = window.route(step, layer);
        for (const GpuId gpu : routing.counts.row_ids())
          for (const ExpertId expert : routing.counts.column_ids())
            sources[gpu.index()](layer, expert) += routing.counts(gpu, expert);
      }
    for (ExpertLoad& source : sources) all.push_back(std::move(source));
  }
  all.resize(static_cast<std::size_t>(needs.sequences));
  return all;
}

}  // namespace

PrefetchProfile offload_profile(const Scenario& scenario, const Trace& trace,
                                const PrefetchNeeds& needs) {
  PrefetchProfile profile;
  if (needs.load)
    profile.load = trace.profile(steps_for(scenario), tokens_of(scenario), Random(scenario.seed));
  if (needs.transitions) profile.transitions = count_transitions(scenario, trace);
  if (needs.sequences > 0) profile.sequences = count_sequences(scenario, trace, needs);
  return profile;
}

ExpertCounts gate_counts(const Scenario& scenario, const GatedTrace& gates,
                         const Placement& placement, StepId step, LayerId layer,
                         RoutingDetail detail) {
  return gates.route(step, layer, placement.layers[layer], tokens_of(scenario), detail)
      .result.routing.counts;
}

ExpertCache::NextUse next_uses(const Scenario& scenario, const GatedTrace& gates,
                               const Placement& placement, RoutingDetail detail) {
  const int layers = scenario.model.moe_layer_count();
  using Uses = IdMatrix<LayerId, ExpertId, std::vector<Turn>>;
  const auto uses = std::make_shared<Uses>(layers, scenario.model.experts);
  for (int step = 0; step < scenario.workload.warmup_steps + scenario.workload.steps; ++step) {
    for (const LayerId layer : IdRange<LayerId>(layers)) {
      const auto load =
          expert_load(gate_counts(scenario, gates, placement, StepId(step), layer, detail));
      for (const ExpertId expert : load.ids())
        if (load[expert] > 0)
          (*uses)(layer, expert).push_back(static_cast<Turn>(step) * layers + layer.value);
    }
  }
  return [uses](ExpertKey key, Turn now) {
    const std::vector<Turn>& turns = (*uses)(key.layer, key.expert);
    const auto next = std::upper_bound(turns.begin(), turns.end(), now);
    return next == turns.end() ? kNever : *next;
  };
}

}  // namespace moesim
