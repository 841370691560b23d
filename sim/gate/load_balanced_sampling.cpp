// Load-balanced sampling: tokens one after another, an expert's probability divided by its load
// (policies.md 1.10, 1.13).
//
// The load is what the batch has sent to the expert so far, an average over the steps before as
// well, or the queue of the GPU that the expert is on (what the batch has sent there so far).
#include "sim/gate/logit_gate.hpp"
#include "sim/gate/sampling.hpp"

namespace moesim {
namespace {

class LoadBalancedSampling final : public LogitGate {
 public:
  explicit LoadBalancedSampling(const Arguments& arguments)
      : LogitGate(arguments),
        epsilon_(arguments.number("epsilon")),
        scope_(arguments.text("load_scope")),
        smoothing_(arguments.number("smoothing")) {}

  bool keeps_state() const override { return scope_ == "ema"; }

 private:
  Gating choose(const GateInput& input, std::vector<float>& average) const override {
    const auto experts = static_cast<std::size_t>(input.logits.experts);
    const auto numbers = gate_uniforms(input.request, input.logits.tokens(), input.top_k());
    if (scope_ == "queue") {
      const std::vector<int> gpus = gpus_of_experts(input.request);
      std::vector<double> load(static_cast<std::size_t>(input.request.placement->gpus()));
      return load_balanced_sampling(input.logits, input.top_k(), epsilon_,
                                    {.load = load, .queue = gpus}, numbers);
    }
    average.resize(keeps_state() ? experts : 0, 0);
    std::vector<double> load(average.begin(), average.end());
    load.resize(experts, 0);
    Gating gating =
        load_balanced_sampling(input.logits, input.top_k(), epsilon_, {.load = load}, numbers);
    for (std::size_t e = 0; e < average.size(); ++e) {
      const double usage = load[e] - average[e];
      average[e] = static_cast<float>((1 - smoothing_) * average[e] + smoothing_ * usage);
    }
    return gating;
  }

  double epsilon_ = 1e-8;
  std::string scope_;
  double smoothing_ = 0.01;
};

const Register<Gate, LoadBalancedSampling> kLoadBalancedSampling{
    {.name = "load_balanced_sampling",
     .summary = "experts drawn by their softmax over their load so far",
     .source = "policies.md 1.10 (of an article), 1.13 (ours)",
     .parameters = with_common(
         {{.name = "epsilon",
           .type = ParameterType::kNumber,
           .doc = "added to the load; with the article's 1e-8 an idle expert wins almost surely, "
                  "with 1 the preference counts",
           .fallback = "1e-8",
           .minimum = 0,
           .above_minimum = true},
          {.name = "load_scope",
           .type = ParameterType::kChoice,
           .doc = "load of the expert in this step, with an average over earlier steps too, or of "
                  "the expert's GPU in this step",
           .fallback = "batch",
           .choices = {"batch", "ema", "queue"}},
          {.name = "smoothing",
           .type = ParameterType::kNumber,
           .doc = "ema: weight of the newest step in the average",
           .fallback = "0.01",
           .minimum = 0,
           .maximum = 1}})}};

}  // namespace
}  // namespace moesim
