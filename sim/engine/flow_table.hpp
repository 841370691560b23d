// The flows of the fluid solver, stored as arrays by slot, because what limits the solver is how
// much memory it has to touch for each flow.
//
// Slots are handed out in runs, so that flows that are made together lie together, and a run is
// used again when all its flows are gone. Nearly all flows pass two links (a port out, a port in)
// and have one part; what the others need besides lies apart, in bundles.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/base/units.hpp"

namespace moesim {

// What a flow is to its owner.
struct FlowTag {
  int leg = -1, source = -1, target = -1;
  int queue = -1;  // of its part
  bool operator==(const FlowTag&) const = default;
};

// One of several copies that travel beside each other as one flow, at equal rates.
struct FlowPart {
  double bytes = 0;
  int target = -1;
  int queue = -1;  // a link after its path that the owner looks after; −1 = none
};

using FlowId = std::uint32_t;

class FlowTable {
 public:
  struct Flow {
    std::array<int, 2> links = {-1, -1};  // or {kBundle, index of the bundle}
    FlowTag tag;                          // of a bundle: of the part that ends next
    int batch = -1;
  };
  struct Bundle {
    std::vector<int> links;
    std::vector<FlowPart> parts;  // by rising bytes
    std::size_t part = 0;         // the one that ends next
    std::uint32_t frozen = 0;     // the last fill that gave it a rate
    Seconds begin;                // when it was started
    int copies() const { return static_cast<int>(parts.size() - part); }
  };
  static constexpr int kBundle = -1;

  // See FluidSolver::prepare.
  FlowId add(std::span<const int> links, const FlowTag& tag, std::span<const FlowPart> parts,
             int batch);
  // It has ended; its slot may still be read.
  void end(FlowId id) {
    if (is_bundle(id)) free_bundles_.push_back(flows_[id].links[1]);
    left[id] = 0;
  }
  // Nobody refers to its slot any more.
  void remove(FlowId id) {
    if (--run_users_[id / kRun] == 0) free_runs_.push_back(id / kRun);
  }

  bool is_bundle(FlowId id) const { return flows_[id].links[0] == kBundle; }
  Bundle& bundle(FlowId id) { return bundles_[static_cast<std::size_t>(flows_[id].links[1])]; }
  std::span<const int> links(FlowId id) {
    if (is_bundle(id)) return bundle(id).links;
    return flows_[id].links;
  }
  int copies(FlowId id) { return is_bundle(id) ? bundle(id).copies() : 1; }
  Flow& operator[](FlowId id) { return flows_[id]; }

  // By slot: bytes that each copy still has to carry until the next part ends (0 = no flow), and
  // its bytes/s.
  std::vector<double> left, rate;

 private:
  static constexpr FlowId kRun = 64;  // slots

  FlowId take_slot() {
    if (next_ == run_end_) take_run();
    return next_++;
  }
  void take_run();
  void make_bundle(Flow& flow, std::span<const int> links, std::span<const FlowPart> parts);

  std::vector<Flow> flows_;        // [slots]
  std::vector<FlowId> run_users_;  // [runs] slots that are in use or not handed out yet
  std::vector<FlowId> free_runs_;
  FlowId next_ = 0, run_end_ = 0;  // slots to hand out
  std::vector<Bundle> bundles_;
  std::vector<int> free_bundles_;
};

}  // namespace moesim
