#include "sim/calibration/calibrated_cost.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "sim/model/uniform_exchange.hpp"

namespace moesim {
namespace {

// A kernel and the GPU whose datasheet rates go with its coefficients.
struct Candidate {
  KernelEntry entry;
  GpuSpec gpu;
  double traffic_scale = 1;
  std::string calibration;
};

const KernelEntry& datasheet_roofline() {
  static const KernelEntry entry = [] {
    Mistakes mistakes;
    const Choice roofline = read_choice(CostForm::kRole, YamlNode::scalar("roofline"), mistakes);
    mistakes.throw_if_any();
    return KernelEntry{.form = Registry<CostForm>::make(roofline)};
  }();
  return entry;
}

class CalibratedCost : public CostModel {
 public:
  CalibratedCost(std::vector<Calibration> calibrations, const GpuSpec& gpu,
                 const std::string& kernel_source)
      : gpu_(gpu), roofline_{datasheet_roofline(), gpu, 1, ""} {
    for (const Calibration& calibration : calibrations) {
      names_.push_back(calibration.name);
      for (const std::string& note : calibration.notes)
        warnings_.push_back(fmt::format("calibration {}: {}", calibration.name, note));
      warn_of_other_gpu(calibration);
    }
    // The last calibration is asked first, each in the order of its file.
    std::reverse(calibrations.begin(), calibrations.end());
    for (const Calibration& calibration : calibrations) add(calibration);
    std::stable_partition(kernels_.begin(), kernels_.end(), [&](const Candidate& candidate) {
      return !kernel_source.empty() && candidate.entry.kernel_source == kernel_source;
    });
  }

  KernelTime experts(const ExpertWork& work) const final {
    double routes = 0, active = 0;
    for (const int rows : work.tokens) routes += rows, active += rows > 0 ? 1 : 0;
    const double weights = static_cast<double>(work.matrices) * work.hidden * work.width;
    const double element = bytes_per_parameter(work.dtype);
    const KernelWork kernel{.tokens = work.input_tokens,
                            .flops = 2 * weights * routes,
                            .bytes = active * weights * element + 4.0 * routes * work.hidden,
                            .dtype = work.dtype,
                            .experts = &work};
    const Candidate& candidate = find("experts", work.dtype, work.matrices);
    check_ranges(candidate, work);
    return run(candidate, "experts", kernel);
  }

  KernelTime gemm(const GemmWork& work) const final {
    const double element = bytes_per_parameter(work.dtype);
    return run(find("gemm", work.dtype, 0), "gemm",
               {.tokens = work.m,
                .flops = 2 * work.m * work.n * work.k,
                .bytes = element * (work.m * work.k + work.n * work.k) + 2 * work.m * work.n,
                .dtype = work.dtype});
  }

  KernelTime attention(const AttentionWork& work) const final {
    return run(find("attention", DType::kBf16, 0), "attention",
               {.tokens = work.query_tokens, .flops = work.flops, .bytes = work.kv_read});
  }

  KernelTime memory_pass(Bytes bytes) const final {
    return run(find("memory_pass", DType::kBf16, 0), "memory_pass", {.bytes = bytes.value});
  }

  ExchangeCost exchange(const std::string& library, const std::string& phase,
                        bool crosses_nodes) const final {
    const std::string what =
        fmt::format("{} {} {}", library, phase, crosses_nodes ? "over the network" : "in a node");
    for (const auto& [calibration, entry] : exchanges_) {
      if (entry.library != library || entry.phase != phase || entry.crosses_nodes != crosses_nodes)
        continue;
      note_use(what, entry.held_out_mape.value_or(0), entry.held_out_mape.has_value());
      return entry.cost;
    }
    if (note_use(what, 0, false))
      warn(fmt::format("{}: no calibration has it; datasheet rates without any start-up", what));
    return {};
  }

  CollectiveChoice collective(CollectiveKind kind, const CollectiveGroup& group, Bytes size,
                              const PortRates& rates, const std::string& library) const final {
    const bool crosses_nodes = group.domains > 1;
    if (kind == CollectiveKind::kAllToAll) {
      const ExchangeCost cost = exchange(library, "dispatch", crosses_nodes);
      return {CollectiveAlgorithm::kPairwise,
              exchange_time(cost, uniform_work(size, group.ranks, group.domains), rates)};
    }
    CollectiveChoice fastest;
    const CollectiveEntry* used = nullptr;
    for (const CollectiveEntry* entry : candidates(kind, crosses_nodes, library)) {
      const ExchangeTime time = collective_time(entry->cost, kind, group, size, rates);
      if (used != nullptr && time.total() >= fastest.time.total()) continue;
      fastest = {entry->cost.algorithm, time};
      used = entry;
    }
    const std::string what =
        fmt::format("{} {}", to_string(kind), crosses_nodes ? "over the network" : "in a node");
    if (used != nullptr) {
      note_use(what, used->held_out_mape.value_or(0),
               used->held_out_mape.has_value() && used->kind == kind);
      return fastest;
    }
    if (note_use(what, 0, false))
      warn(fmt::format("{}: no calibration has it; a ring at datasheet rates", what));
    return {CollectiveAlgorithm::kRing, collective_time({}, kind, group, size, rates)};
  }

  std::vector<HeldOutError> errors() const final {
    std::vector<HeldOutError> errors;
    for (const auto& [kernel, error] : used_) errors.push_back(error);
    return errors;
  }
  std::vector<std::string> warnings() const final { return warnings_; }
  std::vector<std::string> names() const final { return names_; }

 private:
  void add(const Calibration& calibration) {
    const GpuSpec& gpu = calibration.transfer ? gpu_ : calibration.gpu;
    const double traffic_scale = calibration.gpu.memory_bandwidth / gpu.memory_bandwidth;
    for (const KernelEntry& entry : calibration.kernels)
      kernels_.push_back({entry, gpu, traffic_scale, calibration.name});
    for (const ExchangeEntry& entry : calibration.exchanges)
      exchanges_.emplace_back(calibration.name, entry);
    for (const CollectiveEntry& entry : calibration.collectives)
      collectives_.emplace_back(calibration.name, entry);
  }

  // Those of the library and of NCCL, of the first calibration that has any of either. Nobody
  // measured a broadcast: it passes the hops of an all-gather.
  std::vector<const CollectiveEntry*> candidates(CollectiveKind kind, bool crosses_nodes,
                                                 const std::string& library) const {
    std::vector<const CollectiveEntry*> found;
    for (const std::string& owner : {library, std::string("nccl")}) {
      const std::string* calibration = nullptr;
      for (const auto& [name, entry] : collectives_) {
        if (entry.library != owner || entry.kind != kind || entry.crosses_nodes != crosses_nodes)
          continue;
        if (calibration != nullptr && *calibration != name) break;
        calibration = &name;
        found.push_back(&entry);
      }
      if (owner == "nccl") break;
    }
    if (found.empty() && kind == CollectiveKind::kBroadcast)
      return candidates(CollectiveKind::kAllGather, crosses_nodes, library);
    return found;
  }

  void warn_of_other_gpu(const Calibration& calibration) {
    if (calibration.gpu.name == gpu_.name) return;
    if (calibration.transfer) {
      warn(
          fmt::format("calibration {}: moved from {} to {} by datasheet ratios, which is worth 6 % "
                      "(H200 to H100) to 40 % (to another generation) of error",
                      calibration.name, calibration.gpu.name, gpu_.name));
    } else {
      warn(
          fmt::format("calibration {}: measured on {} and used as measured, though the cluster has "
                      "{}; transfer: datasheet scales it",
                      calibration.name, calibration.gpu.name, gpu_.name));
    }
  }

  // The first calibrated kernel for the work; experts with another number of matrices are nearer
  // than a roofline.
  const Candidate& find(std::string_view kernel, DType dtype, int matrices) const {
    const Candidate* nearest = nullptr;
    for (const Candidate& candidate : kernels_) {
      const KernelEntry& entry = candidate.entry;
      if (entry.kernel != kernel || (entry.dtype && *entry.dtype != dtype)) continue;
      if (entry.matrices == 0 || entry.matrices == matrices) return candidate;
      if (nearest == nullptr) nearest = &candidate;
    }
    if (nearest == nullptr) return roofline_;
    if (warned_matrices_.insert({dtype, matrices}).second)
      warn(fmt::format("experts in {} with {} matrices: calibration {} has only {}",
                       to_string(dtype), matrices, nearest->calibration, nearest->entry.matrices));
    return *nearest;
  }

  KernelTime run(const Candidate& candidate, const char* kernel, const KernelWork& work) const {
    const FormTime result = candidate.entry.form->time(
        work, {.spec = candidate.gpu, .traffic_scale = candidate.traffic_scale});
    if (seen_.insert({&candidate, kernel, work.dtype}).second) first_use(candidate, kernel, work);
    if (result.outside != nullptr) {
      const AxisRange& range = *result.outside;
      warn_outside(candidate, range, kernel);
    }
    return result.time;
  }

  void first_use(const Candidate& candidate, const char* kernel, const KernelWork& work) const {
    const bool by_dtype =
        std::string_view(kernel) == "experts" || std::string_view(kernel) == "gemm";
    const std::string what =
        by_dtype ? fmt::format("{} {}", kernel, to_string(work.dtype)) : kernel;
    const KernelEntry& entry = candidate.entry;
    note_use(what, entry.held_out_mape.value_or(0), entry.held_out_mape.has_value());
    if (&candidate == &roofline_)
      warn(fmt::format("{}: no calibration has it; a datasheet roofline of {} stands in", what,
                       gpu_.name));
  }

  void check_ranges(const Candidate& candidate, const ExpertWork& work) const {
    for (const AxisRange& range : candidate.entry.ranges) {
      const double at = range.axis == "tokens"   ? work.input_tokens
                        : range.axis == "hidden" ? work.hidden
                        : range.axis == "width"  ? work.width
                                                 : static_cast<double>(work.tokens.size());
      if (at < range.low || at > range.high) warn_outside(candidate, range, "experts");
    }
  }

  void warn_outside(const Candidate& candidate, const AxisRange& range, const char* kernel) const {
    if (!outside_.insert(&range).second) return;
    const std::string dtype =
        candidate.entry.dtype ? " " + to_string(*candidate.entry.dtype) : std::string();
    warn(fmt::format("{}{}: {} outside {:g} to {:g}, the range that calibration {} was measured on",
                     kernel, dtype, range.axis, range.low, range.high, candidate.calibration));
  }

  // Whether this is the first use.
  bool note_use(const std::string& what, double mape, bool measured) const {
    return used_.try_emplace(what, HeldOutError{what, mape, measured}).second;
  }
  void warn(std::string text) const { warnings_.push_back(std::move(text)); }

  GpuSpec gpu_;
  Candidate roofline_;
  std::vector<Candidate> kernels_;  // in the order they are asked
  std::vector<std::pair<std::string, ExchangeEntry>> exchanges_;
  std::vector<std::pair<std::string, CollectiveEntry>> collectives_;
  std::vector<std::string> names_;
  // What was used so far, for the result's provenance; it changes no time.
  mutable std::map<std::string, HeldOutError> used_;
  mutable std::vector<std::string> warnings_;
  mutable std::set<std::tuple<const Candidate*, std::string_view, DType>> seen_;
  mutable std::set<std::pair<DType, int>> warned_matrices_;
  mutable std::set<const AxisRange*> outside_;
};

}  // namespace

std::unique_ptr<CostModel> make_cost_model(std::vector<Calibration> calibrations,
                                           const GpuSpec& gpu, const std::string& kernel_source) {
  return std::make_unique<CalibratedCost>(std::move(calibrations), gpu, kernel_source);
}

std::unique_ptr<CostModel> make_cost_model(const YamlNode& calibration, const GpuSpec& gpu) {
  return make_cost_model(read_calibrations(calibration), gpu);
}

}  // namespace moesim
