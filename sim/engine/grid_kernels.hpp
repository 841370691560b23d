// The inner loops of a flow grid: over the flows of one port, a vector at a time.
//
// There is one set for each instruction set, chosen when the program runs. They do the same
// operations in the same order, without fused ones, so that all give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sim/engine/link_account.hpp"

namespace moesim {

inline constexpr std::size_t kLanes = 8;  // sizes are multiples of it, arrays begin on cache lines

// [ports]
struct PortArrays {
  const double *flows = nullptr, *others = nullptr;  // how many there are: on the grid, and not
  const double* capacity = nullptr;                  // bytes/s
  double *credit = nullptr, *spare = nullptr;        // bytes, bytes/s
};

struct GridKernels {
  // A fill begins: take_credit() of all ports with flows or others, and what they have to spare
  // then. Others have no credit any more. Whether any port is wider or narrower than its capacity.
  bool (*widen)(std::size_t ports, const FillWindow& window, const PortArrays& of) = nullptr;
  // A port got this rate. The ports that its flows lead to, a bit for each in `flows`
  // [ports / kLanes], have it taken from them, and one flow without a rate less.
  void (*take)(std::size_t ports, const std::uint8_t* flows, double rate, double* taken,
               double* open) = nullptr;
  // Moves the flows of a port with the level `level` to others with `levels` [ports] by `step`
  // seconds, but for those that end within `reach` seconds. `left` [ports] in bytes; 0 or less is
  // no flow. How many end, and which: `ending` has room for all.
  std::size_t (*move)(std::size_t ports, const double* levels, double level, double reach,
                      double step, double* left, int* ending) = nullptr;
};

// For this machine, the fastest first. At least one.
std::span<const GridKernels> grid_kernels();

}  // namespace moesim
