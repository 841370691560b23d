// Rows of tables of kernels beside the fused experts: dense_gemm_*.csv, attention_*.csv,
// moe_op_breakdown_*.csv and DeepGEMM's tables.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/calibration/fitted.hpp"
#include "sim/calibration/measured_table.hpp"

namespace moesim {

// One kernel of one row.
struct DenseSample {
  std::string system, framework;
  std::string kernel;     // as in kernel_names()
  std::string attention;  // mla or gqa; empty: not an attention kernel
  std::optional<DType> dtype;
  std::string kernel_source;
  KernelSample sample;
  std::vector<GemmWork> projections;  // that the measured time holds beside the kernel
  bool launch_gaps = false;  // the time holds gaps between kernels, and so the host's speed
  std::string reason;        // why it cannot be predicted; empty: it can
};

bool is_dense_table(const MeasuredTable& table);

// At least one for each row.
std::vector<DenseSample> read_dense_row(const MeasuredTable& table, std::size_t row);

// The fits of the kernels of one system; rows with projections and with a reason are left out.
std::vector<FittedForm> fit_dense(const std::vector<DenseSample>& samples, const GpuSpec& gpu,
                                  int folds,
                                  const std::function<void(const std::string&)>& progress);

}  // namespace moesim
