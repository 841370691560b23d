// A calibration: what kernels and exchanges cost on one GPU with one software, as measured.
//
// Files are scenarios/calibrations/NAME.yaml; scenarios/README.md documents the keys. `moesim
// calibrate` writes them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/yaml.hpp"
#include "sim/calibration/cost_form.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/cost_model.hpp"

namespace moesim {

// A kernel with the form and coefficients of its time, and how well they are known.
struct KernelEntry {
  std::string kernel;          // one of kernel_names()
  std::optional<DType> dtype;  // none: any
  int matrices = 0;            // of an expert; 0: any
  std::string attention;       // mla or gqa; empty: any
  std::string kernel_source;   // the library's name of the kernel; may be empty
  std::shared_ptr<const CostForm> form;
  std::vector<AxisRange> ranges;  // of the rows it was fitted on
  int samples = 0;
  std::optional<double> held_out_mape;  // of rows that the fit had not seen
  // Where it was taken over from a calibration of another GPU: the bandwidth of that one's memory.
  std::optional<BytesPerSecond> measured_bandwidth;
};

struct ExchangeEntry {
  std::string library;
  std::string phase;
  bool crosses_nodes = false;
  ExchangeCost cost;
  std::optional<double> held_out_mape;
};

struct CollectiveEntry {
  std::string library;
  CollectiveKind kind = CollectiveKind::kAllReduce;
  bool crosses_nodes = false;
  CollectiveCost cost;
  std::optional<double> held_out_mape;
};

struct Calibration {
  std::string name;
  GpuSpec gpu;            // that it was measured on
  BytesPerSecond nvlink;  // of a GPU's port and of its NIC, one way, on the machine measured on;
  BytesPerSecond nic;     // 0 where exchanges were not measured
  std::string framework;
  std::vector<KernelEntry> kernels;
  std::vector<ExchangeEntry> exchanges;
  std::vector<CollectiveEntry> collectives;
  std::vector<std::string> notes;  // to read before trusting the numbers
  bool transfer = false;           // scale to the cluster's GPU by datasheet ratios
};

// Reads the section `calibration:` of a scenario: a preset name, a path, `{preset: NAME, transfer:
// datasheet}`, an inline calibration, or a list of these. Throws InputError with every mistake.
std::vector<Calibration> read_calibrations(const YamlNode& section);

// Reads one calibration file by its preset name or path. Throws InputError.
Calibration read_calibration_file(const std::string& name, const Spot& spot);

// The preset that was measured on a GPU. Throws InputError where there is none.
YamlNode default_calibration(const std::string& gpu, const Spot& spot);

}  // namespace moesim
