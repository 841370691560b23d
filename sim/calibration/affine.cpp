// t = start_up + tokens·per_token + bytes / rate + flops / speed. The last term is compute.
#include "sim/calibration/cost_form.hpp"

namespace moesim {
namespace {

class Affine : public CostForm {
 public:
  explicit Affine(const Arguments& arguments)
      : start_up_(arguments.time("start_up")),
        per_token_(arguments.time("per_token")),
        seconds_per_byte_(arguments.has("rate") ? 1 / arguments.number("rate") : 0),
        seconds_per_flop_(arguments.has("speed") ? 1 / arguments.number("speed") : 0) {}

  FormTime time(const KernelWork& work, const FormGpu& gpu) const final {
    const Seconds traffic = gpu.traffic_scale * Seconds(work.bytes * seconds_per_byte_);
    return {.time = {.compute = Seconds(work.flops * seconds_per_flop_),
                     .memory = start_up_ + work.tokens * per_token_ + traffic}};
  }

 private:
  Seconds start_up_, per_token_;
  double seconds_per_byte_, seconds_per_flop_;
};

const Register<CostForm, Affine> kAffine{
    {.name = "affine",
     .summary = "a start-up, and times per token, byte and floating-point operation",
     .parameters = {{.name = "start_up",
                     .type = ParameterType::kTime,
                     .doc = "of the call",
                     .fallback = "0 s",
                     .minimum = 0},
                    {.name = "per_token",
                     .type = ParameterType::kTime,
                     .doc = "per row of the activations",
                     .fallback = "0 s",
                     .minimum = 0},
                    {.name = "rate",
                     .type = ParameterType::kRate,
                     .doc = "of the bytes; absent: they cost nothing",
                     .minimum = 0,
                     .above_minimum = true},
                    {.name = "speed",
                     .type = ParameterType::kSpeed,
                     .doc = "of the floating-point operations; absent: they cost nothing",
                     .minimum = 0,
                     .above_minimum = true}}}};

}  // namespace
}  // namespace moesim
