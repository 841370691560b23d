// The time of a fused MoE expert kernel from the rows of each of its experts.
//
//   t = base + slot·S + active·A + expert·E + hidden·H + width·I
//     + Σ_e [ x_e^p + y_e^p ]^(1/p)                                 over experts with m_e > 0
//     + route_hidden·R·H + route_width·R·I + T·(token_hidden·H + token_choice·k + token_expert·E)
//   x_e = 2·matrices·H·I · tile·⌈m_e / tile⌉ / (compute_efficiency · peak)
//   y_e = matrices·H·(I + extra_width)·bytes / (memory_efficiency · bandwidth)
//         · (1 + reread·max(0, m_e / (tile_base + tile_slope·u) − 1))
//
// with S local slots, A of them active, E experts routed among, R = Σ m_e routes, T input tokens,
// top-k k and u the usual rows of an expert. Each expert is a small roofline (DESIGN §6). To that
// `hidden` and `width` add the latency of one pass over the inner loops of the two GEMMs (a GEMM
// that fills the GPU less than once still takes that long), `extra_width` what a narrow slice of a
// weight matrix wastes of its last tile, `token_*` and `expert` the selection and sorting of all
// routes, and `reread` the weights that an expert with more rows than a tile reads again: the
// library picks the tile for the usual rows, so that is what makes hot experts expensive.
//
// A template, because the fit needs its derivatives (Ceres' jets) and the simulator plain numbers.
#pragma once

#include <array>
#include <cmath>

#include "sim/model/cost_model.hpp"

namespace moesim {

// Coefficients in the order of `pnorm_parameters()`, in SI units.
enum class Pnorm {
  kBase,
  kSlot,
  kActive,
  kExpert,
  kHidden,
  kWidth,
  kComputeEfficiency,
  kMemoryEfficiency,
  kExponent,
  kExtraWidth,
  kReread,
  kTileBase,
  kTileSlope,
  kRouteHidden,
  kRouteWidth,
  kTokenHidden,
  kTokenChoice,
  kTokenExpert,
  kCount
};
inline constexpr int kPnormCount = static_cast<int>(Pnorm::kCount);

template <class T>
using PnormCoefficients = std::array<T, kPnormCount>;

// What the terms of the form are made of, apart from the rows of each expert.
struct PnormShape {
  double hidden = 0, width = 0, matrices = 0;
  double slots = 0, active = 0, routes = 0;
  double experts = 0, top_k = 0, tokens = 0, usual_rows = 0;
  double tile = 64;               // rows that the compute is padded to
  double seconds_per_flop = 0;    // of the datasheet peak
  double seconds_per_column = 0;  // of one column of one weight matrix at the datasheet bandwidth
  double traffic_scale = 1;       // FormGpu::traffic_scale
};

template <class T>
struct PnormParts {
  T compute, memory;  // seconds
};

// One expert with `rows` > 0 rows.
template <class T>
PnormParts<T> pnorm_expert(const PnormCoefficients<T>& c, const PnormShape& s, double rows) {
  using std::pow;
  const auto at = [&](Pnorm which) -> const T& { return c[static_cast<std::size_t>(which)]; };
  const double padded = s.tile * std::ceil(rows / s.tile);
  const T x = 2 * s.matrices * s.hidden * s.width * s.seconds_per_flop * padded /
              at(Pnorm::kComputeEfficiency);
  T y = s.matrices * s.seconds_per_column * (s.width + at(Pnorm::kExtraWidth)) /
        at(Pnorm::kMemoryEfficiency);
  const T tile = at(Pnorm::kTileBase) + at(Pnorm::kTileSlope) * s.usual_rows;
  if (T(rows) > tile) y *= 1.0 + at(Pnorm::kReread) * (rows / tile - 1.0);
  const T& p = at(Pnorm::kExponent);
  // In terms of the smaller over the larger, so that no power overflows.
  const bool compute_bound = x > y;
  const T larger = compute_bound ? x : y;
  const T ratio = pow(compute_bound ? y / x : x / y, p);
  const T total = larger * pow(1.0 + ratio, 1.0 / p);
  const T share = (compute_bound ? T(1.0) : ratio) / (1.0 + ratio);
  return {.compute = total * share, .memory = total * (1.0 - share)};
}

// All that does not depend on how the routes spread over the experts.
template <class T>
T pnorm_overhead(const PnormCoefficients<T>& c, const PnormShape& s) {
  const auto at = [&](Pnorm which) -> const T& { return c[static_cast<std::size_t>(which)]; };
  const T fixed = at(Pnorm::kBase) + at(Pnorm::kSlot) * s.slots + at(Pnorm::kActive) * s.active +
                  at(Pnorm::kExpert) * s.experts + at(Pnorm::kHidden) * s.hidden +
                  at(Pnorm::kWidth) * s.width;
  const T traffic = at(Pnorm::kRouteHidden) * (s.routes * s.hidden) +
                    at(Pnorm::kRouteWidth) * (s.routes * s.width) +
                    at(Pnorm::kTokenHidden) * (s.tokens * s.hidden);
  const T routing = at(Pnorm::kTokenChoice) * (s.tokens * s.top_k) +
                    at(Pnorm::kTokenExpert) * (s.tokens * s.experts);
  return fixed + traffic * s.traffic_scale + routing;
}

}  // namespace moesim
