// FasterMoE's smart schedule: the GPUs in groups that send to each other in turns, so that a GPU
// computes what one group sent while the next sends.
//
// With n groups, in turn i group a sends to group (a + i) mod n. One communication stream carries
// the dispatches of all turns, then the weights of experts that travel (FasterMoE's shadows), then
// the combines, each of which waits for its turn's experts; one compute stream runs the turns'
// experts as they arrive, then the travelling ones (FasterMoE's code; its paper's figure
// interleaves dispatches and combines). Which routes are kept, which copy of an expert takes them
// and which experts travel is decided for all turns together. A combine waits for travelling
// experts only where they compute what other GPUs sent.
#include "sim/overlap/layer_head.hpp"

namespace moesim {
namespace {

class FasterMoe final : public Overlap {
 public:
  explicit FasterMoe(const Arguments& arguments) : group_(arguments.integer("group")) {}

  MicroBatches split(const Workload& work) const override {
    return {.tokens = {work.tokens_per_gpu}, .attention = false, .peer_group = group_};
  }

  TaskGraph build(std::vector<LayerParts> turns, Carried&) const override {
    LayerParts& first = turns.front();
    TaskGraph graph{.step = first.step, .layer = first.layer};
    const std::vector<int> gated = add_head(graph, first);
    std::vector<int> computed = add_part(graph, std::move(first.shared), gated);
    const std::vector<std::vector<int>> arrived = add_dispatches(graph, turns, computed);
    std::vector<std::vector<int>> done;
    for (std::size_t i = 0; i < turns.size(); ++i)
      done.push_back(computed =
                         add_part(graph, std::move(turns[i].experts), both(arrived[i], computed)));
    std::vector<int> network = arrived.back();  // the communication stream
    std::vector<int> weights;
    if (first.travelling) weights = add_weights(graph, *first.travelling, gated, network);
    for (std::size_t i = 0; i < turns.size(); ++i) {
      if (!turns[i].travelling) continue;
      TravellingExperts& travelling = *turns[i].travelling;
      computed =
          add_part(graph, std::move(travelling.experts),
                   both(computed, travelling.receive ? both(arrived.back(), weights) : weights));
      if (travelling.receive) done[i] = computed;
    }
    for (std::size_t i = 0; i < turns.size(); ++i)
      network = add_part(graph, std::move(turns[i].combine), both(done[i], network));
    return graph;
  }

 private:
  // What the travelling experts wait for. Weights that other GPUs send once the gate has decided
  // take their turn on the communication stream.
  static std::vector<int> add_weights(TaskGraph& graph, TravellingExperts& travelling,
                                      const std::vector<int>& gated, std::vector<int>& network) {
    Part& weights = travelling.weights;
    if (travelling.before_gate) return add_part(graph, std::move(weights), {});
    if (weights.empty() || !std::holds_alternative<Exchange>(weights.front().operation))
      return add_part(graph, std::move(weights), gated);
    return network = add_part(graph, std::move(weights), std::move(network));
  }

  int group_ = 1;
};

const Register<Overlap, FasterMoe> kFasterMoe{
    {.name = "fastermoe",
     .summary = "groups of GPUs exchange in turns, and compute what came while the next comes",
     .source = "He et al., FasterMoE, PPoPP 2022; policies.md 4.4",
     .parameters = {{.name = "group",
                     .type = ParameterType::kInteger,
                     .doc = "GPUs of a group (pipeline_gran)",
                     .fallback = "8",
                     .minimum = 1}}}};

}  // namespace
}  // namespace moesim
