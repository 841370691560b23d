// What benchmarks of a network print: NVIDIA's nccl-tests, and DeepEP's tests/test_internode.py,
// test_intranode.py and test_low_latency.py. A log becomes samples that a calibration is fitted to.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/error.hpp"
#include "sim/calibration/collective_table.hpp"

namespace moesim {

enum class LogFormat { kNcclTests, kDeepEp };

// What a log does not say, or says wrong.
struct LogOptions {
  std::optional<int> gpus, nodes;                     // of the group
  std::optional<int> tokens, hidden, top_k, experts;  // of DeepEP's tests
  std::string collective;  // of nccl-tests: all_reduce, all_gather, reduce_scatter, alltoall, …
  bool in_place = false;   // the second of nccl-tests' two times
};

struct BenchmarkLog {
  std::shared_ptr<const SourceText> source;
  LogOptions options;
  const std::vector<std::string>& lines() const { return source->lines; }
  // Of a line, counted from 0.
  Spot spot(std::size_t line) const { return {source, static_cast<int>(line) + 1, 1}; }
};

// Reads "PATH" or "PATH:gpus=16,nodes=2,tokens=128,…", plain or gzipped. Throws InputError where it
// cannot be read or a key is not known.
BenchmarkLog read_benchmark_log(const std::string& path_and_options);

// By what the lines look like; none: it is neither.
std::optional<LogFormat> format_of(const BenchmarkLog& log);

struct LogSamples {
  std::vector<ExchangeSample> exchanges;
  std::vector<CollectiveSample> collectives;
  std::string gpu;                   // as the log names it; may be empty
  std::vector<std::string> assumed;  // what was taken for granted, for the user to read
};

// Samples are of the system `system`. Throw InputError with the line where it is malformed, and
// where a log holds no measurement or does not say what it must.
LogSamples read_nccl_log(const BenchmarkLog& log, const std::string& system);
LogSamples read_deepep_log(const BenchmarkLog& log, const std::string& system);

// The name of the GPU in the device lines of nccl-tests; empty if there is none.
std::string gpu_in_log(const BenchmarkLog& log);

}  // namespace moesim
