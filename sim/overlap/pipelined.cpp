// The exchange in parts: while the experts compute one part of the tokens, the next is dispatched
// and the one before combined.
//
// Tutel's a2a_ffn_overlap_degree, Megatron-Core's and FasterMoE's pipelines have this form.
// Attention and router are not divided; all dispatches start in order as soon as the router has
// ended.
#include "sim/overlap/layer_head.hpp"

namespace moesim {
namespace {

class Pipelined final : public Overlap {
 public:
  explicit Pipelined(const Arguments& arguments) : degree_(arguments.integer("degree")) {}

  MicroBatches split(const Workload& work) const override {
    const int parts = std::min(degree_, work.tokens_per_gpu);
    MicroBatches batches{.attention = false};
    for (int part = 0; part < parts; ++part)
      batches.tokens.push_back(work.tokens_per_gpu * (part + 1) / parts -
                               work.tokens_per_gpu * part / parts);
    return batches;
  }

  TaskGraph build(std::vector<LayerParts> batches, Carried&) const override {
    LayerParts& first = batches.front();
    TaskGraph graph{.step = first.step, .layer = first.layer};
    std::vector<int> computed = add_part(graph, std::move(first.shared), add_head(graph, first));
    const std::vector<std::vector<int>> arrived = add_dispatches(graph, batches, computed);
    std::vector<int> network = arrived.back();  // the communication stream
    for (std::size_t i = 0; i < batches.size(); ++i) {
      computed = add_part(graph, std::move(batches[i].experts), both(arrived[i], computed));
      network = add_part(graph, std::move(batches[i].combine), both(computed, network));
    }
    return graph;
  }

 private:
  int degree_ = 2;
};

const Register<Overlap, Pipelined> kPipelined{
    {.name = "pipelined",
     .summary = "dispatch, experts and combine of parts of the tokens overlap",
     .source = "Tutel; policies.md 4.4",
     .parameters = {{.name = "degree",
                     .type = ParameterType::kInteger,
                     .doc = "parts that the tokens of a GPU are divided into",
                     .fallback = "2",
                     .minimum = 1,
                     .maximum = 64}}}};

}  // namespace
}  // namespace moesim
