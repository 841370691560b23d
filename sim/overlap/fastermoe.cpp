// FasterMoE's smart schedule: the GPUs in groups that send to each other in turns, so that a GPU
// computes what one group sent while the next sends.
//
// With n groups, in turn i group a sends to group (a + i) mod n. One communication stream carries
// the dispatches of all turns, then the combines, each of which waits for its turn's experts; one
// compute stream runs the turns' experts as they arrive (FasterMoE's code; its paper's figure
// interleaves dispatches and combines). Shadowed experts are refused beside it.
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
    std::vector<int> computed = add_part(graph, std::move(first.shared), add_head(graph, first));
    const std::vector<std::vector<int>> arrived = add_dispatches(graph, turns, computed);
    std::vector<std::vector<int>> done;
    for (std::size_t i = 0; i < turns.size(); ++i)
      done.push_back(computed =
                         add_part(graph, std::move(turns[i].experts), both(arrived[i], computed)));
    std::vector<int> network = arrived.back();  // the communication stream
    for (std::size_t i = 0; i < turns.size(); ++i)
      network = add_part(graph, std::move(turns[i].combine), both(done[i], network));
    return graph;
  }

 private:
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
