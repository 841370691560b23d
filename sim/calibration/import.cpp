#include "sim/calibration/import.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "sim/calibration/dense_table.hpp"

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

// Every table's rows are of the system that was asked for, or else of one.
bool is_of_system(const MeasuredTable& table, std::size_t row, const std::string& system,
                  const ImportRequest& request, Import& import) {
  const Datasheet& datasheet = known_datasheet(system, table.spot(row));
  if (import.datasheet == nullptr) import.datasheet = &datasheet;
  if (import.datasheet == &datasheet) return true;
  if (!request.system.empty()) return false;
  throw InputError(table.spot(row),
                   fmt::format("a calibration is of one GPU, and the tables are of {} and {}",
                               import.datasheet->system, datasheet.system),
                   "say with --system which of them it is of");
}

std::vector<MoeRow> read_moe_rows(const MeasuredTable& table, const ImportRequest& request,
                                  Import& import) {
  std::vector<MoeRow> rows;
  for (std::size_t i = 0; i < table.rows(); ++i)
    if (is_of_system(table, i, table.text(i, "system"), request, import))
      rows.push_back(read_moe_row(table, i));
  return rows;
}

// The groups that were said, or that are found: rows of failed groups contradict no others.
SuspectGroups suspects_in(const std::vector<MoeRow>& rows, const ImportRequest& request,
                          TableLoads& loads, Import& import) {
  if (request.suspects) return *request.suspects;
  SuspectGroups suspects;
  const auto leave_out = [&](const std::vector<SuspectGroup>& groups) {
    for (const SuspectGroup& group : groups) {
      suspects.add(group.row);
      import.left_out.push_back(fmt::format("suspect group {}", to_string(group)));
    }
  };
  leave_out(find_suspects(rows));
  std::vector<MoeRow> others;
  for (const MoeRow& row : rows)
    if (!suspects.contain(row)) others.push_back(row);
  leave_out(find_contradicted(others, loads));
  return suspects;
}

void group_rows(std::vector<MoeRow> rows, const ImportRequest& request, TableLoads& loads,
                Import& import, std::map<KernelKey, std::vector<MoeRow>>& groups) {
  const SuspectGroups suspects = suspects_in(rows, request, loads, import);
  for (MoeRow& row : rows) {
    if (suspects.contain(row)) {
      ++import.suspect_rows;
    } else if (!unusable_reason(row).empty()) {
      ++import.unusable_rows;
    } else {
      groups[{row.framework, row.kernel_source, *row.dtype}].push_back(std::move(row));
    }
  }
}

bool is_wanted(const std::string& kernel, const ImportRequest& request) {
  return request.only.empty() || request.only.contains(kernel);
}

void read_dense(const MeasuredTable& table, const ImportRequest& request, Import& import,
                std::vector<DenseSample>& samples) {
  for (std::size_t i = 0; i < table.rows(); ++i)
    for (DenseSample& sample : read_dense_row(table, i)) {
      if (sample.reason.empty() && sample.launch_gaps) sample.reason = "times with launch gaps";
      import.unusable_rows += sample.reason.empty() ? 0 : 1;
      if (!is_wanted(sample.kernel, request)) continue;
      if (sample.reason.empty() && is_of_system(table, i, sample.system, request, import))
        samples.push_back(std::move(sample));
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

// Logs are of one system: the one that is said, or that they name.
void read_logs(const ImportRequest& request, Import& import) {
  for (const BenchmarkLog& log : request.logs) {
    const auto format = request.log_format ? request.log_format : format_of(log);
    if (!format)
      throw InputError(log.spot(0), "neither a table nor a log of nccl-tests or of DeepEP's tests",
                       "say with --format what it is");
    if (import.datasheet == nullptr) import.datasheet = datasheet_in(gpu_in_log(log));
    if (import.datasheet == nullptr)
      throw InputError(
          log.spot(0), "the log does not say of which GPU it is",
          fmt::format("say --system, one of {}", fmt::join(datasheet_systems(), ", ")));
    const std::string& system = import.datasheet->system;
    LogSamples samples = *format == LogFormat::kNcclTests ? read_nccl_log(log, system)
                                                          : read_deepep_log(log, system);
    const auto append = [](auto& to, auto& from) { to.insert(to.end(), from.begin(), from.end()); };
    append(import.exchange_samples, samples.exchanges);
    append(import.collective_samples, samples.collectives);
    append(import.assumed, samples.assumed);
  }
}

void fit_network(const ImportRequest& request, Import& import) {
  const Datasheet& sheet = *import.datasheet;
  import.ports = {.nvlink = request.nvlink.value > 0 ? request.nvlink : sheet.nvlink,
                  .nic = request.nic.value > 0 ? request.nic : sheet.nic};
  const PortRates& rates = import.ports;
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

Import import_measurements(const MeasurementFile& file, int folds,
                           const std::function<void(const std::string&)>& progress) {
  MeasurementFits fits = fit_measurements(file, folds, progress);
  Import import{.gpu = fits.gpu,
                .kernels = std::move(fits.kernels),
                .forms = std::move(fits.forms),
                .collective_samples = std::move(fits.collectives),
                .left_out = std::move(fits.left_out),
                .findings = std::move(fits.findings)};
  import.datasheet = find_datasheet(fits.system);
  for (const CollectiveSample& sample : import.collective_samples)
    if (sample.kind == CollectiveKind::kAllToAll)
      import.exchange_samples.push_back(exchange_of(sample));
  if (import.datasheet != nullptr) fit_network({}, import);
  return import;
}

Import import_tables(const ImportRequest& request,
                     const std::function<void(const std::string&)>& progress) {
  Import import;
  std::map<KernelKey, std::vector<MoeRow>> groups;
  if (!request.system.empty()) import.datasheet = &known_datasheet(request.system, {});
  std::vector<DenseSample> dense;
  std::vector<MoeRow> moe;
  for (MeasuredTable table : request.tables) {
    rename_columns(table, request.columns);
    use_our_columns(table, request.table_source, request.system);
    if (is_moe_table(table)) {
      if (!is_wanted("experts", request)) continue;
      for (MoeRow& row : read_moe_rows(table, request, import)) moe.push_back(std::move(row));
    } else if (is_dense_table(table)) {
      read_dense(table, request, import, dense);
    } else if (is_exchange_table(table)) {
      read_exchanges(table, import);
    } else if (is_collective_table(table)) {
      read_collectives(table, import);
    } else {
      throw InputError({std::make_shared<SourceText>(SourceText{.name = table.name()}), 0, 0},
                       "no table of kernels, exchanges or collectives that this program knows",
                       "--column OURS=THEIRS renames its columns; scenarios/calibrations/README.md "
                       "lists those of each table");
    }
  }
  TableLoads loads(request.seed, request.draws);
  group_rows(std::move(moe), request, loads, import, groups);
  read_logs(request, import);
  if (import.datasheet == nullptr) import.datasheet = &sheet_of_network(request, import);
  import.gpu = import.datasheet->gpu;
  for (const auto& [key, rows] : groups) {
    progress(fmt::format("{} {} {}: {} rows", std::get<0>(key), std::get<1>(key),
                         to_string(std::get<2>(key)), rows.size()));
    import.kernels.push_back(fit_kernel(key, rows, loads, request, *import.datasheet));
  }
  std::stable_sort(import.kernels.begin(), import.kernels.end(), [](const auto& a, const auto& b) {
    return a.fit.fitted.rows > b.fit.fitted.rows;
  });
  import.forms = fit_dense(dense, import.datasheet->gpu, request.folds, progress);
  fit_network(request, import);
  if (import.suspect_rows > 0)
    import.left_out.push_back(fmt::format("{} rows of suspect groups", import.suspect_rows));
  if (import.unusable_rows > 0)
    import.left_out.push_back(fmt::format("{} rows that cannot be used", import.unusable_rows));
  return import;
}

}  // namespace moesim
