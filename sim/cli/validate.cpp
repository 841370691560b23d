// moesim validate: predicts published deployments, or a table of measured kernels, and says how far
// off the predictions are.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "sim/base/csv.hpp"
#include "sim/calibration/error_plot.hpp"
#include "sim/calibration/validation.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/validate_published.hpp"

namespace moesim {
namespace {

struct ValidateFlags {
  std::string table, csv, plot, suspects;
  std::vector<std::string> calibrations;
  int draws = 10;
  std::uint64_t seed = 1;
  std::vector<std::string> cases;
  int jobs = 0;
  bool json = false, transfer = false, markdown = false;
};

ValidationOptions read_options(const ValidateFlags& flags) {
  ValidationOptions options{.draws = flags.draws, .seed = flags.seed};
  for (const std::string& name : flags.calibrations)
    options.calibrations.push_back(
        read_calibration_file(name, {text_source("--calibration", name, true), 1, 1}));
  for (Calibration& calibration : options.calibrations) calibration.transfer = flags.transfer;
  std::filesystem::path suspects = flags.suspects;
  if (suspects.empty()) {
    const std::filesystem::path beside =
        std::filesystem::path(flags.table).parent_path() / "moe_kernel_suspect_groups.csv";
    if (std::filesystem::exists(beside)) suspects = beside;
  }
  if (!suspects.empty() && suspects != "none")
    options.suspects = SuspectGroups(MeasuredTable::read(suspects));
  return options;
}

std::string number_text(const std::optional<double>& value) {
  return value ? fmt::format("{:.6g}", *value) : std::string();
}

// The columns of the table, then what was predicted.
bool write_csv(const std::string& file, const MeasuredTable& table, const Validation& validation) {
  std::ofstream out(file);
  for (const std::string& column : table.columns()) out << csv_field(column) << ',';
  out << "quantity,predicted_us,measured_us,reason\n";
  for (const Comparison& row : validation.rows) {
    for (const std::string& column : table.columns())
      out << csv_field(table.text(row.row, column)) << ',';
    out << row.quantity << ',' << number_text(row.predicted_us) << ','
        << number_text(row.measured_us) << ',' << csv_field(row.reason) << '\n';
  }
  return static_cast<bool>(out.flush());
}

struct Totals {
  ErrorSummary all;  // without suspect measurements
  int predicted = 0, unpredicted = 0, suspect = 0;
  std::map<std::string, int> reasons;
};

Totals totals_of(const Validation& validation) {
  Totals totals;
  std::vector<double> errors;
  for (const Comparison& row : validation.rows) {
    if (!row.predicted_us) {
      ++totals.unpredicted;
      ++totals.reasons[row.reason];
      continue;
    }
    ++totals.predicted;
    totals.suspect += row.suspect ? 1 : 0;
    if (!row.suspect && row.measured_us) errors.push_back(*row.predicted_us / *row.measured_us - 1);
  }
  totals.all = summarize(std::move(errors));
  return totals;
}

void print_error(const std::string& name, const ErrorSummary& error) {
  fmt::print("  {:<28}{:>7}{:>9.2f}{:>9.2f}{:>+9.2f}\n", name, error.rows, 100 * error.mape,
             100 * error.p90, 100 * error.bias);
}

void print_text(const Validation& validation, const Totals& totals) {
  std::string group;
  for (const RegimeError& regime : errors_by_regime(validation)) {
    if (regime.group != group) {
      fmt::print("{}{}\n  {:<28}{:>7}{:>9}{:>9}{:>9}\n", group.empty() ? "" : "\n", regime.group,
                 "error in %", "rows", "MAPE", "p90", "bias");
      group = regime.group;
    }
    print_error(regime.regime, regime.error);
  }
  fmt::print("{}all rows but suspect ones\n", group.empty() ? "" : "\n");
  print_error("", totals.all);
  std::string names;
  for (const std::string& name : validation.calibrations)
    names += (names.empty() ? "" : ", ") + name;
  if (!names.empty()) fmt::print("\ncalibrations: {}\n", names);
  fmt::print("{} predicted, of which {} suspect; {} not predicted\n", totals.predicted,
             totals.suspect, totals.unpredicted);
  for (const auto& [reason, rows] : totals.reasons) fmt::print("  {} rows: {}\n", rows, reason);
  for (const std::string& warning : validation.warnings)
    fmt::print(stderr, "warning: {}\n", warning);
}

nlohmann::ordered_json json_of(const ErrorSummary& error) {
  return {{"rows", error.rows}, {"mape", error.mape}, {"p90", error.p90}, {"bias", error.bias}};
}

void print_json(const Validation& validation, const Totals& totals) {
  nlohmann::ordered_json document{
      {"schema", "moesim.validation/1"}, {"calibrations", validation.calibrations},
      {"warnings", validation.warnings}, {"predicted", totals.predicted},
      {"suspect", totals.suspect},       {"not_predicted", totals.unpredicted},
      {"reasons", totals.reasons},       {"all", json_of(totals.all)}};
  nlohmann::ordered_json regimes = nlohmann::ordered_json::array();
  for (const RegimeError& regime : errors_by_regime(validation)) {
    nlohmann::ordered_json entry{{"group", regime.group}, {"regime", regime.regime}};
    entry.update(json_of(regime.error));
    regimes.push_back(std::move(entry));
  }
  document["regimes"] = std::move(regimes);
  fmt::print("{}\n", document.dump(2));
}

// A series for each group; suspect measurements apart are not drawn.
std::vector<ErrorSeries> series_of(const Validation& validation) {
  std::map<std::string, ErrorSeries> groups;
  for (const Comparison& row : validation.rows) {
    if (!row.predicted_us || !row.measured_us || row.suspect) continue;
    ErrorSeries& series = groups[row.group];
    series.name = row.group;
    series.measured.push_back(1e-6 * *row.measured_us);
    series.predicted.push_back(1e-6 * *row.predicted_us);
  }
  std::vector<ErrorSeries> series;
  for (auto& [name, one] : groups) series.push_back(std::move(one));
  return series;
}

int run(const ValidateFlags& flags) {
  if (flags.table.empty())
    return validate_published(flags.cases, flags.json, flags.markdown,
                              OutputFlags{.jobs = flags.jobs}.job_count());
  const ValidationOptions options = read_options(flags);
  const MeasuredTable table = MeasuredTable::read(flags.table);
  const Validation validation = validate(table, options);
  if (!flags.csv.empty() && !write_csv(flags.csv, table, validation)) {
    fmt::print(stderr, "moesim: cannot write {}\n", flags.csv);
    return kExitInput;
  }
  if (!flags.plot.empty() &&
      !write_error_plot(flags.plot, std::filesystem::path(flags.table).filename().string(),
                        series_of(validation))) {
    fmt::print(stderr, "moesim: cannot write {}\n", flags.plot);
    return kExitInput;
  }
  const Totals totals = totals_of(validation);
  flags.json ? print_json(validation, totals) : print_text(validation, totals);
  return totals.predicted > 0 ? kExitDone : kExitNo;
}

const RegisterCommand kValidate{
    "validate",
    {.summary = "predict published deployments, or a table of measurements, and say how far off",
     .declare = [](CLI::App& app) -> std::function<int()> {
       auto flags = std::make_shared<ValidateFlags>();
       auto* cases = app.add_option("cases", flags->cases,
                                    "published deployments (default: all of "
                                    "scenarios/validation)");
       app.add_option("--table", flags->table, "measured kernels or exchanges (.csv or .csv.gz)")
           ->excludes(cases);
       app.add_option("-j,--jobs", flags->jobs, "published points at once (default: one per core)");
       app.add_flag("--markdown", flags->markdown, "published deployments as a Markdown table");
       app.add_option("--calibration", flags->calibrations,
                      "names or files to use instead of those of the column `system`")
           ->type_name("CALIBRATION");
       app.add_flag("--transfer", flags->transfer,
                    "scale what --calibration names to the table's GPU by datasheet ratios, as "
                    "`transfer: datasheet` does in a scenario");
       app.add_option("--csv", flags->csv, "write each prediction to this file");
       app.add_option("--suspects", flags->suspects,
                      "a table of groups to count apart (default: moe_kernel_suspect_groups.csv "
                      "beside the table; none)");
       app.add_option("--draws", flags->draws, "Monte Carlo draws of a power-law row")
           ->check(CLI::Range(1, 10000))
           ->capture_default_str();
       app.add_option("--seed", flags->seed, "of the draws")->capture_default_str();
       app.add_option("--plot", flags->plot,
                      "draw predictions against measurements: a .svg or .html file");
       app.add_flag("--json", flags->json, "print one JSON document");
       return [flags] { return run(*flags); };
     }}};

}  // namespace
}  // namespace moesim
