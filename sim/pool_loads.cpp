#include "sim/pool_loads.hpp"

#include <algorithm>

#include "sim/link_report.hpp"

namespace moesim {

PoolLoads::Step PoolLoads::step(const std::vector<ExpertLoadRecord>& loads, const LinkUse& links) {
  Step step;
  for (const auto* of_links : {&links.bytes, &links.wire_bytes})
    for (const double bytes : *of_links) step.push_back(static_cast<float>(bytes));
  const std::size_t first = step.size();
  for (const ExpertLoadRecord& load : loads) {
    const std::size_t place =
        places_.try_emplace({load.layer, load.gpu, load.expert}, places_.size()).first->second;
    step.resize(std::max(step.size(), first + place + 1));
    step[first + place] = static_cast<float>(load.rows);
  }
  return step;
}

void PoolLoads::add(const Step& step, double times) {
  sums_.resize(std::max(sums_.size(), step.size()));
  for (std::size_t i = 0; i < step.size(); ++i) sums_[i] += times * step[i];
}

void PoolLoads::report(const Cluster& cluster, GpuId first, Seconds time, PoolSummary& pool) const {
  const std::size_t links = cluster.links().size();
  if (sums_.size() < 2 * links) return;  // there was no step
  LinkUse use{.bytes = IdVector<LinkId, double>(links),
              .wire_bytes = IdVector<LinkId, double>(links)};
  for (const LinkId link : use.bytes.ids()) {
    use.bytes[link] = sums_[link.index()];
    use.wire_bytes[link] = sums_[links + link.index()];
  }
  pool.links = all_links({&use, 1}, cluster, time, pool.steps);
  for (const auto& [place, index] : places_) {
    const auto& [layer, gpu, expert] = place;
    const std::size_t at = 2 * links + index;
    pool.expert_loads.push_back({.layer = layer,
                                 .gpu = first.value + gpu,
                                 .expert = expert,
                                 .rows = at < sums_.size() ? sums_[at] / pool.steps : 0});
  }
}

}  // namespace moesim
