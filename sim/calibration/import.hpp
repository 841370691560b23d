// Makes a calibration from tables of measurements by others.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "sim/calibration/benchmark_log.hpp"
#include "sim/calibration/collective_fit.hpp"
#include "sim/calibration/cost_form.hpp"
#include "sim/calibration/datasheet.hpp"
#include "sim/calibration/exchange_fit.hpp"
#include "sim/calibration/measurement_fit.hpp"
#include "sim/calibration/suspects.hpp"
#include "sim/calibration/upstream_table.hpp"

namespace moesim {

struct ImportRequest {
  std::vector<MeasuredTable> tables;  // kernels are of one system
  TableSource table_source = TableSource::kOurs;
  std::vector<std::string> columns;  // "ours=theirs", of every table
  std::set<std::string> only;        // kernels to fit, as in kernel_names(); empty: all
  std::vector<BenchmarkLog> logs;
  std::optional<LogFormat> log_format;    // of every log; none: by what they look like
  BytesPerSecond nvlink, nic;             // ports of the system; 0: those of its datasheet
  std::string system;                     // that the calibration is of; empty: that of the tables
  std::optional<SuspectGroups> suspects;  // left out; none: those that are found (suspects.hpp)
  int draws = 16;                         // of each power-law row
  std::uint64_t seed = 1;
  int folds = 5;
};

struct Import {
  const Datasheet* datasheet =
      nullptr;                        // of the system that the tables and logs are of; null: none
  GpuSpec gpu;                        // of that system, or the device that was profiled
  PortRates ports;                    // of that system
  std::vector<std::string> assumed;   // what logs do not say
  std::vector<FittedKernel> kernels;  // most rows first
  std::vector<FittedForm> forms;      // other kernels
  std::vector<ExchangeSample> exchange_samples;  // that could be used
  std::vector<ExchangeFit> exchanges;
  std::vector<CollectiveSample> collective_samples;
  std::vector<CollectiveFit> collectives;
  int suspect_rows = 0;  // left out
  int unusable_rows = 0;
  std::vector<std::string> left_out;  // groups, rows or samples, and why
  std::vector<std::string> findings;  // of a measurement file (measurement_findings.hpp)
};

// Fits each (kernel, dtype), exchange library and collective of the tables. `progress` hears a line
// for each. Throws InputError where tables are of several systems, of an unknown one, or hold no
// kernel.
Import import_tables(const ImportRequest& request,
                     const std::function<void(const std::string&)>& progress);

// The same from what `moesim profile` measured. One GPU of a known datasheet may have all-reduces
// and all-to-alls; a CPU has none.
Import import_measurements(const MeasurementFile& file, int folds,
                           const std::function<void(const std::string&)>& progress);

// What a calibration file says beside what was fitted.
struct CalibrationHead {
  std::string framework;             // whose kernels; empty: as the tables say
  std::string source;                // where the measurements are from
  std::vector<std::string> notes;    // to read before trusting the numbers
  std::vector<std::string> include;  // calibrations whose exchanges and collectives it takes over
};

// The calibration file as YAML text.
std::string write_calibration(const Import& import, const CalibrationHead& head);

}  // namespace moesim
