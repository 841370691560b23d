// SWIPE (FastMoE; policies.md 1.13): balances GPUs in training. Every GPU takes as many routes as a
// rank has; what overflows goes to GPUs that have room, whatever the token wanted.
//
// The choices j = 1 .. k are dealt one after another. A GPU accepts a choice's routes source by
// source, of each in token order, until its budget is spent; the overflow of all GPUs, in their
// order, fills the GPUs with budget left, in theirs, at local expert j mod (experts of the GPU). A
// token may so get an expert twice. Weights: a softmax over the logits of the final experts. At
// inference the same models take plain top-k.
#include <algorithm>

#include "sim/gate/logit_gate.hpp"
#include "sim/gate/top_k.hpp"

namespace moesim {
namespace {

class Swiper {
 public:
  // `gpus` of the experts, [experts]. Every GPU takes `budget` routes.
  Swiper(std::span<const int> gpus, int count, int budget)
      : gpus_(gpus.begin(), gpus.end()),
        budget_(static_cast<std::size_t>(count), budget),
        local_(static_cast<std::size_t>(count)) {
    for (std::size_t e = 0; e < gpus_.size(); ++e)
      local_[static_cast<std::size_t>(gpus_[e])].push_back(static_cast<std::int16_t>(e));
  }

  // Tokens stand source by source, so accepting in their order is accepting source by source.
  void deal(Gating& gating, int choice) {
    std::vector<std::vector<int>> refused(budget_.size());
    for (int token = 0; token < gating.tokens(); ++token) {
      const std::int16_t id = gating.ids_of(token)[static_cast<std::size_t>(choice)];
      if (id < 0) continue;
      const auto gpu = static_cast<std::size_t>(gpus_[static_cast<std::size_t>(id)]);
      if (budget_[gpu] > 0) {
        --budget_[gpu];
      } else {
        refused[gpu].push_back(token);
      }
    }
    std::size_t to = 0;
    for (const std::vector<int>& tokens : refused)
      for (const int token : tokens) {
        while (to < budget_.size() && (budget_[to] == 0 || local_[to].empty())) ++to;
        if (to == budget_.size()) return;  // fewer GPUs have experts than there are ranks
        --budget_[to];
        gating.ids_of(token)[static_cast<std::size_t>(choice)] =
            local_[to][static_cast<std::size_t>(choice) % local_[to].size()];
      }
  }

 private:
  std::vector<int> gpus_;
  std::vector<int> budget_;                       // left, [gpus]
  std::vector<std::vector<std::int16_t>> local_;  // experts of each GPU, [gpus]
};

class Swipe final : public LogitGate {
 public:
  explicit Swipe(const Arguments& arguments) : LogitGate(arguments) {}

  std::string caution() const override {
    return "swipe balances over a batch in training; at inference its models take plain top-k";
  }

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    Gating gating = topk_then_softmax(input.logits, input.top_k());
    const int gpus = input.request.placement->gpus();
    const int rank_tokens = (input.logits.tokens() + gpus - 1) / std::max(1, gpus);
    Swiper swiper(gpus_of_experts(input.request), gpus, rank_tokens * input.top_k());
    for (int choice = 0; choice < input.top_k(); ++choice) swiper.deal(gating, choice);
    for (int token = 0; token < gating.tokens(); ++token) weigh_chosen(input.logits, token, gating);
    return gating;
  }
};

const Register<Gate, Swipe> kSwipe{
    {.name = "swipe",
     .summary = "top-k, and what a GPU has no budget for goes to the next one that has",
     .source = "FastMoE; policies.md 1.13",
     .parameters = with_common({})}};

}  // namespace
}  // namespace moesim
