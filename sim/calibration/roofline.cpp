// t = start_up + max(flops / (compute_efficiency · peak), bytes / (memory_efficiency · bandwidth)),
// with the datasheet rates of the GPU (Williams et al., "Roofline", CACM 2009).
#include "sim/calibration/cost_form.hpp"

namespace moesim {
namespace {

class Roofline : public CostForm {
 public:
  explicit Roofline(const Arguments& arguments)
      : start_up_(arguments.time("start_up")),
        compute_efficiency_(arguments.number("compute_efficiency")),
        memory_efficiency_(arguments.number("memory_efficiency")) {}

  FormTime time(const KernelWork& work, const FormGpu& gpu) const final {
    const Seconds compute =
        Flops(work.flops) / (compute_efficiency_ * gpu.spec.peak_of(work.dtype));
    const Seconds memory = Bytes(work.bytes) / (memory_efficiency_ * gpu.spec.memory_bandwidth);
    if (compute > memory) return {.time = {.compute = compute, .memory = start_up_}};
    return {.time = {.compute = Seconds(0), .memory = start_up_ + memory}};
  }

 private:
  Seconds start_up_;
  double compute_efficiency_, memory_efficiency_;
};

Parameter efficiency(std::string name, std::string doc) {
  return {.name = std::move(name),
          .type = ParameterType::kNumber,
          .doc = std::move(doc),
          .fallback = "1",
          .minimum = 0,
          .maximum = 1,
          .above_minimum = true};
}

const Register<CostForm, Roofline> kRoofline{
    {.name = "roofline",
     .summary = "the longer of compute and memory time at datasheet rates",
     .source = "Williams et al., CACM 2009",
     .parameters = {{.name = "start_up",
                     .type = ParameterType::kTime,
                     .doc = "of the call",
                     .fallback = "0 s",
                     .minimum = 0},
                    efficiency("compute_efficiency", "of the datasheet peak"),
                    efficiency("memory_efficiency", "of the datasheet memory bandwidth")}}};

}  // namespace
}  // namespace moesim
