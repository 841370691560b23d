#include "sim/model/conditions.hpp"

#include <algorithm>

namespace moesim {

bool Conditions::is_dead(GpuId gpu) const {
  return std::any_of(dead.begin(), dead.end(), [&](const DeadGpu& d) { return d.gpu == gpu; });
}

std::vector<GpuId> Conditions::dead_gpus() const {
  std::vector<GpuId> gpus;
  for (const DeadGpu& one : dead) gpus.push_back(one.gpu);
  return gpus;
}

std::span<const Mask> Conditions::masks_of(LayerId layer) const {
  if (masks.empty()) return {};
  const auto row = masks.row(layer);
  return open_experts(row) < static_cast<int>(row.size()) ? row : std::span<const Mask>{};
}

void ensure_masks(Conditions& conditions, int layers, int experts) {
  if (conditions.masks.empty()) conditions.masks = MaskMatrix(layers, experts, Mask::kOpen);
}

int open_experts(std::span<const Mask> masks) {
  return static_cast<int>(std::count(masks.begin(), masks.end(), Mask::kOpen));
}

std::vector<int> tokens_under(const Conditions& conditions, std::span<const int> usual) {
  std::vector<int> tokens(usual.begin(), usual.end());
  std::int64_t orphans = 0;
  for (const DeadGpu& dead : conditions.dead) {
    int& own = tokens[dead.gpu.index()];
    if (!dead.tokens_lost) orphans += own;
    own = 0;
  }
  auto living = static_cast<std::int64_t>(tokens.size() - conditions.dead.size());
  MOESIM_CHECK(living > 0, "some GPU is alive");
  for (const GpuId gpu : IdRange<GpuId>(tokens.size())) {
    if (conditions.is_dead(gpu)) continue;
    const std::int64_t share = (orphans + living - 1) / living;
    tokens[gpu.index()] += static_cast<int>(share);
    orphans -= share;
    --living;
  }
  return tokens;
}

}  // namespace moesim
