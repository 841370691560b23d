// t = start_up + tokens·per_token + bytes / rate + flops / speed. The last term is compute.
#include "sim/calibration/coefficient_form.hpp"

namespace moesim {
namespace {
using enum ParameterType;

// Where a fit starts is up to the measurements.
constexpr Coefficient kCoefficients[] = {
    {"start_up", kTime, "of the call", 5e-6, 0, 1},
    {"per_token", kTime, "per row of the activations", 1e-9, 0, 1},
    {"rate", kRate, "of the bytes; 0: they cost nothing", 1e12, 0, 1e15},
    {"speed", kSpeed, "of the floating-point operations; 0: they cost nothing", 1e12, 0, 1e18},
};

KernelTime affine_time(std::span<const double> c, const KernelWork& work, const FormGpu& gpu) {
  const double traffic = c[2] > 0 ? gpu.traffic_scale * work.bytes / c[2] : 0;
  return {.compute = Seconds(c[3] > 0 ? work.flops / c[3] : 0),
          .memory = Seconds(c[0] + work.tokens * c[1] + traffic)};
}

class Affine : public CoefficientForm {
 public:
  explicit Affine(const Arguments& arguments) : CoefficientForm(affine_model(), arguments) {}
};

const Register<CostForm, Affine> kAffine{
    {.name = "affine",
     .summary = "a start-up, and times per token, byte and floating-point operation",
     .parameters = parameters_of(affine_model())}};

}  // namespace

const FormModel& affine_model() {
  static const FormModel model{"affine", "", kCoefficients, affine_time, nullptr, true};
  return model;
}

}  // namespace moesim
