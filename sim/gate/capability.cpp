// Expert capability adaptation (policies.md 1.13, ours): p · a^gamma over its sum, then top-k, with
// a the relative speed of the GPU that the expert is on. It changes the model's answer.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/gate/adjusted.hpp"
#include "sim/gate/logit_gate.hpp"

namespace moesim {
namespace {

class Capability final : public LogitGate {
 public:
  explicit Capability(const Arguments& arguments)
      : LogitGate(arguments),
        gamma_(arguments.number("gamma")),
        speeds_(arguments.numbers("speeds")),
        speeds_spot_(arguments.spot("speeds")) {}

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    const std::vector<int> gpus = gpus_of_experts(input.request);
    const int count = input.request.placement->gpus();
    if (static_cast<int>(speeds_.size()) != count)
      throw InputError(speeds_spot_,
                       fmt::format("there are {} speeds, but {} GPUs", speeds_.size(), count));
    std::vector<double> factor;
    for (const int gpu : gpus)
      factor.push_back(std::pow(speeds_[static_cast<std::size_t>(gpu)], gamma_));
    return adjusted_topk(input.logits, input.top_k(), factor);
  }

  double gamma_ = 0.5;
  std::vector<double> speeds_;
  Spot speeds_spot_;
};

const Register<Gate, Capability> kCapability{
    {.name = "capability",
     .summary = "probabilities times the speed of the GPU that an expert is on",
     .source = "policies.md 1.13 (ours)",
     .parameters = with_common({{.name = "gamma",
                                 .type = ParameterType::kNumber,
                                 .doc = "power of the speed; 0 = plain top-k",
                                 .fallback = "0.5",
                                 .minimum = 0,
                                 .maximum = 1},
                                {.name = "speeds",
                                 .type = ParameterType::kNumbers,
                                 .doc = "relative speed of each GPU",
                                 .required = true,
                                 .minimum = 0,
                                 .above_minimum = true}})}};

}  // namespace
}  // namespace moesim
