#include "sim/calibration/collective_fit.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <tuple>

#include "sim/calibration/cost_fields.hpp"
#include "sim/calibration/datasheet.hpp"
#include "sim/calibration/prior_fit.hpp"
#include "sim/calibration/sample_groups.hpp"

namespace moesim {
namespace {

using Samples = std::vector<const CollectiveSample*>;
using Costs = std::vector<CollectiveCost>;

// Typical of Hopper, in the order of collective_fields().
std::vector<Prior> priors_of(CollectiveAlgorithm algorithm, bool crosses_nodes) {
  using enum CollectiveAlgorithm;
  const bool one_kernel = algorithm == kOneShot || algorithm == kTwoShot;
  std::vector<Prior> priors = {{.typical = one_kernel ? 2e-6 : (crosses_nodes ? 40e-6 : 5e-6)},
                               {.typical = algorithm == kOneHop ? 6e-6
                                           : one_kernel         ? 1e-6
                                           : crosses_nodes      ? 5e-6
                                                                : 0.8e-6},
                               {.typical = 8e-6},
                               {.typical = algorithm == kOneHop ? 80e-6 : 25e-6},
                               {.typical = 40e-6, .lowest = 1e-7},
                               {.typical = one_kernel             ? 0.6
                                           : algorithm == kOneHop ? 0.7
                                                                  : 0.85,
                                .lowest = 0.02,
                                .highest = 1},
                               {.typical = algorithm == kRing ? 0.5 : 0.01},
                               {.typical = 0.92, .lowest = 0.02, .highest = 1}};
  if (algorithm != kRing) priors[6].highest = 0.02;  // not theirs
  if (crosses_nodes) priors[3].typical = 500e-6, priors[4].typical = 2e-3;
  return priors;
}

// Algorithms with unknown coefficients, and what else can be used.
struct Model {
  std::vector<CollectiveAlgorithm> algorithms;
  bool crosses_nodes = false;
  Costs others;
  std::string system;  // whose ports are those that are given; others have their datasheet's
  std::size_t per_algorithm = collective_fields().size();

  Costs costs(std::span<const double> values) const {
    Costs costs;
    for (std::size_t i = 0; i < algorithms.size(); ++i) {
      CollectiveCost cost{.algorithm = algorithms[i]};
      for (std::size_t field = 0; field < per_algorithm; ++field)
        collective_fields()[field].set(cost, values[i * per_algorithm + field]);
      costs.push_back(cost);
    }
    return costs;
  }
  Seconds time(const Costs& costs, const CollectiveSample& sample, const PortRates& other) const {
    const PortRates rates = sample.system == system ? other : port_rates_of(sample.system, other);
    Seconds fastest = kForever;
    for (const Costs* some : {&costs, &others})
      for (const CollectiveCost& cost : *some)
        fastest = std::min(
            fastest, collective_time(cost, sample.kind, sample.group, sample.size, rates).total());
    return fastest;
  }
};

// Coefficients that have no part in the scope keep out of the file.
CollectiveCost without_unused(CollectiveCost cost, bool crosses_nodes) {
  if (!crosses_nodes) cost.per_network_hop = Seconds(0), cost.network_efficiency = 1;
  if (cost.algorithm != CollectiveAlgorithm::kRing) cost.pair_loss = 0;
  return rounded(cost, collective_fields());
}

Costs solve(const Model& model, const Samples& samples, const PortRates& rates) {
  std::vector<Prior> priors;
  for (const CollectiveAlgorithm algorithm : model.algorithms) {
    const std::vector<Prior> own = priors_of(algorithm, model.crosses_nodes);
    priors.insert(priors.end(), own.begin(), own.end());
  }
  std::vector<double> measured;
  for (const CollectiveSample* sample : samples) measured.push_back(sample->measured.value);
  const std::vector<double> values =
      fit_with_priors(priors, measured, [&](std::span<const double> at, std::size_t row) {
        return model.time(model.costs(at), *samples[row], rates).value;
      });
  Costs costs = model.costs(values);
  for (CollectiveCost& cost : costs) cost = without_unused(cost, model.crosses_nodes);
  return costs;
}

std::vector<double> errors_of(const Model& model, const Costs& costs, const Samples& samples,
                              const PortRates& rates) {
  std::vector<double> errors;
  for (const CollectiveSample* sample : samples)
    errors.push_back(model.time(costs, *sample, rates) / sample->measured - 1);
  return errors;
}

// Errors on the samples of each fold, of a fit to the others. Nothing with a single fold, or with
// hardly more rows than unknowns.
template <class KeyOf>
ErrorSummary held_out(const Model& model, const Samples& samples, const PortRates& rates,
                      int most_folds, KeyOf key_of) {
  std::map<decltype(key_of(*samples.front())), int> fold_of;
  for (const CollectiveSample* sample : samples) fold_of.emplace(key_of(*sample), 0);
  if (fold_of.size() < 2 || samples.size() < model.algorithms.size() * model.per_algorithm)
    return {};
  int next = 0;
  for (auto& [key, fold] : fold_of) fold = next++ % most_folds;
  std::vector<double> errors;
  for (int fold = 0; fold < std::min(next, most_folds); ++fold) {
    Samples kept, left_out;
    for (const CollectiveSample* sample : samples)
      (fold_of.at(key_of(*sample)) == fold ? left_out : kept).push_back(sample);
    const auto own = errors_of(model, solve(model, kept, rates), left_out, rates);
    errors.insert(errors.end(), own.begin(), own.end());
  }
  return summarize(std::move(errors));
}

using GroupKey = std::tuple<bool, std::string, bool, CollectiveKind>;  // NCCL first

std::optional<GroupKey> key_of(const CollectiveSample& sample) {
  if (sample.measured.value <= 0 || sample.kind == CollectiveKind::kAllToAll) return std::nullopt;
  return GroupKey{sample.library != "nccl", sample.library, sample.crosses_nodes(), sample.kind};
}

std::vector<CollectiveAlgorithm> algorithms_of(const GroupKey& key, bool nvls) {
  using enum CollectiveAlgorithm;
  const auto& [custom, library, crosses_nodes, kind] = key;
  if (custom) return {kOneShot, kTwoShot};
  if (kind != CollectiveKind::kAllReduce) return {kRing};
  if (crosses_nodes) return {kRing, kTree};
  return nvls ? std::vector{kRing, kOneHop} : std::vector{kRing};
}

}  // namespace

std::vector<CollectiveFit> fit_collectives(std::span<const CollectiveSample> samples,
                                           const std::string& system, const PortRates& rates,
                                           bool nvls) {
  std::vector<CollectiveFit> fits;
  for (const auto& [key, group] : group_samples(samples, system, key_of)) {
    const auto& [custom, library, crosses_nodes, kind] = key;
    Model model{
        .algorithms = algorithms_of(key, nvls), .crosses_nodes = crosses_nodes, .system = system};
    for (const CollectiveFit& fit : fits)
      if (custom && fit.library == "nccl" && fit.crosses_nodes == crosses_nodes && fit.kind == kind)
        model.others = fit.costs;
    CollectiveFit fit{.library = library,
                      .kind = kind,
                      .crosses_nodes = crosses_nodes,
                      .costs = solve(model, group, rates)};
    fit.errors = errors_of(model, fit.costs, group, rates);
    for (const CollectiveSample* sample : group)
      fit.fitted_samples.push_back(static_cast<std::size_t>(sample - samples.data()));
    fit.fitted = summarize(fit.errors);
    constexpr int kFolds = 3, kEach = 100;
    fit.sizes = held_out(model, group, rates, kFolds,
                         [](const CollectiveSample& sample) { return sample.size; });
    fit.groups = held_out(model, group, rates, kEach, [](const CollectiveSample& sample) {
      return std::pair{sample.group.domains, sample.group.ranks};
    });
    fits.push_back(std::move(fit));
  }
  return fits;
}

}  // namespace moesim
