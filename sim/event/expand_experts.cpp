// Expert expansion, such as 8 → 64 (policies.md 1.15): at a step every expert is split into
// children that start with its weights. A child gets its part of its parent's routes, p / m but for
// log-normal noise; experts a token stay as they are.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "sim/event/event.hpp"
#include "sim/rebalance/rebalance.hpp"

namespace moesim {
namespace {

// Expert e of the trace is the experts e · children .. e · children + children − 1.
class ExpandedTrace final : public Trace {
 public:
  ExpandedTrace(std::unique_ptr<Trace> before, int experts, int children, double noise,
                Random random)
      : before_(std::move(before)),
        experts_(experts),
        children_(children),
        noise_(noise),
        random_(random) {}

  // The trace before it was fitted to the model before.
  void fit(const MoeModel&, Mistakes&) override {}
  Routing route(const RoutingRequest& request) const override {
    return split(before_->route(request), request);
  }
  Routing profile_route(const RoutingRequest& request) const override {
    return split(before_->profile_route(request), request);
  }
  std::vector<std::string> notes() const override { return before_->notes(); }

  ExpertLoad profile(int steps, std::span<const int> tokens, Random random) const override {
    const ExpertLoad parents = before_->profile(steps, tokens, random);
    ExpertLoad load(parents.rows(), parents.columns() * static_cast<std::size_t>(children_));
    for (const LayerId layer : load.row_ids()) {
      const std::vector<double> shares = shares_of(layer);
      for (const ExpertId child : load.column_ids())
        load(layer, child) =
            parents(layer, ExpertId(child.value / children_)) * shares[child.index()];
    }
    return load;
  }

 private:
  // Of each child in its parent's routes, [experts · children].
  std::vector<double> shares_of(LayerId layer) const {
    std::vector<double> shares(static_cast<std::size_t>(experts_ * children_));
    Rng rng = random_.stream(Purpose::kPopularity, layer.value);
    for (double& share : shares) share = std::exp(noise_ * rng.normal());
    const auto each = static_cast<std::ptrdiff_t>(children_);
    for (auto first = shares.begin(); first != shares.end(); first += each) {
      const double sum = std::accumulate(first, first + each, 0.0);
      std::for_each(first, first + each, [&](double& share) { share /= sum; });
    }
    return shares;
  }

  Routing split(Routing routing, const RoutingRequest& request) const {
    const std::vector<double> shares = shares_of(request.layer);
    ExpertCounts counts(routing.gpus(), experts_ * children_);
    if (!routing.logits.empty()) split_logits(routing, shares);
    for (const GpuId gpu : counts.row_ids()) {
      Rng rng =
          random_.stream(Purpose::kRouting, request.step.value, request.layer.value, gpu.value);
      if (routing.has_ids())
        split_ids(routing, gpu, shares, rng);
      else
        split_counts(routing.counts.row(gpu), counts.row(gpu), shares, rng);
    }
    routing.counts =
        routing.has_ids() ? count_routes(routing, experts_ * children_) : std::move(counts);
    return routing;
  }

  // A child's softmax is its share of its parent's.
  void split_logits(Routing& routing, const std::vector<double>& shares) const {
    std::vector<float> log_shares;
    for (const double share : shares) log_shares.push_back(static_cast<float>(std::log(share)));
    std::vector<float> logits;
    logits.reserve(routing.logits.size() * static_cast<std::size_t>(children_));
    for (std::size_t at = 0; at < routing.logits.size(); ++at) {
      const std::size_t first =
          at % static_cast<std::size_t>(experts_) * static_cast<std::size_t>(children_);
      for (std::size_t child = first; child < first + static_cast<std::size_t>(children_); ++child)
        logits.push_back(routing.logits[at] + log_shares[child]);
    }
    routing.logits = std::move(logits);
  }

  void split_ids(Routing& routing, GpuId gpu, const std::vector<double>& shares, Rng& rng) const {
    const auto k = static_cast<std::size_t>(routing.top_k);
    const auto first = static_cast<std::size_t>(routing.first_token[gpu.index()]) * k;
    const auto end = static_cast<std::size_t>(routing.first_token[gpu.index() + 1]) * k;
    for (std::size_t at = first; at < end; ++at) {
      if (routing.ids[at] < 0) continue;
      int child = routing.ids[at] * children_;
      const int last = child + children_ - 1;
      for (double place = rng.uniform(); child < last; ++child)
        if ((place -= shares[static_cast<std::size_t>(child)]) < 0) break;
      routing.ids[at] = static_cast<std::int16_t>(child);
    }
  }

  void split_counts(std::span<const int> parents, std::span<int> counts,
                    const std::vector<double>& shares, Rng& rng) const {
    for (std::size_t parent = 0; parent < parents.size(); ++parent) {
      int left = parents[parent];
      double rest = 1;
      const std::size_t first = parent * static_cast<std::size_t>(children_);
      const std::size_t last = first + static_cast<std::size_t>(children_) - 1;
      for (std::size_t child = first; child < last; ++child) {
        counts[child] = rng.binomial(left, std::min(1.0, shares[child] / rest));
        left -= counts[child];
        rest -= shares[child];
      }
      counts[last] = left;
    }
  }

  std::unique_ptr<Trace> before_;
  int experts_ = 0, children_ = 1;  // experts: before
  double noise_ = 0;
  Random random_;
};

class ExpandExperts final : public Event {
 public:
  explicit ExpandExperts(const Arguments& arguments)
      : arguments_(arguments),
        expansion_{.at = arguments.integer("at"),
                   .children = arguments.integer("children"),
                   .planning = arguments.time("planning_time"),
                   .link_efficiency = arguments.number("link_efficiency")} {}

  StepRange steps() const override { return {.first = expansion_.at}; }
  std::string text() const override {
    return fmt::format("every expert becomes {}", expansion_.children);
  }
  const Expansion* expansion() const override { return &expansion_; }

  void fit(const Scenario& scenario, Mistakes& mistakes) const override {
    if (expansion_.at <= -scenario.workload.warmup_steps)
      mistakes.add(arguments_.spot("at"), "no step comes before the expansion",
                   "give the model its experts, or expand at a later step");
    const double experts = 1.0 * scenario.model.experts * expansion_.children;
    if (experts > kMostExperts)
      mistakes.add(
          arguments_.spot("children"),
          fmt::format("{:.0f} experts a layer are more than {:.0f}", experts, kMostExperts));
    if (scenario.grid && !scenario.grid->plain())
      mistakes.add(arguments_.section(),
                   "experts are expanded where all GPUs share them, and nothing else is shared",
                   "leave parallel out: data-parallel attention, and all GPUs share the experts");
  }

  std::unique_ptr<Trace> expanded(std::unique_ptr<Trace> trace, int experts,
                                  Random random) const override {
    return std::make_unique<ExpandedTrace>(std::move(trace), experts, expansion_.children,
                                           arguments_.number("noise"), random);
  }

 private:
  static constexpr double kMostExperts = 32767;  // ids are 16 bits
  Arguments arguments_;
  Expansion expansion_;
};

const Register<Event, ExpandExperts> kExpandExperts{
    {.name = "expand_experts",
     .summary = "every expert is split into children with its weights",
     .source = "policies.md 1.15",
     .parameters = {{.name = "at",
                     .type = ParameterType::kInteger,
                     .doc = "first step with them",
                     .required = true},
                    {.name = "children",
                     .type = ParameterType::kInteger,
                     .doc = "of each expert",
                     .required = true,
                     .minimum = 2},
                    {.name = "noise",
                     .type = ParameterType::kNumber,
                     .doc = "deviation of ln(share) of a child in its parent's routes",
                     .fallback = "0.1",
                     .minimum = 0,
                     .maximum = 5},
                    {.name = "planning_time",
                     .type = ParameterType::kTime,
                     .doc = "of the new map on the CPU; assumed",
                     .fallback = "20 ms",
                     .minimum = 0},
                    link_efficiency_parameter()}}};

}  // namespace
}  // namespace moesim
