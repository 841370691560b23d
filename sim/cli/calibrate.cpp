// moesim calibrate: fits a calibration to tables of measured kernels.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "sim/base/parameter.hpp"
#include "sim/base/presets.hpp"
#include "sim/calibration/import.hpp"
#include "sim/cli/calibration_series.hpp"
#include "sim/cli/command.hpp"

namespace moesim {
namespace {

struct CalibrateFlags {
  std::vector<std::string> files, imported, columns, only;
  CalibrationHead head;
  std::string output, plot, suspects, system, nvlink, nic, format = "auto";
  int draws = 16, folds = 5;
  std::uint64_t seed = 1;
  bool quiet = false, rows = false;
};

BytesPerSecond rate_of(const std::string& text, const char* flag) {
  return BytesPerSecond(
      parse_quantity(text, ParameterType::kRate, {text_source(flag, text, true), 1, 1}));
}

// A table's name ends in .csv or .csv.gz; anything else is a log.
bool is_log(const std::string& file, const std::string& format) {
  if (format != "auto") return format != "table";
  return !file.ends_with(".csv") && !file.ends_with(".csv.gz");
}

// Whose headers the tables have; empty where it is not said.
std::string source_word(const CalibrateFlags& flags) {
  for (const char* word : {"aiconfigurator", "frontier", "csv"})
    if (!flags.imported.empty() && flags.imported.front() == word) return word;
  return {};
}

ImportRequest read_request(const CalibrateFlags& flags, const std::vector<std::string>& files) {
  ImportRequest request{
      .system = flags.system, .draws = flags.draws, .seed = flags.seed, .folds = flags.folds};
  if (!flags.nvlink.empty()) request.nvlink = rate_of(flags.nvlink, "--nvlink");
  if (!flags.nic.empty()) request.nic = rate_of(flags.nic, "--nic");
  if (flags.format == "nccl-tests") request.log_format = LogFormat::kNcclTests;
  if (flags.format == "deepep") request.log_format = LogFormat::kDeepEp;
  if (source_word(flags) == "aiconfigurator") request.table_source = TableSource::kAiconfigurator;
  if (source_word(flags) == "frontier") request.table_source = TableSource::kFrontier;
  request.columns = flags.columns;
  request.only = {flags.only.begin(), flags.only.end()};
  for (const std::string& file : files) {
    if (is_log(file, flags.format)) {
      request.logs.push_back(read_benchmark_log(file));
      continue;
    }
    request.tables.push_back(MeasuredTable::read(file));
  }
  if (flags.suspects == "none") request.suspects = SuspectGroups();
  if (!flags.suspects.empty() && flags.suspects != "none")
    request.suspects = SuspectGroups(MeasuredTable::read(flags.suspects));
  return request;
}

// Measurements of `moesim profile` go by themselves: they are of one device, in one file format.
Import import_files(const CalibrateFlags& flags) {
  std::vector<std::string> files = flags.files;
  const bool says_source = !source_word(flags).empty();
  files.insert(files.end(), flags.imported.begin() + (says_source ? 1 : 0), flags.imported.end());
  if (files.empty())
    throw InputError({text_source("--import", flags.imported.front(), true), 1, 1},
                     "says whose tables they are, and no table follows");
  const auto progress = [&](const std::string& line) {
    if (!flags.quiet) fmt::print(stderr, "fitting {}\n", line);
  };
  const auto is_measured = [](const std::string& file) {
    return std::filesystem::is_regular_file(file) && is_measurement_file(file);
  };
  const auto measured = std::count_if(files.begin(), files.end(), is_measured);
  if (measured == 0) return import_tables(read_request(flags, files), progress);
  if (measured < std::ssize(files)) {
    const auto other = std::find_if_not(files.begin(), files.end(), is_measured);
    throw InputError({text_source("FILE", *other, true), 1, 1},
                     "not a file of moesim profile, which others here are",
                     "calibrate them one after the other; a run merges calibrations");
  }
  MeasurementFile file = read_measurement_files({files.begin(), files.end()});
  if (!flags.only.empty())
    std::erase_if(file.samples, [&](const Measurement& sample) {
      return std::find(flags.only.begin(), flags.only.end(), sample.kernel) == flags.only.end();
    });
  return import_measurements(file, flags.folds, progress);
}

void print_summary(const char* heading, const ErrorSummary& error) {
  fmt::print("  {:<28}{:>7}{:>9.2f}{:>9.2f}{:>+9.2f}\n", heading, error.rows, 100 * error.mape,
             100 * error.p90, 100 * error.bias);
}

void print_kernel(const FittedKernel& kernel) {
  fmt::print("{} {} {}, {} matrices\n", kernel.framework, kernel.kernel_source,
             to_string(kernel.dtype), kernel.matrices);
  fmt::print("  {:<28}{:>7}{:>9}{:>9}{:>9}\n", "error in %", "rows", "MAPE", "p90", "bias");
  print_summary("fitted", kernel.fit.fitted);
  for (const Regime& regime : kernel.fit.fitted_regimes)
    print_summary(("  " + regime.name).c_str(), regime.error);
  if (kernel.fit.folds < 2) return;
  print_summary(fmt::format("held out, {} folds", kernel.fit.folds).c_str(), kernel.fit.held_out);
  for (const Regime& regime : kernel.fit.held_out_regimes)
    print_summary(("  " + regime.name).c_str(), regime.error);
  if (kernel.fit.skew_held_out.rows == 0) return;
  print_summary("fitted without their skew", kernel.fit.skew_held_out);
  for (const Regime& regime : kernel.fit.skew_regimes)
    print_summary(("  " + regime.name).c_str(), regime.error);
}

void print_form(const FittedForm& form) {
  fmt::print("{}, {}\n", form_name(form), form.fit.model->name);
  fmt::print("  {:<28}{:>7}{:>9}{:>9}{:>9}{:>9}\n", "error in %", "rows", "MAPE", "median", "p90",
             "bias");
  const auto print = [](const std::string& heading, const ErrorSummary& error) {
    fmt::print("  {:<28}{:>7}{:>9.2f}{:>9.2f}{:>9.2f}{:>+9.2f}\n", heading, error.rows,
               100 * error.mape, 100 * error.median, 100 * error.p90, 100 * error.bias);
  };
  print("fitted", form.fit.fitted);
  if (form.fit.folds < 2) return;
  print(fmt::format("held out, {} folds", form.fit.folds), form.fit.held_out);
  for (const Regime& regime : form.fit.held_out_regimes) print("  " + regime.name, regime.error);
}

void print_exchange(const ExchangeFit& fit) {
  fmt::print("{} {} {}\n", fit.library, fit.phase,
             fit.crosses_nodes ? "over the network" : "in a node");
  fmt::print("  {:<28}{:>7}{:>9}{:>9}{:>9}\n", "error in %", "rows", "MAPE", "p90", "bias");
  print_summary("fitted", fit.fitted);
  if (fit.tokens.rows > 0) print_summary("sizes held out", fit.tokens);
  if (fit.shapes.rows > 0) print_summary("shapes held out", fit.shapes);
}

// Predicted against measured of every row that was fitted to.
void print_rows(const Import& import, const ExchangeFit& fit) {
  fmt::print("  {:<22}{:>4}{:>6}{:>7}{:>7}{:>7}{:>8}{:>5}{:>12}{:>12}{:>9}\n", "system", "EP",
             "nodes", "hidden", "top-k", "experts", "tokens", "SMs", "measured us", "predicted us",
             "error %");
  for (std::size_t i = 0; i < fit.errors.size(); ++i) {
    const ExchangeSample& sample = import.exchange_samples[fit.fitted_samples[i]];
    const UniformTraffic& t = sample.traffic;
    const double measured = 1e6 * sample.measured.value;
    fmt::print("  {:<22}{:>4}{:>6}{:>7}{:>7}{:>7}{:>12.0f}{:>5}{:>12.2f}{:>12.2f}{:>+9.2f}\n",
               sample.system, t.ranks, t.domains, t.hidden, t.top_k, t.experts, sample.size, t.sms,
               measured, measured * (1 + fit.errors[i]), 100 * fit.errors[i]);
  }
}

void print_collective(const CollectiveFit& fit) {
  fmt::print("{} {} {}\n", fit.library, to_string(fit.kind),
             fit.crosses_nodes ? "over the network" : "in a node");
  fmt::print("  {:<28}{:>7}{:>9}{:>9}{:>9}\n", "error in %", "rows", "MAPE", "p90", "bias");
  print_summary("fitted", fit.fitted);
  if (fit.sizes.rows > 0) print_summary("sizes held out", fit.sizes);
  if (fit.groups.rows > 0) print_summary("numbers of GPUs held out", fit.groups);
}

void print_rows(const Import& import, const CollectiveFit& fit) {
  fmt::print("  {:<22}{:>5}{:>6}{:>14}{:>14}{:>14}{:>9}\n", "system", "GPUs", "nodes", "bytes",
             "measured us", "predicted us", "error %");
  for (std::size_t i = 0; i < fit.errors.size(); ++i) {
    const CollectiveSample& sample = import.collective_samples[fit.fitted_samples[i]];
    const double measured = 1e6 * sample.measured.value;
    fmt::print("  {:<22}{:>5}{:>6}{:>14.0f}{:>14.2f}{:>14.2f}{:>+9.2f}\n", sample.system,
               sample.group.ranks, sample.group.domains, sample.size.value, measured,
               measured * (1 + fit.errors[i]), 100 * fit.errors[i]);
  }
}

int calibrate(const CalibrateFlags& flags) {
  for (const std::string& name : flags.head.include)
    find_preset("calibrations", name, {text_source("--include", name, true), 1, 1});
  const Import import = import_files(flags);
  if (import.kernels.empty() && import.forms.empty() && import.exchanges.empty() &&
      import.collectives.empty()) {
    fmt::print(stderr, "moesim: the files hold no row that anything can be fitted to\n");
    return kExitNo;
  }
  for (const FittedKernel& kernel : import.kernels) print_kernel(kernel);
  for (const FittedForm& form : import.forms) print_form(form);
  for (const ExchangeFit& exchange : import.exchanges) {
    print_exchange(exchange);
    if (flags.rows) print_rows(import, exchange);
  }
  for (const CollectiveFit& collective : import.collectives) {
    print_collective(collective);
    if (flags.rows) print_rows(import, collective);
  }
  for (const std::string& assumed : import.assumed) fmt::print(stderr, "assumed: {}\n", assumed);
  for (const std::string& left_out : import.left_out) fmt::print("left out: {}\n", left_out);
  for (const std::string& finding : import.findings) fmt::print("found: {}\n", finding);
  if (!flags.plot.empty() &&
      !write_error_plot(flags.plot, fmt::format("{}: predicted by the fit", import.gpu.name),
                        series_of(import))) {
    fmt::print(stderr, "moesim: cannot write {}\n", flags.plot);
    return kExitInput;
  }
  std::ofstream file(flags.output);
  file << write_calibration(import, flags.head);
  if (!file.flush()) {
    fmt::print(stderr, "moesim: cannot write {}\n", flags.output);
    return kExitInput;
  }
  return kExitDone;
}

void declare_measurements(CLI::App& app, CalibrateFlags& flags) {
  app.add_option("FILE", flags.files,
                 "what moesim profile wrote (JSON lines, plain or gzipped), several of one device; "
                 "or what --import takes");
  app.add_option(
      "--import", flags.imported,
      "measurements by others, after the word aiconfigurator or frontier where tables have their "
      "headers (csv: those of this program, or mapped): tables of kernels, exchanges and "
      "collectives (.csv or .csv.gz), and logs of nccl-tests and of DeepEP's tests; a log may be "
      "followed by what it does not say: run.log:gpus=16,nodes=2,tokens=128,hidden=7168,topk=8,"
      "experts=256,collective=alltoall,in_place=yes");
  app.add_option("--column", flags.columns,
                 "a column of the tables under our name, ours=theirs, such as "
                 "latency_ms=duration_ms; may be repeated");
  app.add_option("--format", flags.format,
                 "what the files are; auto: tables end in .csv or .csv.gz, logs are told by their "
                 "lines")
      ->check(CLI::IsMember({"auto", "table", "nccl-tests", "deepep"}))
      ->capture_default_str();
  app.add_option("--system", flags.system,
                 "the system that the calibration is of, such as H200, where the files hold "
                 "several: of exchanges others serve where it has no rows of its own");
  app.add_option("--nvlink", flags.nvlink,
                 "rate of a GPU's NVLink port, one way, such as '450 GB/s' (default: of the "
                 "system's datasheet)");
  app.add_option("--nic", flags.nic, "rate of a GPU's NIC, one way, such as '400 Gb/s'");
}

void declare_fit(CLI::App& app, CalibrateFlags& flags) {
  app.add_option("--only", flags.only,
                 "a kernel to fit, such as gemm, by its name in a calibration (of moesim profile's "
                 "files: by their name); may be repeated (default: all)");
  app.add_option("--suspects", flags.suspects,
                 "a table of groups of MoE rows to leave out (default: those 1.3 times as slow as "
                 "with less parallelism, or as with another load of few tokens; none: leave "
                 "nothing out)");
  app.add_option("--draws", flags.draws, "Monte Carlo draws of a power-law row")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--folds", flags.folds, "parts held out in turn; 1: none")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--seed", flags.seed, "of the draws")->capture_default_str();
}

void declare_results(CLI::App& app, CalibrateFlags& flags) {
  app.add_option("-o,--out", flags.output, "the calibration file to write")->required();
  app.add_option("--framework", flags.head.framework,
                 "whose kernels these are, where the tables do not say");
  app.add_option("--source", flags.head.source, "where the measurements are from, for the file");
  app.add_option("--note", flags.head.notes, "what to read before trusting the numbers");
  app.add_option("--include", flags.head.include,
                 "a calibration whose exchanges and collectives the file takes over, such as "
                 "h200-sxm-network; may be repeated");
  app.add_option("--plot", flags.plot,
                 "draw what was predicted against what was measured: a .svg or .html file");
  app.add_flag("--rows", flags.rows, "print the error of every exchange that was fitted to");
  app.add_flag("-q,--quiet", flags.quiet, "no progress");
}

const RegisterCommand kCalibrate{
    "calibrate",
    {.summary =
         "fit a calibration to tables and logs of measured kernels, exchanges and collectives",
     .declare = [](CLI::App& app) -> std::function<int()> {
       auto flags = std::make_shared<CalibrateFlags>();
       declare_measurements(app, *flags);
       declare_fit(app, *flags);
       declare_results(app, *flags);
       app.callback([flags] {
         if (flags->files.empty() && flags->imported.empty())
           throw CLI::RequiredError("FILE or --import");
       });
       return [flags] { return calibrate(*flags); };
     }}};

}  // namespace
}  // namespace moesim
