// A change of domain (policies.md 1.14, 1.15): from a step on, tokens are of other text, whose
// experts are others. Either they come from another trace, or some of the experts of this one
// change places (so that loads are as unequal as before, but elsewhere). At once, or so that each
// step of a stretch has more of the new tokens.
#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <utility>

#include "sim/event/event.hpp"

namespace moesim {
namespace {

// The tokens of both, source by source. What only one knows is dropped.
Routing together(const Routing& a, const Routing& b) {
  Routing all{.top_k = a.top_k, .first_token = {0}, .counts = a.counts};
  for (std::size_t i = 0; i < all.counts.raw().size(); ++i)
    all.counts.raw()[i] += b.counts.raw()[i];
  const auto k = static_cast<std::size_t>(a.top_k), experts = static_cast<std::size_t>(a.experts());
  for (const GpuId gpu : IdRange<GpuId>(a.gpus())) {
    for (const Routing* one : {&a, &b}) {
      const Routing& other = one == &a ? b : a;
      const auto known = [&](const auto& values, const auto& others) {
        return !values.empty() && (!others.empty() || other.tokens() == 0);
      };
      const int first = one->first_token[gpu.index()], end = one->first_token[gpu.index() + 1];
      if (known(one->ids, other.ids)) append_rows(one->ids, first, end, k, all.ids);
      if (known(one->weights, other.weights)) append_rows(one->weights, first, end, k, all.weights);
      if (known(one->logits, other.logits))
        append_rows(one->logits, first, end, experts, all.logits);
    }
    all.first_token.push_back(all.first_token.back() + a.tokens_of(gpu) + b.tokens_of(gpu));
  }
  return all;
}

// The same tokens, where expert e of the trace is another.
class RenamedTrace {
 public:
  // A share of the experts of each layer, drawn at random, each take the next one's place.
  RenamedTrace(double share, Random random) : share_(share), random_(random) {}

  Routing renamed(Routing routing, LayerId layer) const {
    const std::vector<int> to = names(routing.experts(), layer);
    for (std::int16_t& id : routing.ids)
      if (id >= 0) id = static_cast<std::int16_t>(to[static_cast<std::size_t>(id)]);
    const ExpertCounts counts = routing.counts;
    for (const GpuId gpu : counts.row_ids())
      for (const ExpertId expert : counts.column_ids())
        routing.counts(gpu, ExpertId(to[expert.index()])) = counts(gpu, expert);
    const std::vector<float> logits = routing.logits;
    for (std::size_t at = 0; at < logits.size(); ++at) {
      const std::size_t expert = at % to.size();
      routing.logits[at - expert + static_cast<std::size_t>(to[expert])] = logits[at];
    }
    return routing;
  }

 private:
  std::vector<int> names(int experts, LayerId layer) const {
    std::vector<int> order(static_cast<std::size_t>(experts)), to(order.size());
    std::iota(order.begin(), order.end(), 0);
    to = order;
    Rng rng = random_.stream(Purpose::kPopularity, layer.value);
    const auto moved = static_cast<std::size_t>(std::lround(share_ * experts));
    for (std::size_t i = 0; i < moved; ++i)
      std::swap(order[i],
                order[i + static_cast<std::size_t>(rng.below(experts - static_cast<int>(i)))]);
    for (std::size_t i = 0; i < moved; ++i)
      to[static_cast<std::size_t>(order[i])] = order[(i + 1) % moved];
    return to;
  }

  double share_ = 0;
  Random random_;
};

// How much of each step is new.
struct Crossing {
  StepRange range;  // as in the results
  int over = 0;     // steps
  int warmup = 0;

  double share_at(StepId step) const {
    const int now = step.value - warmup;
    if (step.value < 0 || !range.contains(now)) return 0;
    if (over <= 1 || !range.first) return 1;
    return std::min(1.0, static_cast<double>(now - *range.first + 1) / over);
  }
};

class ChangingTrace final : public Trace {
 public:
  ChangingTrace(std::unique_ptr<Trace> before, std::unique_ptr<Trace> after, RenamedTrace names,
                Crossing crossing, Random random)
      : before_(std::move(before)),
        after_(std::move(after)),
        names_(std::move(names)),
        crossing_(crossing),
        random_(random) {}

  // Both have been.
  void fit(const MoeModel&, Mistakes&) override {}

  Routing route(const RoutingRequest& request) const override {
    const double share = crossing_.share_at(request.step);
    if (share <= 0) return before_->route(request);
    std::vector<int> old_tokens, new_tokens;
    for (const int tokens : request.tokens) {
      new_tokens.push_back(static_cast<int>(std::lround(share * tokens)));
      old_tokens.push_back(tokens - new_tokens.back());
    }
    if (share >= 1) return of_new_domain(request, new_tokens);
    RoutingRequest old = request;
    old.tokens = old_tokens;
    return together(before_->route(old), of_new_domain(request, new_tokens));
  }

  // What was known before the run is the old domain.
  Routing profile_route(const RoutingRequest& request) const override {
    return before_->profile_route(request);
  }
  ExpertLoad profile(int steps, std::span<const int> tokens, Random random) const override {
    return before_->profile(steps, tokens, random);
  }
  std::vector<std::string> notes() const override {
    std::vector<std::string> all = before_->notes();
    if (after_ != nullptr)
      for (std::string& note : after_->notes()) all.push_back(std::move(note));
    return all;
  }

 private:
  Routing of_new_domain(RoutingRequest request, std::span<const int> tokens) const {
    request.tokens = tokens;
    if (after_ == nullptr) return names_.renamed(before_->route(request), request.layer);
    request.random = random_;
    return after_->route(request);
  }

  std::unique_ptr<Trace> before_, after_;  // none: the same, renamed
  RenamedTrace names_;
  Crossing crossing_;
  Random random_;
};

class DomainChange final : public Event {
 public:
  explicit DomainChange(const Arguments& arguments) : arguments_(arguments) {}

  StepRange steps() const override { return read_interval(arguments_); }
  std::string text() const override {
    return to_trace()
               ? std::string("text of another domain")
               : fmt::format("{:g} of the experts change places", arguments_.number("permute"));
  }

  void fit(const Scenario& scenario, Mistakes& mistakes) const override {
    check_interval(arguments_, mistakes);
    if (to_trace() == arguments_.has("permute")) {
      mistakes.add(arguments_.section(), "a change of domain has either a trace or permute",
                   "say trace: {kind: lognormal, sigma: 0.8}, or permute: 0.5");
      return;
    }
    if (to_trace()) make_trace(scenario, mistakes);
  }

  std::unique_ptr<Trace> changed(std::unique_ptr<Trace> trace, const Scenario& scenario,
                                 Random random) const override {
    Mistakes mistakes;
    std::unique_ptr<Trace> after = to_trace() ? make_trace(scenario, mistakes) : nullptr;
    mistakes.throw_if_any();
    const double moved = to_trace() ? 0 : arguments_.number("permute");
    return std::make_unique<ChangingTrace>(
        std::move(trace), std::move(after), RenamedTrace(moved, random),
        Crossing{steps(), arguments_.integer("over"), scenario.workload.warmup_steps}, random);
  }

 private:
  bool to_trace() const { return arguments_.has("trace"); }

  std::unique_ptr<Trace> make_trace(const Scenario& scenario, Mistakes& mistakes) const {
    const Choice choice = read_choice(Trace::kRole, arguments_.tree("trace"), mistakes);
    if (choice.kind.empty() || !mistakes.empty()) return nullptr;
    std::unique_ptr<Trace> trace = Registry<Trace>::make(choice);
    trace->fit(scenario.model, mistakes);
    return trace;
  }

  Arguments arguments_;
};

const Register<Event, DomainChange> kDomainChange{
    {.name = "domain_change",
     .summary = "tokens ask for other experts than before",
     .source = "policies.md 1.14, 1.15",
     .parameters =
         with_interval({{.name = "trace",
                         .type = ParameterType::kTree,
                         .doc = "where the new tokens come from, as in `trace:`"},
                        {.name = "permute",
                         .type = ParameterType::kNumber,
                         .doc = "or: this share of the experts of a layer change places",
                         .minimum = 0,
                         .maximum = 1},
                        {.name = "over",
                         .type = ParameterType::kInteger,
                         .doc = "steps in which the new tokens come to be all of them; 0 = at once",
                         .fallback = "0",
                         .minimum = 0}})}};

}  // namespace
}  // namespace moesim
