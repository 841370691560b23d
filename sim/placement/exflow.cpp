// Experts that the same tokens use one layer after the other, on one GPU, so that tokens need not
// travel (ExFlow: Yao et al., "Exploiting inter-layer expert affinity for accelerating
// mixture-of-experts model inference", 2024; YJHMITWEB/ExFlow@2696131e, read in outline).
//
// Minimises the tokens times hops between layers, with as many experts on each GPU as it has slots.
// Small models (experts × layers up to `program_size`) are solved as ExFlow does: an integer
// program, by recursive bipartition, nodes before GPUs. Its stand-in for larger ones (ours), which
// small ones get, too, if it is better: one layer after the other is placed by the Hungarian
// method, given its neighbours, in sweeps up and down until nothing is gained. Loads do not count.
//
// The exchanges of this simulator bring every token back to its GPU after each layer. So a run
// shows what such a map does to balance, but not what ExFlow's engine, which leaves tokens where
// they are, would save: that is the measure above.
#include <algorithm>

#include "sim/placement/exflow_program.hpp"
#include "sim/placement/packing.hpp"
#include "sim/placement/placement_policy.hpp"
#include "sim/solve/least_cost_matching.hpp"

namespace moesim {
namespace {

constexpr int kMostSweeps = 20;
constexpr double kLeastGain = 1e-9;  // of the cost, for another sweep

// Places layers by the Hungarian method.
class Sweeps {
 public:
  Sweeps(const Transitions& transitions, const std::vector<int>& first_slot, GpuDistance distance)
      : transitions_(transitions),
        first_slot_(first_slot),
        gpus_(static_cast<int>(first_slot.size()) - 1),
        distance_(std::move(distance)) {}

  // Layer 0 in order, then each given the one before it.
  ExpertGpus start(int layers, int experts) const {
    ExpertGpus gpu_of(layers, std::vector<int>(static_cast<std::size_t>(experts)));
    for (std::size_t slot = 0; slot < gpu_of[LayerId(0)].size(); ++slot)
      gpu_of[LayerId(0)][slot] = gpu_of_slot(slot);
    std::vector<char> known(gpu_of.size());
    for (const LayerId layer : gpu_of.ids()) {
      if (layer.value > 0) place(layer, known, gpu_of);
      known[layer.index()] = 1;
    }
    return gpu_of;
  }

  // Each layer given both neighbours, down and up. Never raises the cost.
  void improve(ExpertGpus& gpu_of) const {
    const std::vector<char> known(gpu_of.size(), 1);
    const int layers = static_cast<int>(gpu_of.size());
    double before = transition_cost(transitions_, gpu_of, distance_);
    for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
      for (int i = 0; i < layers; ++i)
        place(LayerId(sweep % 2 == 0 ? layers - 1 - i : i), known, gpu_of);
      const double now = transition_cost(transitions_, gpu_of, distance_);
      if (now >= before * (1 - kLeastGain)) return;
      before = now;
    }
  }

 private:
  int gpu_of_slot(std::size_t slot) const {
    const auto next =
        std::upper_bound(first_slot_.begin(), first_slot_.end(), static_cast<int>(slot));
    return static_cast<int>(next - first_slot_.begin()) - 1;
  }

  void place(LayerId layer, std::span<const char> known, ExpertGpus& gpu_of) const {
    const Matrix on_gpu = cost_on_gpus(transitions_, gpu_of, layer, known, gpus_, distance_);
    Matrix on_slot(on_gpu.rows(), on_gpu.rows());
    for (std::size_t expert = 0; expert < on_gpu.rows(); ++expert)
      for (std::size_t slot = 0; slot < on_gpu.rows(); ++slot)
        on_slot(expert, slot) = on_gpu(expert, static_cast<std::size_t>(gpu_of_slot(slot)));
    const std::vector<int> slot_of = least_cost_matching(on_slot);
    for (std::size_t expert = 0; expert < slot_of.size(); ++expert)
      gpu_of[layer][expert] = gpu_of_slot(static_cast<std::size_t>(slot_of[expert]));
  }

  const Transitions& transitions_;
  const std::vector<int>& first_slot_;
  int gpus_ = 1;
  GpuDistance distance_;
};

class ExFlow final : public PlacementPolicy {
 public:
  explicit ExFlow(const Arguments& arguments)
      : program_size_(arguments.integer("program_size")),
        nodes_(arguments.integer("nodes")),
        spot_(arguments.section()) {
    if (arguments.integer("redundant") > 0)
      throw InputError(arguments.spot("redundant"), "exflow makes no copies of experts",
                       "leave 'redundant' out");
  }
  WindowNeeds needs() const override { return {.transitions = true}; }

  Placement place(const PlacementRequest& request) const override {
    const int layers = static_cast<int>(request.load.rows()), experts = request.experts();
    const Transitions& transitions = request.detail.transitions;
    require_known(static_cast<int>(transitions.size()) == layers - 1,
                  "which expert follows which from layer to layer", spot_,
                  "a trace with expert ids tells, a file of loads does not");
    const std::vector<int> first_slot = even_first_slots(experts, request.gpus);
    const GpuDistance distance = hop_distance(request.gpus, request.nodes);
    const Sweeps sweeps(transitions, first_slot, distance);
    ExpertGpus best = sweeps.start(layers, experts);
    sweeps.improve(best);
    if (experts * layers <= program_size_) {
      ExpertGpus other =
          bipartition(transitions, experts, slots_per_gpu(first_slot), request.nodes, nodes_);
      sweeps.improve(other);
      if (transition_cost(transitions, other, distance) <
          transition_cost(transitions, best, distance))
        best = std::move(other);
    }
    return placement_of(best, request.gpus);
  }

 private:
  int program_size_ = 0, nodes_ = 0;
  Spot spot_;
};

const Register<PlacementPolicy, ExFlow> kExFlow{
    {.name = "exflow",
     .summary = "experts that follow each other from layer to layer on one GPU",
     .source = "YJHMITWEB/ExFlow@2696131e, in outline",
     .parameters = {{.name = "program_size",
                     .type = ParameterType::kInteger,
                     .doc = "experts × layers up to which integer programs are tried; above, "
                            "matchings layer by layer alone",
                     .fallback = "24",
                     .minimum = 0},
                    {.name = "nodes",
                     .type = ParameterType::kInteger,
                     .doc = "of the search tree of one program, at most",
                     .fallback = "500",
                     .minimum = 1}}}};

}  // namespace
}  // namespace moesim
