#include "sim/calibration/measurement_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "sim/calibration/datasheet.hpp"
#include "sim/calibration/measurement_findings.hpp"

namespace moesim {
namespace {

using Samples = std::vector<const Measurement*>;

// What is fitted together. The router is a GEMM like others.
struct GroupKey {
  std::string kernel, variant;
  DType dtype = DType::kBf16;
  int matrices = 0;
  auto operator<=>(const GroupKey&) const = default;
};

std::string shown(const GroupKey& key) {
  return fmt::format("{}{}{} {}", key.kernel, key.variant.empty() ? "" : " ", key.variant,
                     to_string(key.dtype));
}

bool is_plain(const std::string& kernel) {
  for (const char* name :
       {"permute", "unpermute", "memory_pass", "copy_device", "launch", "copy_host_to_device",
        "copy_device_to_host", "dispatch_pack", "combine_pack"})
    if (kernel == name) return true;
  return false;
}

bool is_collective(const std::string& kernel) {
  return kernel == "all_reduce" || kernel == "all_to_all";
}

std::string shape_text(const Measurement& sample, std::initializer_list<const char*> keys) {
  std::string text;
  for (const char* key : keys)
    text += fmt::format("{}{} {:g}", text.empty() ? "" : ", ", key, sample.at(key));
  return text;
}

std::string call_text(const Measurement& sample) {
  std::string text = sample.kernel + sample.mode;
  for (const auto& [key, value] : sample.shape) text += fmt::format("|{} {:g}", key, value);
  for (const int rows : sample.rows) text += fmt::format(",{}", rows);
  return text;
}

PnormSample expert_sample(const Measurement& sample, const GpuSpec& gpu) {
  const auto count = [&](const char* key) { return static_cast<int>(sample.at(key)); };
  const ExpertWork work{
      .hidden = count("hidden"),
      .width = count("width"),
      .matrices = count("matrices"),
      .dtype = sample.dtype,
      .top_k = count("top_k"),
      .tokens = sample.rows,
      .input_tokens = sample.at("tokens"),
      .routed_experts = count("experts"),
      .usual_rows = sample.at("tokens") * sample.at("top_k") / sample.at("experts")};
  return pnorm_sample(work, {sample.rows}, gpu, sample.median, sample.load,
                      shape_text(sample, {"hidden", "width", "top_k", "experts"}));
}

double local_routes(const Measurement& sample) {
  double routes = 0;
  for (const int rows : sample.rows) routes += rows;
  return routes;
}

// What the kernel works on, for the kernels that are not of experts.
std::variant<GemmWork, AttentionWork, GateWork, PlainWork> work_of(const Measurement& sample) {
  const double element = bytes_per_parameter(sample.dtype);
  if (sample.kernel == "gemm")
    return GemmWork{sample.at("m"), sample.at("n"), sample.at("k"), sample.dtype};
  if (sample.kernel == "router")
    return GemmWork{sample.at("tokens"), sample.at("experts"), sample.at("hidden"), sample.dtype};
  if (sample.kernel == "gate")
    return GateWork{sample.at("tokens"), static_cast<int>(sample.at("experts")),
                    static_cast<int>(sample.at("top_k"))};
  if (sample.kernel == "launch") return PlainWork{.tokens = sample.at("kernels")};
  if (sample.kernel == "permute" || sample.kernel == "unpermute") {
    const double routes = local_routes(sample);
    return PlainWork{.tokens = routes, .bytes = 2 * routes * sample.at("hidden") * element};
  }
  if (sample.kernel.ends_with("_pack"))
    return PlainWork{.tokens = sample.at("tokens"),
                     .bytes = 2 * sample.at("tokens") * sample.at("hidden") * element};
  return PlainWork{.bytes = sample.at("bytes")};
}

std::string fold_shape(const Measurement& sample) {
  if (sample.kernel == "gemm") return shape_text(sample, {"n", "k"});
  if (sample.kernel == "router") return shape_text(sample, {"experts", "hidden"});
  if (sample.kernel == "gate") return shape_text(sample, {"experts", "top_k"});
  if (sample.shape.contains("hidden")) return shape_text(sample, {"hidden"});
  return call_text(sample);
}

FittedForm fit_form(const GroupKey& key, const Samples& group, const std::string& device,
                    const GpuSpec& gpu, int folds) {
  std::vector<KernelSample> samples;
  for (const Measurement* sample : group)
    samples.push_back({work_of(*sample), sample->median.value, fold_shape(*sample), {}});
  const FormModel& model = key.kernel == "gemm" && device == "cuda" ? gemm_tiles_model()
                           : key.kernel == "gate"                   ? gate_topk_model()
                                                                    : affine_model();
  FittedForm fitted{
      .kernel = key.kernel,
      .kernel_source = key.variant,
      .ranges = ranges_of(samples, key.kernel == "gemm"
                                       ? std::vector<std::string>{"tokens", "n", "k"}
                                       : std::vector<std::string>{"tokens", "experts", "bytes"}),
      .fit = fit_kernel({.model = model, .samples = samples, .gpu = gpu, .folds = folds})};
  if (key.kernel == "gemm") fitted.dtype = key.dtype;
  std::erase_if(fitted.ranges, [](const AxisRange& range) { return range.high <= 0; });
  return fitted;
}

std::vector<AxisRange> expert_ranges(const Samples& group) {
  std::vector<AxisRange> ranges;
  for (const auto& [axis, key] :
       {std::pair{"tokens", "tokens"}, std::pair{"hidden", "hidden"}, std::pair{"width", "width"},
        std::pair{"slots", "local_experts"}}) {
    AxisRange range{axis, group.front()->at(key), group.front()->at(key)};
    for (const Measurement* sample : group) {
      range.low = std::min(range.low, sample->at(key));
      range.high = std::max(range.high, sample->at(key));
    }
    ranges.push_back(range);
  }
  return ranges;
}

FittedKernel fit_experts(const GroupKey& key, const Samples& group, const MeasuredDevice& device,
                         const GpuSpec& gpu, int folds) {
  std::vector<PnormSample> samples;
  // Tensor cores work on tiles of rows, a CPU on any number of them.
  const double tile = device.kind == "cpu" ? 1 : 64;
  for (const Measurement* sample : group) {
    samples.push_back(expert_sample(*sample, gpu));
    samples.back().shape.tile = tile;
  }
  // What a sweep of the same kernels measured as peaks is no bound: a cache may be faster.
  const PnormLimits limits =
      device.measured_peak ? PnormLimits{.compute = 2, .memory = 20} : PnormLimits{};
  return {.framework = "moesim",
          .kernel_source = key.variant,
          .dtype = key.dtype,
          .matrices = key.matrices,
          .tile = tile,
          .ranges = expert_ranges(group),
          .fit = fit_with_folds(samples, folds, limits)};
}

// Groups of samples that can be fitted; what cannot is named.
std::map<GroupKey, Samples> groups_of(const MeasurementFile& file, MeasurementFits& fits) {
  std::map<GroupKey, Samples> groups;
  std::map<std::string, int> left_out;
  for (const Measurement& sample : file.samples) {
    GroupKey key{.kernel = sample.kernel == "router" ? "gemm" : sample.kernel,
                 .variant = sample.kernel == "launch" ? sample.mode : sample.variant,
                 .dtype = sample.dtype};
    if (sample.kernel == "experts") key.matrices = static_cast<int>(sample.at("matrices"));
    const bool known = sample.kernel == "experts" || sample.kernel == "gate" ||
                       key.kernel == "gemm" || is_plain(sample.kernel);
    if (sample.wrong) {
      ++left_out[sample.kernel + ": its result differed from the reference"];
    } else if (known) {
      groups[key].push_back(&sample);
    }
    for (const std::string& warning : sample.warnings)
      ++left_out["kept, though warned: " + warning];
  }
  for (auto& [key, group] : groups) {
    const auto cold = [](const Measurement* sample) { return sample->cache == "cold"; };
    if (!std::any_of(group.begin(), group.end(), cold)) continue;
    const std::size_t warm =
        std::erase_if(group, [&](const auto* sample) { return !cold(sample); });
    if (warm > 0)
      left_out[key.kernel + ": with warm caches, where there are cold ones"] +=
          static_cast<int>(warm);
  }
  for (const auto& [why, samples] : left_out)
    fits.left_out.push_back(fmt::format("{} samples of {}", samples, why));
  return groups;
}

// Mean logarithm of the time of the calls that both made, `a` over `b`; below 0: `a` is faster.
double log_ratio(const Samples& a, const Samples& b) {
  std::map<std::string, double> seconds;
  for (const Measurement* sample : b) seconds[call_text(*sample)] = sample->median.value;
  double sum = 0;
  for (const Measurement* sample : a)
    if (const auto found = seconds.find(call_text(*sample)); found != seconds.end())
      sum += std::log(sample->median.value / found->second);
  return sum;
}

// Keys in the order of a file: for the same work the faster variant first.
std::vector<GroupKey> ordered(const std::map<GroupKey, Samples>& groups) {
  std::vector<GroupKey> keys;
  for (const auto& [key, group] : groups) {
    auto place = keys.end();
    while (place != keys.begin()) {
      const GroupKey& before = *std::prev(place);
      const bool same_work = before.kernel == key.kernel && before.dtype == key.dtype &&
                             before.matrices == key.matrices;
      if (!same_work || log_ratio(group, groups.at(before)) >= 0) break;
      --place;
    }
    keys.insert(place, key);
  }
  return keys;
}

std::vector<CollectiveSample> collectives_of(const MeasurementFile& file,
                                             const std::string& system) {
  std::vector<CollectiveSample> samples;
  for (const Measurement& sample : file.samples)
    if (is_collective(sample.kernel) && !sample.wrong)
      samples.push_back({.library = "nccl",
                         .kind = sample.kernel == "all_reduce" ? CollectiveKind::kAllReduce
                                                               : CollectiveKind::kAllToAll,
                         .system = system,
                         .group = {.ranks = static_cast<int>(sample.at("ranks")), .domains = 1},
                         .size = Bytes(sample.at("bytes")),
                         .measured = sample.median});
  return samples;
}

}  // namespace

MeasurementFits fit_measurements(const MeasurementFile& file, int folds,
                                 const std::function<void(const std::string&)>& progress) {
  MeasurementFits fits{.gpu = {.name = file.device.name,
                               .memory_bandwidth = file.device.memory_bandwidth,
                               .peak = file.device.peak,
                               .sms = file.device.sms},
                       .findings = measurement_findings(file)};
  const Datasheet* sheet = file.device.kind == "cuda" ? datasheet_in(file.device.name) : nullptr;
  if (sheet != nullptr) {
    fits.gpu = sheet->gpu;
    fits.system = sheet->system;
    fits.collectives = collectives_of(file, sheet->system);
  }
  const std::map<GroupKey, Samples> groups = groups_of(file, fits);
  for (const GroupKey& key : ordered(groups)) {
    const Samples& group = groups.at(key);
    progress(fmt::format("{}: {} samples", shown(key), group.size()));
    if (key.kernel == "experts")
      fits.kernels.push_back(fit_experts(key, group, file.device, fits.gpu, folds));
    else
      fits.forms.push_back(fit_form(key, group, file.device.kind, fits.gpu, folds));
  }
  return fits;
}

}  // namespace moesim
