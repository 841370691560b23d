// A few layers after every step, round and round: TensorRT-LLM's online balancer
// (`layer_updates_per_iter`), which it feeds with an average that decays by 0.9 a step.
#include "sim/rebalance/rebalance.hpp"

namespace moesim {
namespace {

class Continuous final : public Rebalance {
 public:
  explicit Continuous(const Arguments& arguments) : updates_(arguments.integer("layer_updates")) {}

  bool wants(const BalanceReport&) override { return true; }

  std::vector<LayerId> choose_layers(int layers) override {
    std::vector<LayerId> chosen;
    for (int i = 0; i < std::min(updates_, layers); ++i, next_ = (next_ + 1) % layers)
      chosen.emplace_back(next_);
    return chosen;
  }

 private:
  int updates_ = 1;
  int next_ = 0;  // layer
};

const Register<Rebalance, Continuous> kContinuous{
    {.name = "continuous",
     .summary = "some layers after every step, round and round (TensorRT-LLM)",
     .source = "TensorRT-LLM moeLoadBalancer; policies.md 4.5",
     .parameters = with_common({{.name = "layer_updates",
                                 .type = ParameterType::kInteger,
                                 .doc = "layers that are placed anew after each step",
                                 .fallback = "1",
                                 .minimum = 1}},
                               {{"execution", "async"}, {"estimator", "ema"}})}};

}  // namespace
}  // namespace moesim
