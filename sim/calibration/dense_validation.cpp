#include "sim/calibration/dense_validation.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

// The entry of a kernel that no run asks for; null: there is none.
const KernelEntry* find_entry(const std::vector<Calibration>& calibrations,
                              const DenseSample& sample) {
  const KernelEntry* found = nullptr;
  for (const Calibration& calibration : calibrations)
    for (const KernelEntry& entry : calibration.kernels)
      if (entry.kernel == sample.kernel &&
          (entry.attention.empty() || entry.attention == sample.attention) &&
          (!entry.dtype || entry.dtype == sample.dtype) &&
          (found == nullptr || (found->kernel_source != sample.kernel_source &&
                                entry.kernel_source == sample.kernel_source)))
        found = &entry;
  return found;
}

Seconds predict(const DenseSample& sample, const KernelEntry& entry, const GpuSpec& gpu,
                const CostModel& model) {
  Seconds time(0);
  if (const auto* gemm = std::get_if<GemmWork>(&sample.sample.work))
    time = model.gemm(*gemm).total();
  else if (const auto* attention = std::get_if<AttentionWork>(&sample.sample.work))
    time = model.attention(*attention).total();
  else if (const auto* gate = std::get_if<GateWork>(&sample.sample.work))
    time = model.gate(*gate).total();
  else
    time = entry.form->time(kernel_work(sample.sample), {.spec = gpu}).time.total();
  for (const GemmWork& projection : sample.projections) time += model.gemm(projection).total();
  return time;
}

}  // namespace

void compare_dense(const MeasuredTable& table, std::size_t index, CostModels& models,
                   std::vector<Comparison>& comparisons) {
  for (const DenseSample& sample : read_dense_row(table, index)) {
    Comparison comparison{
        .row = index,
        .quantity = sample.kernel,
        .reason = sample.reason,
        .group = fmt::format("{} {} {}{}{}{}", sample.system, sample.framework, sample.kernel,
                             sample.attention.empty() ? "" : " " + sample.attention,
                             sample.dtype ? " " + to_string(*sample.dtype) : "",
                             sample.projections.empty() ? "" : " with projections"),
        .regimes = sample.sample.regimes};
    if (sample.sample.seconds > 0) comparison.measured_us = 1e6 * sample.sample.seconds;
    if (comparison.reason.empty()) {
      const SystemCalibrations::Found& found = models.find(sample.system, sample.framework);
      const KernelEntry* entry = find_entry(found.calibrations, sample);
      comparison.reason = found.reason;
      if (entry != nullptr)
        comparison.predicted_us =
            1e6 * predict(sample, *entry, found.gpu, models.of(sample.system, sample.framework, ""))
                      .value;
      else if (found.reason.empty())
        comparison.reason =
            fmt::format("calibration {} has no {} in {}", found.calibrations.back().name,
                        sample.kernel, sample.dtype ? to_string(*sample.dtype) : "any dtype");
    }
    comparisons.push_back(std::move(comparison));
  }
}

}  // namespace moesim
