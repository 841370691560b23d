// GShard's top-2 gate: the second expert may be left out by its weight, at random or not
// (policies.md 1.3). Whatever the model's k, a token asks for at most two experts.
#include <map>

#include "sim/gate/logit_gate.hpp"
#include "sim/gate/two_level.hpp"

namespace moesim {
namespace {

SecondPolicy second_of(const std::string& name) {
  static const std::map<std::string, SecondPolicy> policies = {
      {"all", SecondPolicy::kAll},
      {"none", SecondPolicy::kNone},
      {"threshold", SecondPolicy::kThreshold},
      {"random", SecondPolicy::kRandom},
      {"fastmoe", SecondPolicy::kFastMoe}};
  return policies.at(name);
}

class GshardTop2 final : public LogitGate {
 public:
  explicit GshardTop2(const Arguments& arguments)
      : LogitGate(arguments),
        rule_{.second = second_of(arguments.text("second")),
              .threshold = arguments.number("threshold")} {}

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    return gshard_top2(input.logits, rule_, gate_uniforms(input.request, input.logits.tokens(), 1));
  }

  GshardRule rule_;
};

const Register<Gate, GshardTop2> kGshardTop2{
    {.name = "gshard_top2",
     .summary = "top-2, the second expert by its weight, at random, or not at all",
     .source = "GShard, Mesh-TensorFlow, FastMoE; policies.md 1.3",
     .parameters = with_common(
         {{.name = "second",
           .type = ParameterType::kChoice,
           .doc = "when a token asks for its second expert: random = with chance weight / "
                  "threshold; fastmoe = with chance 2 · weight",
           .fallback = "random",
           .choices = {"all", "none", "threshold", "random", "fastmoe"}},
          {.name = "threshold",
           .type = ParameterType::kNumber,
           .doc = "of the second weight, for threshold and random",
           .fallback = "0.2",
           .minimum = 0,
           .maximum = 1}})}};

}  // namespace
}  // namespace moesim
