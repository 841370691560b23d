#include "sim/calibration/validation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

#include "sim/calibration/collective_table.hpp"
#include "sim/calibration/dense_validation.hpp"
#include "sim/calibration/validation_models.hpp"

namespace moesim {
namespace {

std::string token_regime(int tokens) {
  constexpr std::array<int, 6> kEdges = {0, 16, 64, 256, 1024, 4096};
  for (std::size_t i = 1; i < kEdges.size(); ++i)
    if (tokens <= kEdges[i]) return fmt::format("tokens {}-{}", kEdges[i - 1] + 1, kEdges[i]);
  return fmt::format("tokens above {}", kEdges.back());
}

bool has_experts_in(const std::vector<Calibration>& calibrations, DType dtype) {
  for (const Calibration& calibration : calibrations)
    for (const KernelEntry& entry : calibration.kernels)
      if (entry.kernel == "experts" && (!entry.dtype || *entry.dtype == dtype)) return true;
  return false;
}

bool has_exchange(const std::vector<Calibration>& calibrations, const ExchangeSample& sample) {
  for (const Calibration& calibration : calibrations)
    for (const ExchangeEntry& entry : calibration.exchanges)
      if (entry.library == sample.library && entry.phase == sample.phase &&
          entry.crosses_nodes == sample.crosses_nodes())
        return true;
  return false;
}

class MoeValidator {
 public:
  MoeValidator(const ValidationOptions& options, CostModels& models)
      : options_(options), models_(models), loads_(options.seed, options.draws) {}

  Comparison compare(const MeasuredTable& table, std::size_t index) {
    const MoeRow row = read_moe_row(table, index);
    Comparison comparison{.row = index,
                          .quantity = "latency",
                          .measured_us = 1e6 * row.measured.value,
                          .reason = unusable_reason(row),
                          .group = fmt::format("{} {} {} {}", row.system, row.framework,
                                               row.kernel_source, row.dtype_name),
                          .regimes = {row.distribution, token_regime(row.tokens)},
                          .suspect = options_.suspects.contain(row)};
    if (!comparison.reason.empty()) return comparison;
    const SystemCalibrations::Found& found = models_.find(row.system, row.framework);
    comparison.reason = found.reason;
    if (comparison.reason.empty() && !has_experts_in(found.calibrations, *row.dtype))
      comparison.reason = fmt::format("calibration {} has no experts in {}",
                                      found.calibrations.back().name, row.dtype_name);
    if (!comparison.reason.empty()) return comparison;
    const CostModel& model = models_.of(row.system, row.framework, row.kernel_source);
    const auto& draws = loads_.of(row);
    Seconds sum(0);
    for (const std::vector<int>& draw : draws) sum += model.experts(expert_work(row, draw)).total();
    comparison.predicted_us = 1e6 * sum.value / static_cast<double>(draws.size());
    return comparison;
  }

 private:
  const ValidationOptions& options_;
  CostModels& models_;
  TableLoads loads_;
};

void compare_exchange(const MeasuredTable& table, std::size_t index, CostModels& models,
                      std::vector<Comparison>& comparisons) {
  const ExchangeRow row = read_exchange_row(table, index);
  if (row.samples.empty()) comparisons.push_back({.row = index, .reason = row.reason});
  for (const ExchangeSample& sample : row.samples) {
    Comparison comparison{
        .row = index,
        .quantity = sample.phase,
        .group = fmt::format("{} {} {} {}", sample.system, sample.library, sample.phase,
                             sample.crosses_nodes() ? "over the network" : "in a node"),
        .regimes = {fmt::format("EP {}", sample.traffic.ranks),
                    token_regime(sample.traffic.tokens)},
        .suspect = row.suspect};
    if (sample.measured.value > 0) comparison.measured_us = 1e6 * sample.measured.value;
    const SystemCalibrations::Found& found = models.find(sample.system, "");
    comparison.reason = found.reason;
    if (comparison.reason.empty() && !has_exchange(found.calibrations, sample))
      comparison.reason = fmt::format("calibration {} has no {} {} {}",
                                      found.calibrations.back().name, sample.library, sample.phase,
                                      sample.crosses_nodes() ? "over the network" : "in a node");
    if (comparison.reason.empty()) {
      const ExchangeCost cost = models.of(sample.system, "", "")
                                    .exchange(sample.library, sample.phase, sample.crosses_nodes());
      const PortRates rates{.nvlink = found.nvlink, .nic = found.nic};
      comparison.predicted_us = 1e6 * exchange_time(cost, sample.work, rates).total().value;
    }
    comparisons.push_back(std::move(comparison));
  }
}

std::string size_regime(Bytes size) { return size < Bytes(1e6) ? "below 1 MB" : "from 1 MB"; }

bool has_collective(const std::vector<Calibration>& calibrations, const CollectiveSample& sample) {
  if (sample.kind == CollectiveKind::kAllToAll)
    return has_exchange(calibrations, exchange_of(sample));
  for (const Calibration& calibration : calibrations)
    for (const CollectiveEntry& entry : calibration.collectives)
      if (entry.library == sample.library && entry.kind == sample.kind &&
          entry.crosses_nodes == sample.crosses_nodes())
        return true;
  return false;
}

Comparison compare_collective(const MeasuredTable& table, std::size_t index, CostModels& models) {
  const CollectiveRow row = read_collective_row(table, index);
  const CollectiveSample& sample = row.sample;
  const char* scope = sample.crosses_nodes() ? "over the network" : "in a node";
  Comparison comparison{
      .row = index,
      .quantity = to_string(sample.kind),
      .reason = row.reason,
      .group =
          fmt::format("{} {} {} {}", sample.system, sample.library, to_string(sample.kind), scope),
      .regimes = {fmt::format("{} GPUs", sample.group.ranks), size_regime(sample.size)}};
  if (sample.measured.value > 0) comparison.measured_us = 1e6 * sample.measured.value;
  if (!comparison.reason.empty()) return comparison;
  const SystemCalibrations::Found& found = models.find(sample.system, "");
  comparison.reason = found.reason;
  if (comparison.reason.empty() && !has_collective(found.calibrations, sample))
    comparison.reason =
        fmt::format("calibration {} has no {} {} {}", found.calibrations.back().name,
                    sample.library, to_string(sample.kind), scope);
  if (!comparison.reason.empty()) return comparison;
  const Seconds time = models.of(sample.system, "", "")
                           .collective(sample.kind, sample.group, sample.size,
                                       {.nvlink = found.nvlink, .nic = found.nic}, sample.library)
                           .time.total();
  comparison.predicted_us = 1e6 * time.value;
  return comparison;
}

}  // namespace

Validation validate(const MeasuredTable& table, const ValidationOptions& options) {
  Validation validation;
  CostModels models(options.calibrations);
  MoeValidator moe(options, models);
  const bool moe_table = is_moe_table(table);
  const bool dense_table = !moe_table && is_dense_table(table);
  const bool exchange_table = !moe_table && !dense_table && is_exchange_table(table);
  const bool collective_table = !moe_table && !exchange_table && is_collective_table(table);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (moe_table) {
      validation.rows.push_back(moe.compare(table, row));
    } else if (dense_table) {
      compare_dense(table, row, models, validation.rows);
    } else if (exchange_table) {
      compare_exchange(table, row, models, validation.rows);
    } else if (collective_table) {
      validation.rows.push_back(compare_collective(table, row, models));
    } else {
      validation.rows.push_back({.row = row, .reason = "no model for a table with these columns"});
    }
  }
  models.report(validation);
  return validation;
}

namespace {

using RegimeErrors = std::vector<std::pair<std::string, std::vector<double>>>;

// "tokens 17-64": its kind ("tokens") and its first number.
std::pair<std::string, double> regime_key(const std::string& regime) {
  const auto is_letter = [](unsigned char c) { return std::isalpha(c) != 0; };
  const auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  const auto word = std::find_if(regime.begin(), regime.end(), is_letter);
  const auto digit = std::find_if(regime.begin(), regime.end(), is_digit);
  return {{word, std::find_if_not(word, regime.end(), is_letter)},
          digit == regime.end() ? 0 : std::stod(std::string(digit, regime.end()))};
}

// Kinds of regimes in the order in which they appear, those of a kind by their numbers.
void sort_regimes(RegimeErrors& regimes) {
  std::vector<std::string> kinds;
  for (const auto& [regime, errors] : regimes)
    if (const std::string kind = regime_key(regime).first;
        std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
      kinds.push_back(kind);
  const auto place = [&](const std::string& regime) {
    const auto [kind, number] = regime_key(regime);
    return std::pair(std::find(kinds.begin(), kinds.end(), kind) - kinds.begin(), number);
  };
  std::stable_sort(regimes.begin(), regimes.end(),
                   [&](const auto& a, const auto& b) { return place(a.first) < place(b.first); });
}

}  // namespace

std::vector<RegimeError> errors_by_regime(const Validation& validation) {
  std::map<std::string, RegimeErrors> groups;  // by name
  for (const Comparison& row : validation.rows) {
    if (!row.predicted_us || !row.measured_us) continue;
    const double error = *row.predicted_us / *row.measured_us - 1;
    auto& regimes = groups[row.group];
    const auto add = [&](const std::string& regime) {
      auto found = std::find_if(regimes.begin(), regimes.end(),
                                [&](const auto& known) { return known.first == regime; });
      if (found == regimes.end()) found = regimes.insert(found, {regime, {}});
      found->second.push_back(error);
    };
    if (row.suspect) {
      add("suspect measurements");
      continue;
    }
    add("all");
    for (const std::string& regime : row.regimes) add(regime);
  }
  std::vector<RegimeError> errors;
  for (auto& [group, regimes] : groups) {
    sort_regimes(regimes);
    for (const auto& [regime, values] : regimes)
      errors.push_back({group, regime, summarize(values)});
  }
  return errors;
}

}  // namespace moesim
