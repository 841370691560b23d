// Fits of the kernels of dense_table.hpp: which form is each kernel's, and what is known of it.
#include <fmt/format.h>

#include <map>
#include <tuple>

#include "sim/calibration/dense_table.hpp"

namespace moesim {
namespace {

struct Group {
  std::string kernel, attention;
  std::optional<DType> dtype;
  std::string kernel_source;
  auto operator<=>(const Group&) const = default;
};

using Given = std::vector<std::pair<std::string, double>>;

const FormModel& model_of(const std::string& kernel) {
  if (kernel == "gemm") return gemm_tiles_model();
  if (kernel == "gate") return gate_topk_model();
  if (kernel == "attention_prefill") return attention_prefill_model();
  return kernel == "attention_decode" ? attention_decode_model() : affine_model();
}

FittedForm fit_group(const Group& group, const std::vector<KernelSample>& samples,
                     const GpuSpec& gpu, int folds, const Given& given) {
  const std::vector<std::string> axes =
      group.kernel.starts_with("attention")
          ? std::vector<std::string>{"heads", "sequences", "context"}
          : std::vector<std::string>{"tokens", "n", "k", "experts"};
  return {.kernel = group.kernel,
          .attention = group.attention,
          .dtype = group.dtype,
          .kernel_source = group.kernel_source,
          .ranges = ranges_of(samples, axes),
          .fit = fit_kernel({.model = model_of(group.kernel),
                             .samples = samples,
                             .gpu = gpu,
                             .folds = folds,
                             .given = given})};
}

// TensorRT-LLM's two decode kernels: grouped queries on tensor cores where it takes them, a block
// for each query head elsewhere.
std::vector<FittedForm> fit_grouped_decode(const Group& group,
                                           const std::vector<KernelSample>& samples,
                                           const GpuSpec& gpu, int folds) {
  const Given grouped = {{"blocks_per_sm", 6},  {"chunk", 128},        {"queries", 64},
                         {"smallest_group", 2}, {"largest_group", 32}, {"fill", 0.25}};
  const Given single = {{"blocks_per_sm", 1}, {"chunk", 1024}, {"queries", 1}};
  std::vector<double> rule;
  for (const Coefficient& coefficient : attention_decode_model().coefficients) {
    rule.push_back(coefficient.start);
    for (const auto& [name, value] : grouped)
      if (name == coefficient.name) rule.back() = value;
  }
  std::vector<KernelSample> taken, rest;
  for (const KernelSample& sample : samples)
    (attention_decode_model().takes(rule, kernel_work(sample), {.spec = gpu}) ? taken : rest)
        .push_back(sample);
  std::vector<FittedForm> fits;
  Group named = group;
  for (const auto& [part, source, given] :
       {std::tuple{&taken, "xqa", &grouped}, std::tuple{&rest, "masked_mha", &single}}) {
    named.kernel_source = source;
    if (!part->empty()) fits.push_back(fit_group(named, *part, gpu, folds, *given));
  }
  return fits;
}

}  // namespace

std::vector<FittedForm> fit_dense(const std::vector<DenseSample>& samples, const GpuSpec& gpu,
                                  int folds,
                                  const std::function<void(const std::string&)>& progress) {
  std::map<Group, std::vector<KernelSample>> groups;
  for (const DenseSample& sample : samples)
    if (sample.reason.empty() && sample.projections.empty())
      groups[{sample.kernel, sample.attention, sample.dtype, sample.kernel_source}].push_back(
          sample.sample);
  std::vector<FittedForm> fits;
  for (const auto& [group, rows] : groups) {
    progress(fmt::format("{} {}{}: {} rows", group.kernel, group.attention,
                         group.dtype ? to_string(*group.dtype) : "", rows.size()));
    if (group.kernel == "attention_decode" && group.attention == "gqa") {
      for (FittedForm& fit : fit_grouped_decode(group, rows, gpu, folds))
        fits.push_back(std::move(fit));
      continue;
    }
    const Given given = group.kernel == "attention_decode"
                            ? Given{{"blocks_per_sm", 2}, {"chunk", 128}, {"queries", 64}}
                            : Given{};
    fits.push_back(fit_group(group, rows, gpu, folds, given));
  }
  return fits;
}

}  // namespace moesim
