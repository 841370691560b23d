// What events make of one step: how fast GPUs are, which of them work, and what routing looks like.
//
// A value: events fill it in for a step, and whoever builds the step reads it. Empty and default
// members mean that nothing is unusual.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/base/ids.hpp"

namespace moesim {

// Whether an expert may be asked for, and what becomes of its routes if not.
enum class Mask : std::uint8_t {
  kOpen,
  kRedraw,  // the token's next best expert by its logits; where they are not known, one drawn by
            // the routes that the others have
  kDrop,    // lost
};
using MaskMatrix = IdMatrix<LayerId, ExpertId, Mask>;

struct DeadGpu {
  GpuId gpu;
  bool tokens_lost = false;  // else the GPUs that live take them over
};

struct Conditions {
  // Relative, 1 = as calibrated: [gpus].
  IdVector<GpuId, double> compute_speed, memory_speed;
  IdVector<GpuId, double> jitter;         // deviation of ln(kernel time), [gpus]
  std::vector<DeadGpu> dead;              // ascending
  MaskMatrix masks;                       // [layers × experts]
  std::optional<int> top_k;               // in place of the model's
  std::optional<double> capacity_factor;  // in place of the capacity's
  double temperature = 1;                 // the logits are divided by it
  double noise = 0;                       // deviation of what is added to each logit

  bool is_dead(GpuId gpu) const;
  std::vector<GpuId> dead_gpus() const;
  std::span<const Mask> masks_of(LayerId layer) const;  // [experts]; empty = all are open
  bool operator==(const Conditions&) const = default;
};

// All of `model`'s experts may be asked for, unless there are masks already.
void ensure_masks(Conditions& conditions, int layers, int experts);

// Experts of a layer that are open.
int open_experts(std::span<const Mask> masks);

// What each GPU serves of the `usual` tokens [gpus]: a dead one none. Those of dead GPUs that are
// not lost are shared evenly by the live ones, the first of which get one more each where they do
// not divide. At least one GPU lives.
std::vector<int> tokens_under(const Conditions& conditions, std::span<const int> usual);

}  // namespace moesim
