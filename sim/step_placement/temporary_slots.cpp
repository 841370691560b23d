#include "sim/step_placement/temporary_slots.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <limits>
#include <map>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

class Extension {
 public:
  Extension(const LayerPlacement& placement, const Assignment& assignment, const StepCopies& copies)
      : old_(placement), before_(assignment), copies_(copies), new_of_(placement.slots()) {
    lay_out();
  }

  ExtendedLayer run(const Routing& routing) {
    move_counts();
    if (!before_.slots.empty()) move_ids(routing);
    return std::move(layer_);
  }

 private:
  void lay_out() {
    LayerPlacement& map = layer_.placement;
    map.first_slot = {0};
    std::size_t next = 0;
    const auto append = [&](ExpertId expert, GpuId gpu, bool temporary) {
      map.expert_of.raw().push_back(expert);
      map.gpu_of_slot.raw().push_back(gpu);
      layer_.temporary.push_back(temporary);
      return SlotId(map.expert_of.size() - 1);
    };
    map.slots_of = IdVector<ExpertId, std::vector<SlotId>>(old_.experts());
    for (const GpuId gpu : IdRange<GpuId>(old_.gpus())) {
      for (SlotId slot(old_.first_slot[gpu.index()]); slot.value < old_.first_slot[gpu.index() + 1];
           ++slot)
        new_of_[slot] = append(old_.expert_of[slot], gpu, false);
      for (; next < copies_.copies.size() && copies_.copies[next].gpu == gpu; ++next)
        copy_on_[copies_.copies[next]] = append(copies_.copies[next].expert, gpu, true);
      map.first_slot.push_back(map.slots());
    }
    for (const ExpertId expert : old_.slots_of.ids())
      for (const SlotId slot : old_.slots_of[expert]) map.slots_of[expert].push_back(new_of_[slot]);
    for (const auto& [copy, slot] : copy_on_) map.slots_of[copy.expert].push_back(slot);
  }

  // The temporary copy of the slot's expert on the GPU, or the first slot that it has of it.
  SlotId target_of(const TakenRoutes& taken) const {
    const ExpertId expert = old_.expert_of[taken.slot];
    const auto found = copy_on_.find({taken.gpu, expert});
    if (found != copy_on_.end()) return found->second;
    for (const SlotId slot : old_.slots_of[expert])
      if (old_.gpu_of(slot) == taken.gpu) return new_of_[slot];
    MOESIM_CHECK(false, "routes are taken by GPUs that have their expert");
    return {};
  }

  void move_counts() {
    auto& routes = layer_.assignment.routes;
    routes = IdMatrix<GpuId, SlotId, int>(static_cast<int>(before_.routes.rows()),
                                          layer_.placement.slots());
    for (const GpuId source : routes.row_ids())
      for (const SlotId slot : new_of_.ids())
        routes(source, new_of_[slot]) = before_.routes(source, slot);
    for (const TakenRoutes& taken : copies_.taken) {
      const SlotId target = target_of(taken);
      int& left = routes(taken.source, new_of_[taken.slot]);
      left -= taken.routes;
      MOESIM_CHECK(left >= 0, "no more routes are taken than there are");
      routes(taken.source, target) += taken.routes;
      layer_.copies_receive |= taken.source != taken.gpu && layer_.temporary[target.index()];
    }
  }

  void move_ids(const Routing& routing) {
    layer_.assignment.slots = before_.slots;
    struct Part {
      SlotId target;
      int routes = 0;
    };
    for (const GpuId source : IdRange<GpuId>(routing.gpus())) {
      std::map<SlotId, std::deque<Part>> parts;
      for (const TakenRoutes& taken : copies_.taken)
        if (taken.source == source) parts[taken.slot].push_back({target_of(taken), taken.routes});
      const auto k = static_cast<std::size_t>(routing.top_k);
      const std::size_t from = static_cast<std::size_t>(routing.first_token[source.index()]) * k;
      const std::size_t to = static_cast<std::size_t>(routing.first_token[source.index() + 1]) * k;
      for (std::size_t at = from; at < to; ++at) {
        std::int16_t& slot = layer_.assignment.slots[at];
        if (slot < 0) continue;
        const SlotId old(slot);
        slot = static_cast<std::int16_t>(new_of_[old].value);
        const auto found = parts.find(old);
        if (found == parts.end() || found->second.empty()) continue;
        Part& part = found->second.front();
        slot = static_cast<std::int16_t>(part.target.value);
        if (--part.routes == 0) found->second.pop_front();
      }
    }
  }

  const LayerPlacement& old_;
  const Assignment& before_;
  const StepCopies& copies_;
  IdVector<SlotId, SlotId> new_of_;
  std::map<TemporaryCopy, SlotId> copy_on_;
  ExtendedLayer layer_;
};

}  // namespace

ExtendedLayer extend(const LayerPlacement& placement, const Assignment& assignment,
                     const Routing& routing, const StepCopies& copies, const Spot& spot) {
  const std::size_t slots = static_cast<std::size_t>(placement.slots()) + copies.copies.size();
  if (!assignment.slots.empty() && slots > std::numeric_limits<std::int16_t>::max())
    throw InputError(spot,
                     fmt::format("{} temporary copies and {} slots in a layer are more than routes "
                                 "by ids can name",
                                 copies.copies.size(), placement.slots()),
                     "say workload.routing: counts");
  return Extension(placement, assignment, copies).run(routing);
}

}  // namespace moesim
