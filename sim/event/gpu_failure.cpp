// GPUs fail (policies.md 1.15, 3.3): from a step on they serve no tokens and hold no experts, until
// they come back, if they do. The others go on after a pause, with a new map for those that live:
// weights that a survivor has are copied, others are loaded.
#include <fmt/format.h>

#include <algorithm>

#include "sim/event/event.hpp"
#include "sim/overlap/overlap.hpp"
#include "sim/placement/placement_policy.hpp"
#include "sim/rebalance/rebalance.hpp"

namespace moesim {
namespace {

class GpuFailure final : public Event {
 public:
  explicit GpuFailure(const Arguments& arguments)
      : arguments_(arguments),
        recovery_{.pause = arguments.time("recovery_time"),
                  .rejoin = arguments.time(arguments.has("rejoin_time") ? "rejoin_time"
                                                                        : "recovery_time"),
                  .planning = arguments.time("planning_time"),
                  .load_rate = arguments.rate("load_rate"),
                  .link_efficiency = arguments.number("link_efficiency"),
                  .window = arguments.integer("window")} {
    Mistakes ignored;  // fit reports them
    if (arguments.has("placement"))
      recovery_.placement =
          read_choice(PlacementPolicy::kRole, arguments.tree("placement"), ignored);
  }

  StepRange steps() const override { return read_interval(arguments_); }
  std::string text() const override {
    return fmt::format("{} dead, tokens {}", shown_ids("GPU", arguments_.numbers("gpu")),
                       tokens_lost() ? "lost" : "redistributed");
  }
  const Recovery* recovery() const override { return &recovery_; }

  void fit(const Scenario& scenario, Mistakes& mistakes) const override {
    check_interval(arguments_, mistakes);
    if (scenario.grid && !scenario.grid->plain())
      mistakes.add(arguments_.section(),
                   "a GPU that shares weights or tokens with others (tp, pp, etp, or ep below all "
                   "GPUs) cannot fail here",
                   "leave parallel out: data-parallel attention, and all GPUs share the experts");
    if (scenario.step_placement.kind != "none")
      mistakes.add(arguments_.section(), "experts that travel during a step know no dead GPUs",
                   "leave step_placement out, or gpu_failure");
    if (Registry<Overlap>::make(scenario.overlap)->split(scenario.workload).tokens.size() > 1)
      mistakes.add(arguments_.section(), "micro-batches have as many tokens on every GPU",
                   "say overlap: none or shared_expert, or leave gpu_failure out");
    const int gpus = scenario.cluster->gpus();
    const auto dead = read_ids(arguments_, "gpu", gpus, "GPU", mistakes);
    if (static_cast<int>(dead.size()) >= gpus)
      mistakes.add(arguments_.spot("gpu"), "no GPU would be left");
    if (arguments_.has("placement"))
      read_choice(PlacementPolicy::kRole, arguments_.tree("placement"), mistakes);
  }

  void apply(const EventMoment& moment, Conditions& conditions) const override {
    if (!steps().contains(moment.step)) return;
    for (const double number : arguments_.numbers("gpu")) {
      const GpuId gpu(static_cast<int>(number));
      if (conditions.is_dead(gpu)) continue;
      const auto after =
          std::find_if(conditions.dead.begin(), conditions.dead.end(),
                       [&](const DeadGpu& other) { return other.gpu.value > gpu.value; });
      conditions.dead.insert(after, {.gpu = gpu, .tokens_lost = tokens_lost()});
    }
  }

 private:
  bool tokens_lost() const { return arguments_.text("tokens") == "lost"; }

  Arguments arguments_;
  Recovery recovery_;
};

const Register<Event, GpuFailure> kGpuFailure{
    {.name = "gpu_failure",
     .summary = "GPUs that serve no tokens and hold no experts; the others re-place them",
     .source = "policies.md 1.15, 3.3",
     .parameters = with_interval(
         {{.name = "gpu",
           .type = ParameterType::kNumbers,
           .doc = "number of the GPU, or a list",
           .required = true},
          {.name = "tokens",
           .type = ParameterType::kChoice,
           .doc = "of the dead GPU: the live ones take them over in equal parts, or they are lost",
           .fallback = "redistribute",
           .choices = {"redistribute", "lost"}},
          {.name = "recovery_time",
           .type = ParameterType::kTime,
           .doc = "nobody works for so long after the failure (it is noticed, groups are formed "
                  "anew); assumed",
           .fallback = "10 s",
           .minimum = 0},
          {.name = "rejoin_time",
           .type = ParameterType::kTime,
           .doc = "likewise when the GPU comes back; default: recovery_time",
           .minimum = 0},
          {.name = "planning_time",
           .type = ParameterType::kTime,
           .doc = "of a new map on the CPU; assumed",
           .fallback = "20 ms",
           .minimum = 0},
          {.name = "load_rate",
           .type = ParameterType::kRate,
           .doc = "at which each GPU loads weights that no GPU holds any more, from its host or a "
                  "disk; assumed",
           .fallback = "2 GB/s",
           .minimum = 0,
           .above_minimum = true},
          link_efficiency_parameter(),
          {.name = "window",
           .type = ParameterType::kInteger,
           .doc = "steps before, whose load the new map is made for",
           .fallback = "100",
           .minimum = 1},
          {.name = "placement",
           .type = ParameterType::kTree,
           .doc = "the policy that makes the maps of the live GPUs, as in `placement:` (default: "
                  "that section)"}})}};

}  // namespace
}  // namespace moesim
