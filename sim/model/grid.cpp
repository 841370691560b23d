#include "sim/model/grid.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

// `count` neighbours a group.
GpuGroups neighbours(GpuId first, int gpus, int count) {
  GpuGroups groups;
  for (int begin = 0; begin < gpus; begin += count) {
    groups.emplace_back();
    for (int i = 0; i < count; ++i) groups.back().push_back(GpuId(first.value + begin + i));
  }
  return groups;
}

std::vector<int> divisors(int number) {
  std::vector<int> all;
  for (int i = 1; i <= number; ++i)
    if (number % i == 0) all.push_back(i);
  return all;
}

}  // namespace

Grid::Grid(Parallel parallel, std::shared_ptr<const Cluster> cluster)
    : parallel_(parallel), cluster_(std::move(cluster)) {
  MOESIM_CHECK(grid_mistake(parallel_, cluster_->gpus()).key.empty(), "a grid divides its GPUs");
  plain_ = ranks() == cluster_->gpus() && parallel_.tp == 1 && !splits();
  for (int stage = 0; stage < stages(); ++stage) {
    const GpuId first(stage * stage_gpus());
    shards_.push_back(neighbours(first, stage_gpus(), parallel_.etp));
    tensors_.push_back(neighbours(first, attention_gpus(), parallel_.tp));
    groups_.emplace_back();
    for (int replica = 0; replica < expert_replicas(); ++replica)
      for (int shard = 0; shard < parallel_.etp; ++shard) {
        ExpertGroup group;
        for (int rank = 0; rank < ranks(); ++rank)
          group.members.push_back(
              GpuId(first.value + (replica * ranks() + rank) * parallel_.etp + shard));
        const bool all = static_cast<int>(group.members.size()) == cluster_->gpus();
        group.cluster =
            all ? cluster_ : std::make_shared<const Cluster>(cluster_->part(group.members));
        groups_.back().push_back(std::move(group));
      }
  }
}

std::vector<int> Grid::brought(int tokens_per_gpu) const {
  std::vector<int> tokens(static_cast<std::size_t>(stage_gpus()));
  std::fill_n(tokens.begin(), attention_gpus(), tokens_per_gpu);
  return tokens;
}

int Grid::block_of_layer(int layer, int layers) const {
  return static_cast<int>(static_cast<std::int64_t>(layer) * stages() * parallel_.chunks / layers);
}

int Grid::stage_of_layer(int layer, int layers) const {
  const int stage = block_of_layer(layer, layers) % stages();
  return parallel_.mirrored ? stages() - 1 - stage : stage;
}

int Grid::chunk_of_layer(int layer, int layers) const {
  return block_of_layer(layer, layers) / stages();
}

namespace {

GridMistake split_mistake(const Parallel& parallel, int gpus) {
  const int attention = parallel.attention_gpus;
  if (attention >= gpus)
    return {"attention_gpus",
            fmt::format("{} GPUs with attention leave none of the {} for experts", attention, gpus),
            fmt::format("at most {}", gpus - 1)};
  if (attention % parallel.tp != 0)
    return {"tp",
            fmt::format("tp is {}, which does not divide the {} GPUs with attention", parallel.tp,
                        attention),
            fmt::format("it can be {}", fmt::join(divisors(attention), ", "))};
  for (const auto& [key, value] : {std::pair("pp", parallel.pp), std::pair("etp", parallel.etp)})
    if (value != 1)
      return {key, "GPUs of their own for attention have one stage, and whole experts beside them",
              fmt::format("{}: 1", key)};
  if (parallel.ranks() == gpus) return {};
  return {"ep",
          fmt::format("ep {} is not all of the {} GPUs without attention", parallel.ep,
                      gpus - attention),
          fmt::format("ep: {}, or leave it out", gpus - attention)};
}

}  // namespace

GridMistake grid_mistake(const Parallel& parallel, int gpus) {
  if (parallel.attention_gpus > 0) return split_mistake(parallel, gpus);
  const auto divides = [&](const char* key, int value, int of, const char* what) -> GridMistake {
    if (value >= 1 && of % value == 0) return {};
    return {key, fmt::format("{} is {}, which does not divide the {} {}", key, value, of, what),
            fmt::format("it can be {}", fmt::join(divisors(of), ", "))};
  };
  if (GridMistake m = divides("pp", parallel.pp, gpus, "GPUs"); !m.key.empty()) return m;
  const int stage = gpus / parallel.pp;
  const char* of = parallel.pp > 1 ? "GPUs of a stage" : "GPUs";
  if (GridMistake m = divides("tp", parallel.tp, stage, of); !m.key.empty()) return m;
  if (GridMistake m = divides("etp", parallel.etp, stage, of); !m.key.empty()) return m;
  const int left = stage / parallel.etp;
  if (parallel.ep >= 1 && left % parallel.ep == 0) return {};
  return {
      "ep",
      fmt::format("ep {} x etp {} does not divide the {} {}", parallel.ep, parallel.etp, stage, of),
      fmt::format("ep can be {}", fmt::join(divisors(left), ", "))};
}

}  // namespace moesim
