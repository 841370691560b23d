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

// What moving kernels by datasheet ratios was off by where it could be measured, beyond the error
// of the fit: between GPUs that differ in their memory (H200 to H100), and over a generation (A100
// to H100). scenarios/calibrations/README.md has the commands.
double transfer_error(const GpuSpec& from, const GpuSpec& to) {
  constexpr double kOtherMemory = 0.08, kOtherGeneration = 0.4;
  const bool same_processors = from.sms == to.sms && from.peak == to.peak;
  return same_processors ? kOtherMemory : kOtherGeneration;
}

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

  KernelTime experts(const ExpertWork& work) const final { return time("experts", work); }
  KernelTime gemm(const GemmWork& work) const final { return time("gemm", work); }
  KernelTime attention(const AttentionWork& work) const final {
    return run(work.decode ? "attention_decode" : "attention_prefill", kernel_work(work));
  }
  KernelTime gate(const GateWork& work) const final { return run("gate", kernel_work(work)); }
  KernelTime memory_pass(Bytes bytes) const final {
    return run("memory_pass", {.bytes = bytes.value});
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
    for (KernelEntry entry : calibration.kernels) {
      if (calibration.transfer && calibration.gpu.name != gpu_.name && entry.held_out_mape)
        *entry.held_out_mape += transfer_error(calibration.gpu, gpu_);
      const BytesPerSecond measured =
          entry.measured_bandwidth.value_or(calibration.gpu.memory_bandwidth);
      kernels_.push_back(
          {std::move(entry), gpu, measured / gpu.memory_bandwidth, calibration.name});
    }
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
          fmt::format("calibration {}: moved from {} to {} by datasheet ratios; where that was "
                      "measured, kernels were off by 6 to 18 % (H200 to H100) and by 22 to 59 % "
                      "(A100 to H100)",
                      calibration.name, calibration.gpu.name, gpu_.name));
    } else {
      warn(
          fmt::format("calibration {}: measured on {} and used as measured, though the cluster has "
                      "{}; transfer: datasheet scales it",
                      calibration.name, calibration.gpu.name, gpu_.name));
    }
  }

  // A dtype that the measured GPU has no units for ran as the wider one.
  template <class Work>
  KernelTime time(const char* kernel, Work work) const {
    const Candidate& candidate = find(kernel, kernel_work(work));
    const std::string what = fmt::format("{} {}", kernel, to_string(work.dtype));
    if (candidate.entry.dtype && *candidate.entry.dtype != work.dtype) {
      if (warned_dtypes_.insert(what).second)
        warn(fmt::format("{}: {} has no units for it; calibration {} measured {}", what,
                         candidate.gpu.name, candidate.calibration,
                         to_string(*candidate.entry.dtype)));
      work.dtype = *candidate.entry.dtype;
    }
    return run(candidate, what, kernel_work(work));
  }

  KernelTime run(const char* kernel, const KernelWork& work) const {
    std::string what = kernel;
    if (work.attention != nullptr) what += fmt::format(" {}", core_name(work.attention->kind));
    return run(find(kernel, work), what, work);
  }

  // The first calibrated kernel for the work; experts with another number of matrices are nearer
  // than a roofline, and so is the general kernel of a family.
  const Candidate& find(std::string_view kernel, const KernelWork& work) const {
    const Candidate* nearest = nullptr;
    for (const Candidate& candidate : kernels_) {
      if (!serves(candidate, kernel, work)) continue;
      const int matrices = candidate.entry.matrices;
      if (matrices == 0 || work.experts == nullptr || matrices == work.experts->matrices)
        return candidate;
      if (nearest == nullptr) nearest = &candidate;
    }
    if (nearest == nullptr) {
      if (kernel.starts_with("attention_")) return find("attention", work);
      return kernel == "gate" ? find("memory_pass", work) : roofline_;
    }
    if (warned_matrices_.insert({work.dtype, work.experts->matrices}).second)
      warn(fmt::format("experts in {} with {} matrices: calibration {} has only {}",
                       to_string(work.dtype), work.experts->matrices, nearest->calibration,
                       nearest->entry.matrices));
    return *nearest;
  }

  static bool serves(const Candidate& candidate, std::string_view kernel, const KernelWork& work) {
    const KernelEntry& entry = candidate.entry;
    if (entry.kernel != kernel) return false;
    if (entry.dtype && *entry.dtype != work.dtype &&
        *entry.dtype != candidate.gpu.runs_as(work.dtype))
      return false;
    if (!entry.attention.empty() && work.attention != nullptr &&
        entry.attention != core_name(work.attention->kind))
      return false;
    return entry.form->takes(work, form_gpu(candidate));
  }

  static FormGpu form_gpu(const Candidate& candidate) {
    return {.spec = candidate.gpu, .traffic_scale = candidate.traffic_scale};
  }

  KernelTime run(const Candidate& candidate, const std::string& what,
                 const KernelWork& work) const {
    FormTime result = candidate.entry.form->time(work, form_gpu(candidate));
    if (seen_.insert({&candidate, what}).second) first_use(candidate, what);
    for (const AxisRange& range : candidate.entry.ranges) {
      const std::optional<double> at = axis_value(range.axis, work);
      if (at && (*at < range.low || *at > range.high)) warn_outside(candidate, range, what);
    }
    if (result.outside != nullptr) warn_outside(candidate, *result.outside, what);
    result.time.launches = launches_of(work);
    return result.time;
  }

  void first_use(const Candidate& candidate, const std::string& what) const {
    const KernelEntry& entry = candidate.entry;
    note_use(what, entry.held_out_mape.value_or(0), entry.held_out_mape.has_value());
    if (&candidate == &roofline_)
      warn(fmt::format("{}: no calibration has it; a datasheet roofline of {} stands in", what,
                       gpu_.name));
  }

  void warn_outside(const Candidate& candidate, const AxisRange& range,
                    const std::string& what) const {
    if (!outside_.insert({&range, what}).second) return;
    warn(fmt::format("{}: {} outside {:g} to {:g}, the range that calibration {} was measured on",
                     what, range.axis, range.low, range.high, candidate.calibration));
  }

  // Whether this is the first use.
  bool note_use(const std::string& what, double mape, bool measured) const {
    const auto [entry, fresh] = used_.try_emplace(what, HeldOutError{what, mape, measured});
    // Several entries may share a kernel's work: the worst speaks for it.
    entry->second.mape = std::max(entry->second.mape, mape);
    entry->second.measured = entry->second.measured && measured;
    return fresh;
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
  mutable std::set<std::pair<const Candidate*, std::string>> seen_;
  mutable std::set<std::pair<DType, int>> warned_matrices_;
  mutable std::set<std::string> warned_dtypes_;
  mutable std::set<std::pair<const AxisRange*, std::string>> outside_;
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
