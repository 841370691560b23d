// Fits the start-ups and rates of an exchange library to its measurements.
#include <ceres/ceres.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>

#include "sim/calibration/exchange_table.hpp"

namespace moesim {
namespace {

constexpr double kLossScale = 0.05;
constexpr int kUnknowns = 3;

// What is unknown of a library in a scope; the rest of ExchangeCost stays as it is.
//   normal mode: start-up, NVLink rate of an SM, and (in a node) the rate however many SMs
//   low latency: start-up, efficiency of the NVLink port (in a node) or of the NIC
struct Model {
  bool normal = false, crosses_nodes = false;
  ExchangeCost fixed;

  ExchangeCost cost(const std::array<double, kUnknowns>& u) const {
    ExchangeCost cost = fixed;
    cost.start_up = Seconds(1e-6 * u[0]);
    if (normal) {
      cost.rate_per_sm = BytesPerSecond(1e9 * u[1]);
      if (!crosses_nodes) cost.local_ceiling = BytesPerSecond(1e9 * u[2]);
    } else {
      (crosses_nodes ? cost.network_efficiency : cost.local_efficiency) = u[1];
    }
    return cost;
  }
  std::array<double, kUnknowns> start() const {
    if (normal) return {crosses_nodes ? 40.0 : 30.0, 15, 300};
    return {15, crosses_nodes ? 0.9 : 0.5, 1};
  }
};

struct LogRatio {
  const Model* model;
  const ExchangeSample* sample;
  ExchangeRates rates;

  bool operator()(const double* unknowns, double* residual) const {
    const Seconds predicted =
        exchange_seconds(model->cost({unknowns[0], unknowns[1], unknowns[2]}), *sample, rates);
    residual[0] = std::log(std::max(1e-9, predicted.value) / sample->measured().value);
    return true;
  }
};

using Samples = std::vector<const ExchangeSample*>;

std::array<double, kUnknowns> solve(const Model& model, const Samples& samples,
                                    const ExchangeRates& rates) {
  std::array<double, kUnknowns> unknowns = model.start();
  ceres::Problem problem;
  auto* loss = new ceres::SoftLOneLoss(kLossScale);  // the problem owns it
  for (const ExchangeSample* sample : samples)
    problem.AddResidualBlock(
        new ceres::NumericDiffCostFunction<LogRatio, ceres::CENTRAL, 1, kUnknowns>(
            new LogRatio{&model, sample, rates}),
        loss, unknowns.data());
  for (int i = 0; i < kUnknowns; ++i) problem.SetParameterLowerBound(unknowns.data(), i, 1e-3);
  if (!model.normal) problem.SetParameterUpperBound(unknowns.data(), 1, 1);
  ceres::Solver::Options options;
  options.linear_solver_type = ceres::DENSE_QR;
  options.num_threads = 1;
  options.max_num_iterations = 100;
  options.logging_type = ceres::SILENT;
  ceres::Solver::Summary summary;
  ceres::Solve(options, &problem, &summary);
  return unknowns;
}

double mape(const ExchangeCost& cost, const Samples& samples, const ExchangeRates& rates) {
  double sum = 0;
  for (const ExchangeSample* sample : samples)
    sum += std::fabs(exchange_seconds(cost, *sample, rates) / sample->measured() - 1);
  return samples.empty() ? 0 : sum / static_cast<double>(samples.size());
}

// The counting step is nearly constant up to some thousand tokens, beyond it hides in the transfer.
Seconds median_notify(const Samples& samples) {
  std::vector<double> notify;
  for (const ExchangeSample* sample : samples)
    if (sample->tokens <= 4096) notify.push_back(sample->notify.value);
  if (notify.empty()) return Seconds(0);
  const auto middle = notify.begin() + static_cast<std::ptrdiff_t>(notify.size() / 2);
  std::nth_element(notify.begin(), middle, notify.end());
  return Seconds(*middle);
}

ExchangeFit fit_group(const Model& model, const Samples& samples, const ExchangeRates& rates) {
  ExchangeFit fit{.crosses_nodes = model.crosses_nodes,
                  .cost = model.cost(solve(model, samples, rates)),
                  .samples = static_cast<int>(samples.size())};
  fit.mape = mape(fit.cost, samples, rates);
  std::vector<int> counts;
  for (const ExchangeSample* sample : samples) counts.push_back(sample->tokens);
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  constexpr int kFolds = 3;
  for (int fold = 0; fold < kFolds; ++fold) {
    Samples kept, left_out;
    for (const ExchangeSample* sample : samples) {
      const auto place = std::lower_bound(counts.begin(), counts.end(), sample->tokens);
      ((place - counts.begin()) % kFolds == fold ? left_out : kept).push_back(sample);
    }
    if (kept.empty()) return fit;
    fit.held_out_mape += mape(model.cost(solve(model, kept, rates)), left_out, rates) *
                         static_cast<double>(left_out.size()) / static_cast<double>(samples.size());
  }
  return fit;
}

using GroupKey = std::tuple<std::string, bool, std::string>;  // library, crosses nodes, phase

std::map<GroupKey, Samples> group_samples(std::span<const ExchangeSample> samples,
                                          const std::string& system) {
  std::map<GroupKey, Samples> own, others;
  for (const ExchangeSample& sample : samples)
    (sample.system == system ? own : others)[{sample.library, sample.crosses_nodes, sample.phase}]
        .push_back(&sample);
  for (auto& [key, group] : others) own.try_emplace(key, std::move(group));
  return own;
}

}  // namespace

std::vector<ExchangeFit> fit_exchanges(std::span<const ExchangeSample> samples,
                                       const std::string& system, const ExchangeRates& rates) {
  std::vector<ExchangeFit> fits;
  double nic_efficiency = 1;  // of low latency: a normal exchange rarely fills its NIC
  for (const auto& [key, group] : group_samples(samples, system)) {
    const auto& [library, crosses_nodes, phase] = key;
    Model model{.normal = library == "deepep_normal", .crosses_nodes = crosses_nodes};
    if (model.normal && crosses_nodes) {
      model.fixed.network_efficiency = nic_efficiency;
      model.fixed.notify = median_notify(group);
    }
    ExchangeFit fit = fit_group(model, group, rates);
    fit.library = library;
    fit.phase = phase;
    // Libraries come in the order of their names, low latency before normal.
    if (crosses_nodes && !model.normal && phase == "dispatch")
      nic_efficiency = fit.cost.network_efficiency;
    fits.push_back(std::move(fit));
  }
  return fits;
}

}  // namespace moesim
