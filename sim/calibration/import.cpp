#include "sim/calibration/import.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace moesim {
namespace {

using KernelKey = std::tuple<std::string, std::string, DType>;  // framework, kernel source, dtype

void widen(AxisRange& range, double value) {
  range.low = std::min(range.low, value);
  range.high = std::max(range.high, value);
}

std::vector<AxisRange> ranges_of(const std::vector<MoeRow>& rows) {
  constexpr double kNone = 1e300;
  std::vector<AxisRange> ranges = {
      {"tokens", kNone, 0}, {"hidden", kNone, 0}, {"width", kNone, 0}, {"slots", kNone, 0}};
  for (const MoeRow& row : rows) {
    widen(ranges[0], row.tokens);
    widen(ranges[1], row.hidden);
    widen(ranges[2], row.width / row.tp);
    widen(ranges[3], row.experts / row.ep);
  }
  return ranges;
}

FittedKernel fit_kernel(const KernelKey& key, const std::vector<MoeRow>& rows, TableLoads& loads,
                        const ImportRequest& request, const Datasheet& datasheet) {
  std::vector<PnormSample> samples;
  for (const MoeRow& row : rows) samples.push_back(pnorm_sample(row, loads.of(row), datasheet.gpu));
  return {.framework = std::get<0>(key),
          .kernel_source = std::get<1>(key),
          .dtype = std::get<2>(key),
          .matrices = rows.front().matrices,
          .ranges = ranges_of(rows),
          .fit = fit_with_folds(samples, request.folds)};
}

const Datasheet& known_datasheet(const std::string& system, const Spot& spot) {
  const Datasheet* datasheet = find_datasheet(system);
  if (datasheet == nullptr)
    throw InputError(spot, fmt::format("no datasheet of the system '{}'", system),
                     hint_for(system, datasheet_systems()));
  return *datasheet;
}

// The one system of the exchanges and collectives.
const Datasheet& sheet_of_network(const ImportRequest& request, const Import& import) {
  const Spot spot{std::make_shared<SourceText>(SourceText{.name = request.tables.front().name()}),
                  0, 0};
  std::set<std::string> systems;
  for (const ExchangeSample& sample : import.exchange_samples) systems.insert(sample.system);
  for (const CollectiveSample& sample : import.collective_samples) systems.insert(sample.system);
  if (systems.empty()) throw InputError(spot, "no row of the tables can be used");
  if (systems.size() > 1)
    throw InputError(spot, fmt::format("the tables are of {}", fmt::join(systems, ", ")),
                     "say with --system which of them the calibration is of");
  return known_datasheet(*systems.begin(), spot);
}

void group_rows(const MeasuredTable& table, const SuspectGroups& suspects, Import& import,
                std::map<KernelKey, std::vector<MoeRow>>& groups) {
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const Datasheet& datasheet = known_datasheet(table.text(i, "system"), table.spot(i));
    if (import.datasheet == nullptr) import.datasheet = &datasheet;
    if (import.datasheet != &datasheet)
      throw InputError(table.spot(i),
                       fmt::format("a calibration is of one GPU, and the tables are of {} and {}",
                                   import.datasheet->system, datasheet.system));
    MoeRow row = read_moe_row(table, i);
    if (suspects.contain(row)) {
      ++import.suspect_rows;
    } else if (!unusable_reason(row).empty()) {
      ++import.unusable_rows;
    } else {
      groups[{row.framework, row.kernel_source, *row.dtype}].push_back(std::move(row));
    }
  }
}

void read_exchanges(const MeasuredTable& table, Import& import) {
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const ExchangeRow row = read_exchange_row(table, i);
    import.suspect_rows += row.suspect ? 1 : 0;
    import.unusable_rows += row.reason.empty() ? 0 : 1;
    for (const ExchangeSample& sample : row.samples)
      if (!row.suspect && sample.measured.value > 0) import.exchange_samples.push_back(sample);
  }
}

void read_collectives(const MeasuredTable& table, Import& import) {
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const CollectiveRow row = read_collective_row(table, i);
    const bool usable = row.reason.empty() && row.sample.measured.value > 0;
    import.unusable_rows += usable ? 0 : 1;
    if (!usable) continue;
    import.collective_samples.push_back(row.sample);
    if (row.sample.kind == CollectiveKind::kAllToAll)
      import.exchange_samples.push_back(exchange_of(row.sample));
  }
}

void fit_network(Import& import) {
  const Datasheet& sheet = *import.datasheet;
  const PortRates rates{.nvlink = sheet.nvlink, .nic = sheet.nic};
  for (ExchangeFit& fit : fit_exchanges(import.exchange_samples, sheet.system, rates)) {
    import.exchanges.push_back(fit);
    // An all-to-all is the same both ways.
    if (fit.library == "nccl") {
      fit.phase = "combine";
      import.exchanges.push_back(std::move(fit));
    }
  }
  import.collectives = fit_collectives(import.collective_samples, sheet.system, rates, sheet.nvls);
}

}  // namespace

Import import_tables(const ImportRequest& request,
                     const std::function<void(const std::string&)>& progress) {
  Import import;
  std::map<KernelKey, std::vector<MoeRow>> groups;
  if (!request.system.empty()) import.datasheet = &known_datasheet(request.system, {});
  for (const MeasuredTable& table : request.tables) {
    if (is_moe_table(table)) {
      group_rows(table, request.suspects, import, groups);
    } else if (is_exchange_table(table)) {
      read_exchanges(table, import);
    } else if (is_collective_table(table)) {
      read_collectives(table, import);
    } else {
      throw InputError({std::make_shared<SourceText>(SourceText{.name = table.name()}), 0, 0},
                       "neither a table of fused MoE kernels nor one of exchanges or collectives",
                       "its columns are those of moe_kernel_*.csv, deepep_*.csv or nccl_*.csv");
    }
  }
  if (import.datasheet == nullptr) import.datasheet = &sheet_of_network(request, import);
  TableLoads loads(request.seed, request.draws);
  for (const auto& [key, rows] : groups) {
    progress(fmt::format("{} {} {}: {} rows", std::get<0>(key), std::get<1>(key),
                         to_string(std::get<2>(key)), rows.size()));
    import.kernels.push_back(fit_kernel(key, rows, loads, request, *import.datasheet));
  }
  std::stable_sort(import.kernels.begin(), import.kernels.end(), [](const auto& a, const auto& b) {
    return a.fit.fitted.rows > b.fit.fitted.rows;
  });
  fit_network(import);
  return import;
}

}  // namespace moesim
