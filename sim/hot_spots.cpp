#include "sim/hot_spots.hpp"

#include <algorithm>

#include "sim/model/imbalance.hpp"

namespace moesim {

void HotSpotCandidates::consider(int step, int layer, const LayerLoad& load,
                                 const std::shared_ptr<const Placement>& placement) {
  const auto hottest = std::max_element(load.gpu.begin(), load.gpu.end());
  const Candidate candidate{.step = step,
                            .layer = layer,
                            .gpu = load.first_gpu + static_cast<int>(hottest - load.gpu.begin()),
                            .excess = *hottest - mean(load.gpu),
                            .placement = placement};
  const auto same = std::find_if(worst_.begin(), worst_.end(),
                                 [&](const Candidate& c) { return c.layer == layer; });
  if (same != worst_.end()) {
    if (same->excess >= candidate.excess) return;
    worst_.erase(same);
  }
  const auto place = std::find_if(worst_.begin(), worst_.end(),
                                  [&](const Candidate& c) { return c.excess < candidate.excess; });
  worst_.insert(place, candidate);
  if (worst_.size() > kCount) worst_.pop_back();
}

HotSpotProducer::HotSpotProducer(const Scenario& scenario, const LayerBuilder& builder,
                                 const HotSpotCandidates& candidates)
    : scenario_(scenario), builder_(builder), candidates_(candidates) {}

TaskGraph barrier(int gpus) {
  TaskGraph graph;
  graph.add(Exchange{
      .legs = {{.bytes = ByteMatrix(gpus, gpus)}}, .rendezvous = true, .wait_for = WaitFor::kAll});
  return graph;
}

std::optional<TaskGraph> HotSpotProducer::next() {
  const std::size_t index = static_cast<std::size_t>(fragment_ / kFragments);
  if (index >= candidates_.worst().size()) return std::nullopt;
  const HotSpotCandidates::Candidate& candidate = candidates_.worst()[index];
  const int part = fragment_++ % kFragments;
  if (part % 2 == 0) return barrier(scenario_.cluster->gpus());
  std::optional<Evened> evened;
  if (part == 3) evened = Evened{GpuId(candidate.gpu)};
  return builder_.build_alone(candidate.step, candidate.layer, *candidate.placement, nullptr,
                              evened);
}

void HotSpotProducer::fragment_done(int, Seconds time) { ends_.push_back(time.value); }

HotSpot HotSpotProducer::describe(const HotSpotCandidates::Candidate& candidate,
                                  double seconds) const {
  LayerLoad load;
  const TaskGraph graph =
      builder_.build_alone(candidate.step, candidate.layer, *candidate.placement, &load);
  const LayerPlacement& placement = candidate.placement->layers[LayerId(graph.layer)];
  HotSpot spot{.layer = graph.layer, .gpu = candidate.gpu, .seconds = seconds};
  const int rank = scenario_.grid->rank_of(GpuId(candidate.gpu));
  double most = -1;
  for (SlotId slot : placement.expert_of.ids()) {
    if (placement.gpu_of(slot).value != rank) continue;
    const ExpertId expert = placement.expert_of[slot];
    const double share =
        load.expert[expert.index()] / static_cast<double>(placement.slots_of[expert].size());
    if (share <= most) continue;
    most = share;
    spot.expert = expert.value;
  }
  return spot;
}

std::vector<HotSpot> HotSpotProducer::take() const {
  std::vector<HotSpot> spots;
  for (std::size_t i = 0; i < candidates_.worst().size(); ++i) {
    const double* ends = ends_.data() + i * kFragments;
    const double cost = (ends[1] - ends[0]) - (ends[3] - ends[2]);
    if (cost > 0) spots.push_back(describe(candidates_.worst()[i], cost));
  }
  std::stable_sort(spots.begin(), spots.end(),
                   [](const HotSpot& a, const HotSpot& b) { return a.seconds > b.seconds; });
  return spots;
}

}  // namespace moesim
