#include "sim/calibration/exchange_fit.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "sim/calibration/datasheet.hpp"
#include "sim/calibration/exchange_priors.hpp"
#include "sim/calibration/sample_groups.hpp"

namespace moesim {
namespace {

using Samples = std::vector<const ExchangeSample*>;

// Ports of the system that is fitted, which may differ from its datasheet; others have theirs.
struct Ports {
  const std::string& system;
  const PortRates& rates;
  PortRates of(const ExchangeSample& sample) const {
    return sample.system == system ? rates : port_rates_of(sample.system, rates);
  }
};

// An exchange cost with some coefficients unknown.
struct Model {
  std::vector<ExchangePrior> priors;
  ExchangeCost fixed;

  ExchangeCost cost(std::span<const double> values) const {
    ExchangeCost cost = fixed;
    for (std::size_t i = 0; i < priors.size(); ++i) priors[i].field->set(cost, values[i]);
    return cost;
  }
};

ExchangeCost solve(const Model& model, const Samples& samples, const Ports& ports) {
  std::vector<Prior> priors;
  for (const ExchangePrior& unknown : model.priors) priors.push_back(unknown.prior);
  std::vector<double> measured;
  for (const ExchangeSample* sample : samples) measured.push_back(sample->measured.value);
  const std::vector<double> values =
      fit_with_priors(priors, measured, [&](std::span<const double> at, std::size_t row) {
        return exchange_time(model.cost(at), samples[row]->work, ports.of(*samples[row]))
            .total()
            .value;
      });
  return rounded(model.cost(values), exchange_fields());
}

std::vector<double> errors_of(const ExchangeCost& cost, const Samples& samples,
                              const Ports& ports) {
  std::vector<double> errors;
  for (const ExchangeSample* sample : samples)
    errors.push_back(
        exchange_time(cost, sample->work, ports.of(*sample)).total() / sample->measured - 1);
  return errors;
}

using FoldOf = std::function<int(const ExchangeSample&)>;

// Errors on the samples of each fold, of a fit to the others. Nothing with a single fold, or with
// hardly more rows than unknowns.
ErrorSummary held_out(const Model& model, const Samples& samples, const Ports& ports,
                      const FoldOf& fold_of) {
  std::map<int, std::pair<Samples, Samples>> folds;  // left out, kept
  for (const ExchangeSample* sample : samples) folds[fold_of(*sample)].first.push_back(sample);
  if (folds.size() < 2 || samples.size() < 2 * model.priors.size()) return {};
  std::vector<double> errors;
  for (auto& [fold, parts] : folds) {
    auto& [left_out, kept] = parts;
    for (const ExchangeSample* sample : samples)
      if (fold_of(*sample) != fold) kept.push_back(sample);
    const std::vector<double> own = errors_of(solve(model, kept, ports), left_out, ports);
    errors.insert(errors.end(), own.begin(), own.end());
  }
  return summarize(std::move(errors));
}

FoldOf fold_by_tokens(const Samples& samples) {
  std::map<double, int> folds;
  for (const ExchangeSample* sample : samples) folds.emplace(sample->size, 0);
  constexpr int kFolds = 3;
  int next = 0;
  for (auto& [tokens, fold] : folds) fold = next++ % kFolds;
  return [folds](const ExchangeSample& sample) { return folds.at(sample.size); };
}

FoldOf fold_by_shape(const Samples& samples) {
  using Shape = std::tuple<int, int, int, int, int>;
  const auto shape_of = [](const ExchangeSample& sample) {
    const UniformTraffic& t = sample.traffic;
    return Shape{t.hidden, t.top_k, t.experts, t.ranks, t.domains};
  };
  std::map<Shape, int> folds;
  for (const ExchangeSample* sample : samples) folds.emplace(shape_of(*sample), 0);
  int next = 0;
  for (auto& [shape, fold] : folds) fold = next++;
  return [folds, shape_of](const ExchangeSample& sample) { return folds.at(shape_of(sample)); };
}

// The counting step while it costs the same however many tokens; none measured: 0.
Seconds median_notify(const Samples& samples) {
  constexpr int kFewTokens = 256;
  std::vector<double> notify;
  for (const ExchangeSample* sample : samples)
    if (sample->traffic.tokens <= kFewTokens && sample->notify.value > 0)
      notify.push_back(sample->notify.value);
  if (notify.empty()) return Seconds(0);
  const auto middle = notify.begin() + static_cast<std::ptrdiff_t>(notify.size() / 2);
  std::nth_element(notify.begin(), middle, notify.end());
  return Seconds(*middle);
}

// Local before network, low latency before normal, dispatch after combine: what a later fit takes
// from an earlier one is there.
struct GroupKey {
  bool crosses_nodes;
  std::string library, phase;
  auto operator<=>(const GroupKey&) const = default;
};

std::optional<GroupKey> key_of(const ExchangeSample& sample) {
  if (sample.measured.value <= 0) return std::nullopt;
  return GroupKey{sample.crosses_nodes(), sample.library, sample.phase};
}

}  // namespace

std::vector<ExchangeFit> fit_exchanges(std::span<const ExchangeSample> samples,
                                       const std::string& system, const PortRates& rates) {
  const Ports ports{system, rates};
  std::vector<ExchangeFit> fits;
  const auto fitted_before = [&](bool crosses_nodes, const std::string& library,
                                 const std::string& phase) -> const ExchangeCost* {
    for (const ExchangeFit& fit : fits)
      if (fit.crosses_nodes == crosses_nodes && fit.library == library && fit.phase == phase)
        return &fit.cost;
    return nullptr;
  };
  for (const auto& [key, group] : group_samples(samples, system, key_of)) {
    Model model;
    model.priors = exchange_priors(key.library, key.phase, key.crosses_nodes);
    if (key.crosses_nodes) {
      model.fixed =
          network_base(key.library, key.phase, fitted_before(false, key.library, key.phase));
      if (const Seconds notify = median_notify(group); notify.value > 0)
        set_notify(model.fixed, notify, group.front()->traffic.domains);
      if (const auto* cost = fitted_before(true, "deepep_low_latency", "dispatch"))
        center_on_nic(model.priors, cost->network_efficiency);
    }
    ExchangeFit fit{.library = key.library,
                    .phase = key.phase,
                    .crosses_nodes = key.crosses_nodes,
                    .cost = solve(model, group, ports)};
    fit.errors = errors_of(fit.cost, group, ports);
    for (const ExchangeSample* sample : group)
      fit.fitted_samples.push_back(static_cast<std::size_t>(sample - samples.data()));
    fit.fitted = summarize(fit.errors);
    fit.tokens = held_out(model, group, ports, fold_by_tokens(group));
    fit.shapes = held_out(model, group, ports, fold_by_shape(group));
    fits.push_back(std::move(fit));
  }
  return fits;
}

}  // namespace moesim
