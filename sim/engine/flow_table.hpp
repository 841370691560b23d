// The flows of the fluid solver, stored as arrays by slot, because what limits the solver is how
// much memory it has to touch for each flow.
//
// Slots are handed out in runs, so that flows that are made together lie together, and a run is
// used again when all its flows are gone. What a flow with several parts needs besides lies apart.
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
  bool operator==(const FlowTag&) const = default;
};

// One of several copies that travel beside each other as one flow, at equal rates.
struct FlowPart {
  double bytes = 0;
  int target = -1;
  // A link after the path that the flow uses like others, but that does not slow it down: the owner
  // looks after it. −1 = none.
  int queue = -1;
};

using FlowId = std::uint32_t;

class FlowTable {
 public:
  static constexpr int kShort = 6;  // links; routes through relays have up to 6, but for PCIe
  struct alignas(64) Flow {
    std::array<int, kShort> links{};  // or the first is an index into long_paths_
    int count = 0;                    // of its links
    std::uint32_t marked = 0;         // see mark()
    FlowTag tag;                      // of the part that ends next
    int batch = -1;
    int group = -1;    // its parts; −1 = only one
    double bytes = 0;  // of a flow of one part
  };
  struct Group {
    std::vector<FlowPart> parts;  // by rising bytes
    std::size_t part = 0;         // the one that ends next
    // Queues of its parts that other flows are slowed by, if any in this epoch.
    std::vector<int> shared_queues;
    std::uint32_t shared_in = 0;
    int copies() const { return static_cast<int>(parts.size() - part); }
    const FlowPart& next() const { return parts[part]; }
  };

  // See FluidSolver::prepare.
  FlowId add(std::span<const int> links, const FlowTag& tag, std::span<const FlowPart> parts,
             int batch);
  // It has ended; its slot may still be read.
  void end(FlowId id);
  // Nobody refers to its slot any more.
  void remove(FlowId id) {
    if (--run_users_[id / kRun] == 0) free_runs_.push_back(id / kRun);
  }

  Flow& operator[](FlowId id) { return flows_[id]; }
  std::span<const int> links(FlowId id) const {
    const Flow& flow = flows_[id];
    const int* links = flow.links.data();
    if (flow.count > kShort) links = long_paths_[static_cast<std::size_t>(flow.links[0])].data();
    return {links, static_cast<std::size_t>(flow.count)};
  }
  bool has_group(FlowId id) const { return flows_[id].group >= 0; }
  Group& group(FlowId id) { return groups_[static_cast<std::size_t>(flows_[id].group)]; }
  int copies(FlowId id) { return has_group(id) ? group(id).copies() : 1; }
  // For the links to meet each flow once: false if it was marked with this epoch before.
  bool mark(FlowId id, std::uint32_t epoch) {
    if (flows_[id].marked == epoch) return false;
    flows_[id].marked = epoch;
    return true;
  }
  // Called some time before it is used.
  void prefetch(FlowId id) const { __builtin_prefetch(&flows_[id]); }

  // By slot: bytes that each copy still has to carry until the next part ends (0 = no flow), and
  // its bytes/s.
  std::vector<double> left, rate;

 private:
  static constexpr FlowId kRun = 64;  // slots
  static constexpr int kLong = 12;    // links

  FlowId take_slot() {
    if (next_ == run_end_) take_run();
    return next_++;
  }
  void take_run();
  void set_links(Flow& flow, std::span<const int> links);
  void set_parts(Flow& flow, std::span<const FlowPart> parts);

  std::vector<Flow> flows_;        // [slots]
  std::vector<FlowId> run_users_;  // [runs] slots that are in use or not handed out yet
  std::vector<FlowId> free_runs_;
  FlowId next_ = 0, run_end_ = 0;  // slots to hand out
  std::vector<std::array<int, kLong>> long_paths_;
  std::vector<int> free_long_paths_;
  std::vector<Group> groups_;
  std::vector<int> free_groups_;
};

}  // namespace moesim
