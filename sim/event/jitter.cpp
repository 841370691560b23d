// Jitter (policies.md 4.6): every kernel of every GPU takes a log-normal multiple of its time,
// whose mean is 1. Draws depend on the step, the layer, the GPU and the kernel's place in the
// layer, and on nothing else.
#include <fmt/format.h>

#include <cmath>

#include "sim/event/event.hpp"

namespace moesim {
namespace {

class Jitter final : public Event {
 public:
  explicit Jitter(const Arguments& arguments) : arguments_(arguments) {}

  StepRange steps() const override { return read_interval(arguments_); }
  std::string text() const override {
    return fmt::format("kernel times jitter by {:g}", arguments_.number("sigma"));
  }

  void fit(const Scenario& scenario, Mistakes& mistakes) const override {
    check_interval(arguments_, mistakes);
    if (arguments_.has("gpu"))
      read_ids(arguments_, "gpu", scenario.cluster->gpus(), "GPU", mistakes);
  }

  // Independent log-normals multiply to one.
  void apply(const EventMoment& moment, Conditions& conditions) const override {
    if (!steps().contains(moment.step)) return;
    const int gpus = moment.scenario.cluster->gpus();
    const double sigma = arguments_.number("sigma");
    if (conditions.jitter.empty()) conditions.jitter = IdVector<GpuId, double>(gpus, 0.0);
    if (!arguments_.has("gpu")) {
      for (double& deviation : conditions.jitter) deviation = std::hypot(deviation, sigma);
      return;
    }
    for (const double gpu : arguments_.numbers("gpu")) {
      double& deviation = conditions.jitter[GpuId(static_cast<int>(gpu))];
      deviation = std::hypot(deviation, sigma);
    }
  }

 private:
  Arguments arguments_;
};

const Register<Event, Jitter> kJitter{
    {.name = "jitter",
     .summary = "kernel times vary at random, around the same mean",
     .source = "policies.md 4.6",
     .parameters = with_interval({{.name = "sigma",
                                   .type = ParameterType::kNumber,
                                   .doc = "deviation of ln(time) of a kernel",
                                   .required = true,
                                   .minimum = 0,
                                   .maximum = 3},
                                  {.name = "gpu",
                                   .type = ParameterType::kNumbers,
                                   .doc = "number of a GPU, or a list; default: all"}})}};

}  // namespace
}  // namespace moesim
