// Slow GPUs (policies.md 4.6): a power cap, a bad cooler, another's work. Kernels take 1 / speed as
// long.
#include <fmt/format.h>

#include "sim/event/event.hpp"

namespace moesim {
namespace {

class SlowGpu final : public Event {
 public:
  explicit SlowGpu(const Arguments& arguments) : arguments_(arguments) {}

  StepRange steps() const override { return read_interval(arguments_); }
  std::string text() const override {
    std::string text =
        fmt::format("{} at {:g} of the speed", shown_ids("GPU", arguments_.numbers("gpu")),
                    arguments_.number("speed"));
    if (const double memory = arguments_.number("memory_speed"); memory != 1)
      text += fmt::format(", memory at {:g}", memory);
    return text;
  }

  void fit(const Scenario& scenario, Mistakes& mistakes) const override {
    check_interval(arguments_, mistakes);
    read_ids(arguments_, "gpu", scenario.cluster->gpus(), "GPU", mistakes);
  }

  void apply(const EventMoment& moment, Conditions& conditions) const override {
    if (!steps().contains(moment.step)) return;
    const int gpus = moment.scenario.cluster->gpus();
    for (auto* speed : {&conditions.compute_speed, &conditions.memory_speed})
      if (speed->empty()) *speed = IdVector<GpuId, double>(gpus, 1.0);
    for (const double gpu : arguments_.numbers("gpu")) {
      conditions.compute_speed[GpuId(static_cast<int>(gpu))] *= arguments_.number("speed");
      conditions.memory_speed[GpuId(static_cast<int>(gpu))] *= arguments_.number("memory_speed");
    }
  }

 private:
  Arguments arguments_;
};

Parameter share(const char* name, const char* doc) {
  return {.name = name,
          .type = ParameterType::kNumber,
          .doc = doc,
          .minimum = 0,
          .maximum = 10,
          .above_minimum = true};
}

std::vector<Parameter> parameters() {
  Parameter speed = share("speed", "rate of compute-bound work, 1 = as calibrated");
  speed.required = true;
  Parameter memory = share("memory_speed", "rate of memory-bound work");
  memory.fallback = "1";
  return with_interval({{.name = "gpu",
                         .type = ParameterType::kNumbers,
                         .doc = "number of the GPU, or a list",
                         .required = true},
                        speed,
                        memory});
}

const Register<Event, SlowGpu> kSlowGpu{{.name = "slow_gpu",
                                         .summary = "GPUs whose kernels run at another speed",
                                         .source = "policies.md 4.6",
                                         .parameters = parameters()}};

}  // namespace
}  // namespace moesim
