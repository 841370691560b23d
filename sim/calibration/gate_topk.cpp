// The fused selection of the top-k experts from router logits, one warp per token.
//
//   t = start_up + round·k + token·T + choice·T·k + score·T·E
//
// A library without a fused kernel finds one choice after another: `round`.
#include "sim/calibration/coefficient_form.hpp"

namespace moesim {
namespace {
using enum ParameterType;

constexpr Coefficient kCoefficients[] = {
    {"start_up", kTime, "of the call", 5e-6, 1e-8},
    {"round", kTime, "per choice (top-k), once", 0.5e-6, 0, 1e-3},
    {"token", kTime, "per token", 0.2e-9, 0, 1e-6},
    {"choice", kTime, "per token and choice (top-k)", 0.05e-9, 0, 1e-6},
    {"score", kTime, "per token and expert", 2e-12, 0, 1e-7},
};

KernelTime gate_time(std::span<const double> c, const KernelWork& work, const FormGpu& gpu) {
  MOESIM_CHECK(work.gate != nullptr, "gate_topk stands only under kernel: gate");
  const GateWork& gate = *work.gate;
  const double per_token = c[2] + c[3] * gate.top_k + c[4] * gate.experts;
  return {.memory =
              Seconds(c[0] + c[1] * gate.top_k + gate.tokens * per_token * gpu.traffic_scale)};
}

class GateTopk : public CoefficientForm {
 public:
  explicit GateTopk(const Arguments& arguments) : CoefficientForm(gate_topk_model(), arguments) {}
};

const Register<CostForm, GateTopk> kGateTopk{
    {.name = "gate_topk",
     .summary = "top-k selection from router logits: a start-up, and times per token and score",
     .parameters = parameters_of(gate_topk_model())}};

}  // namespace

const FormModel& gate_topk_model() {
  static const FormModel model{"gate_topk", "gate", kCoefficients, gate_time, nullptr, true};
  return model;
}

}  // namespace moesim
