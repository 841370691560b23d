// Pruning (policies.md 1.15): at a step, experts whose share of a layer's routes over a window is
// below a threshold are removed for good; with threshold 0, those that nobody asked for. Their
// routes take the next best. A layer keeps so many experts, and each expert group what a token may
// need of it: the least used go first.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "sim/event/event.hpp"

namespace moesim {
namespace {

class PruneExperts final : public Event {
 public:
  explicit PruneExperts(const Arguments& arguments) : arguments_(arguments) {}

  StepRange steps() const override { return {.first = arguments_.integer("at")}; }
  std::string text() const override {
    const double share = arguments_.number("threshold");
    return share > 0 ? fmt::format("experts with less than {:g} of the routes pruned", share)
                     : std::string("experts that nobody asked for pruned");
  }

  void fit(const Scenario& scenario, Mistakes& mistakes) const override {
    const int first = -scenario.workload.warmup_steps;
    if (arguments_.integer("at") <= first)
      mistakes.add(arguments_.spot("at"),
                   fmt::format("no step comes before step {} to look at", first),
                   "prune at a later step, or add workload.warmup_steps");
    if (arguments_.has("keep") && arguments_.integer("keep") < scenario.model.top_k)
      mistakes.add(arguments_.spot("keep"),
                   fmt::format("a token asks for {} experts", scenario.model.top_k));
  }

  std::optional<StepRange> watches() const override {
    const int at = arguments_.integer("at");
    return StepRange{.first = at - arguments_.integer("window"), .end = at};
  }

  void apply(const EventMoment& moment, Conditions& conditions) const override {
    if (!steps().contains(moment.step) || moment.seen == nullptr) return;
    const MoeModel& model = moment.scenario.model;
    ensure_masks(conditions, model.moe_layer_count(), model.experts);
    for (const LayerId layer : conditions.masks.row_ids())
      prune(model, moment.seen->row(layer), conditions.masks.row(layer));
  }

 private:
  void prune(const MoeModel& model, std::span<const double> load, std::span<Mask> masks) const {
    const double all = std::accumulate(load.begin(), load.end(), 0.0);
    const double least = arguments_.number("threshold") * all;
    const int keep = arguments_.has("keep") ? arguments_.integer("keep") : model.top_k;
    // Of a group: the experts that a token needs if it may use no more groups.
    const int group_size = model.experts / model.groups;
    const int group_keep =
        model.groups > 1 ? (model.top_k + model.groups_per_token - 1) / model.groups_per_token : 0;
    std::vector<std::size_t> order(load.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return load[a] < load[b]; });
    int open = open_experts(masks);
    for (const std::size_t expert : order) {
      const bool unused = load[expert] <= 0 || load[expert] < least;
      if (!unused || open <= keep) return;
      if (masks[expert] != Mask::kOpen) continue;
      const auto first = expert / static_cast<std::size_t>(group_size);
      const auto group = masks.subspan(first * static_cast<std::size_t>(group_size),
                                       static_cast<std::size_t>(group_size));
      if (open_experts(group) <= group_keep) continue;
      masks[expert] = Mask::kRedraw;
      --open;
    }
  }

  Arguments arguments_;
};

const Register<Event, PruneExperts> kPruneExperts{
    {.name = "prune_experts",
     .summary = "experts that few tokens ask for are removed",
     .source = "policies.md 1.15",
     .parameters = {{.name = "at",
                     .type = ParameterType::kInteger,
                     .doc = "first step without them",
                     .required = true},
                    {.name = "threshold",
                     .type = ParameterType::kNumber,
                     .doc = "share of a layer's routes below which an expert goes; 0 = those that "
                            "nobody asked for",
                     .fallback = "0",
                     .minimum = 0,
                     .maximum = 1},
                    {.name = "window",
                     .type = ParameterType::kInteger,
                     .doc = "steps before, whose routes are counted",
                     .fallback = "10",
                     .minimum = 1},
                    {.name = "keep",
                     .type = ParameterType::kInteger,
                     .doc = "experts that a layer keeps at least; default: the model's top-k",
                     .minimum = 1}}}};

}  // namespace
}  // namespace moesim
