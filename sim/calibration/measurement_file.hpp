// What `moesim profile` writes: JSON lines, plain or gzipped; the device in the first, then one
// measured call of a kernel a line.
//
//   {"schema":"moesim.measurements/1","device":{"kind":"cuda","name":"NVIDIA H200","sms":132,
//    "peak_flops":{"bf16":989e12},"memory_bandwidth":4800e9,…},…}
//   {"kernel":"experts","variant":"own","dtype":"bf16","shape":{"tokens":4096,"hidden":7168,…},
//    "rows":[112,95,…],"cache":"warm","seconds":{"median":1.2e-3},"count":200,…}
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/base/error.hpp"
#include "sim/base/units.hpp"
#include "sim/model/cluster.hpp"

namespace moesim {

struct MeasuredDevice {
  std::string kind;  // cuda or cpu
  std::string name;
  int sms = 0;  // threads of a CPU
  std::map<DType, FlopsPerSecond> peak;
  BytesPerSecond memory_bandwidth;
  bool measured_peak = false;  // by the sweep itself, not from a datasheet
};

struct Measurement {
  std::string kernel;   // "experts", "gemm", …
  std::string variant;  // "own", "blas", …; may be empty
  DType dtype = DType::kBf16;
  std::map<std::string, double> shape;  // by the names of the file; what the kernel needs is there
  std::string mode;                     // of a launch: stream or graph
  std::vector<int> rows;                // of each local expert; of kernels of experts only
  std::string load;                     // "lognormal 0.8", …; may be empty
  std::string cache;                    // warm, cold or empty
  Seconds median;                       // above 0
  int count = 0;                        // calls behind it; 0: not said
  bool wrong = false;                   // its result differed from the reference
  std::vector<std::string> warnings;    // such as throttling
  Spot spot;                            // its line

  double at(const std::string& name) const { return shape.at(name); }
};

struct MeasurementFile {
  MeasuredDevice device;
  std::string program;  // "moesim 0.1.0"
  std::vector<Measurement> samples;
};

// The kernels that a sample may be of.
std::vector<std::string> measured_kernels();

// Whether the file begins like one.
bool is_measurement_file(const std::filesystem::path& file);

// Reads the files as one; all are of one device, also where a file has a second header (an
// interrupted sweep that went on). Throws InputError with every mistake: lines that are cut off or
// not JSON, unknown kernels and dtypes, times not above 0, missing or odd shapes and rows.
MeasurementFile read_measurement_files(const std::vector<std::filesystem::path>& files);

}  // namespace moesim
