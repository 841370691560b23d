#include "sim/calibration/exchange_fit.hpp"

#include <ceres/ceres.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "sim/calibration/exchange_fields.hpp"
#include "sim/calibration/exchange_priors.hpp"

namespace moesim {
namespace {

constexpr double kLossScale = 0.05;  // errors above 5 % count linearly
constexpr double kHighest = 40;      // of an unknown, in units of its typical value

using Samples = std::vector<const ExchangeSample*>;

// An exchange cost with some coefficients unknown; unknowns are in units of their typical values.
struct Model {
  std::vector<ExchangePrior> priors;
  ExchangeCost fixed;

  ExchangeCost cost(const double* unknowns) const {
    ExchangeCost cost = fixed;
    for (std::size_t i = 0; i < priors.size(); ++i)
      priors[i].field->set(cost, priors[i].typical * unknowns[i]);
    return cost;
  }
};

struct LogRatio {
  const Model* model;
  const ExchangeSample* sample;
  PortRates rates;

  bool operator()(double const* const* unknowns, double* residual) const {
    const Seconds predicted = exchange_time(model->cost(unknowns[0]), sample->work, rates).total();
    residual[0] = std::log(std::max(1e-12, predicted.value) / sample->measured.value);
    return true;
  }
};

struct Distance {
  std::size_t unknown;
  double weight;
  bool operator()(double const* const* unknowns, double* residual) const {
    residual[0] = weight * (unknowns[0][unknown] - 1);
    return true;
  }
};

template <class Functor>
ceres::CostFunction* one_residual(Functor* functor, std::size_t unknowns) {
  auto* function = new ceres::DynamicNumericDiffCostFunction<Functor, ceres::CENTRAL>(functor);
  function->AddParameterBlock(static_cast<int>(unknowns));
  function->SetNumResiduals(1);
  return function;  // the problem owns it, and it the functor
}

ExchangeCost solve(const Model& model, const Samples& samples, const PortRates& rates) {
  const std::size_t count = model.priors.size();
  std::vector<double> unknowns(count, 1);
  ceres::Problem problem;
  problem.AddParameterBlock(unknowns.data(), static_cast<int>(count));
  auto* loss = new ceres::SoftLOneLoss(kLossScale);  // the problem owns it
  for (const ExchangeSample* sample : samples)
    problem.AddResidualBlock(one_residual(new LogRatio{&model, sample, rates}, count), loss,
                             unknowns.data());
  for (std::size_t i = 0; i < count; ++i) {
    const ExchangePrior& prior = model.priors[i];
    const double weight =
        prior.weight + prior.weight_of_rows * std::sqrt(static_cast<double>(samples.size()));
    problem.AddResidualBlock(one_residual(new Distance{i, weight}, count), nullptr,
                             unknowns.data());
    const int index = static_cast<int>(i);
    problem.SetParameterLowerBound(unknowns.data(), index, prior.lowest / prior.typical);
    problem.SetParameterUpperBound(unknowns.data(), index,
                                   prior.highest > 0 ? prior.highest / prior.typical : kHighest);
  }
  ceres::Solver::Options options;
  options.linear_solver_type = ceres::DENSE_QR;
  options.num_threads = 1;
  options.max_num_iterations = 200;
  options.logging_type = ceres::SILENT;
  ceres::Solver::Summary summary;
  ceres::Solve(options, &problem, &summary);
  return rounded(model.cost(unknowns.data()));
}

std::vector<double> errors_of(const ExchangeCost& cost, const Samples& samples,
                              const PortRates& rates) {
  std::vector<double> errors;
  for (const ExchangeSample* sample : samples)
    errors.push_back(exchange_time(cost, sample->work, rates).total() / sample->measured - 1);
  return errors;
}

using FoldOf = std::function<int(const ExchangeSample&)>;

// Errors on the samples of each fold, of a fit to the others. Nothing with a single fold, or with
// hardly more rows than unknowns.
ErrorSummary held_out(const Model& model, const Samples& samples, const PortRates& rates,
                      const FoldOf& fold_of) {
  std::map<int, std::pair<Samples, Samples>> folds;  // left out, kept
  for (const ExchangeSample* sample : samples) folds[fold_of(*sample)].first.push_back(sample);
  if (folds.size() < 2 || samples.size() < 2 * model.priors.size()) return {};
  std::vector<double> errors;
  for (auto& [fold, parts] : folds) {
    auto& [left_out, kept] = parts;
    for (const ExchangeSample* sample : samples)
      if (fold_of(*sample) != fold) kept.push_back(sample);
    const std::vector<double> own = errors_of(solve(model, kept, rates), left_out, rates);
    errors.insert(errors.end(), own.begin(), own.end());
  }
  return summarize(std::move(errors));
}

FoldOf fold_by_tokens(const Samples& samples) {
  std::map<int, int> folds;
  for (const ExchangeSample* sample : samples) folds.emplace(sample->traffic.tokens, 0);
  constexpr int kFolds = 3;
  int next = 0;
  for (auto& [tokens, fold] : folds) fold = next++ % kFolds;
  return [folds](const ExchangeSample& sample) { return folds.at(sample.traffic.tokens); };
}

FoldOf fold_by_shape(const Samples& samples) {
  using Shape = std::tuple<int, int, int>;
  const auto shape_of = [](const ExchangeSample& sample) {
    return Shape{sample.traffic.hidden, sample.traffic.top_k, sample.traffic.experts};
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

std::map<GroupKey, Samples> group_samples(std::span<const ExchangeSample> samples,
                                          const std::string& system) {
  std::map<GroupKey, Samples> own, others;
  for (const ExchangeSample& sample : samples) {
    if (sample.measured.value <= 0) continue;
    (sample.system == system ? own : others)[{sample.crosses_nodes(), sample.library, sample.phase}]
        .push_back(&sample);
  }
  for (auto& [key, group] : others) own.try_emplace(key, std::move(group));
  return own;
}

}  // namespace

std::vector<ExchangeFit> fit_exchanges(std::span<const ExchangeSample> samples,
                                       const std::string& system, const PortRates& rates) {
  std::vector<ExchangeFit> fits;
  const auto fitted_before = [&](bool crosses_nodes, const std::string& library,
                                 const std::string& phase) -> const ExchangeCost* {
    for (const ExchangeFit& fit : fits)
      if (fit.crosses_nodes == crosses_nodes && fit.library == library && fit.phase == phase)
        return &fit.cost;
    return nullptr;
  };
  for (const auto& [key, group] : group_samples(samples, system)) {
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
                    .cost = solve(model, group, rates)};
    fit.errors = errors_of(fit.cost, group, rates);
    for (const ExchangeSample* sample : group)
      fit.fitted_samples.push_back(static_cast<std::size_t>(sample - samples.data()));
    fit.fitted = summarize(fit.errors);
    fit.tokens = held_out(model, group, rates, fold_by_tokens(group));
    fit.shapes = held_out(model, group, rates, fold_by_shape(group));
    fits.push_back(std::move(fit));
  }
  return fits;
}

}  // namespace moesim
