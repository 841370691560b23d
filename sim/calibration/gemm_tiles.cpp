// A dense GEMM on tensor cores. The library cuts the result into tiles, each computed by one SM at
// a time, and cuts k where there are fewer tiles than SMs; it picks the best of what it has.
//
//   t = base + operand_pass·m·k / bandwidth + min over tiles (a × b) and cuts s of k:
//         [ (waves · max₄(x, y) + tile) ^p + (bytes / (memory_efficiency · bandwidth))^p ]^(1/p)
//         + depth·k/s + (s > 1)·(split + split_pass · 4·s·m·n / bandwidth)
//   waves = ⌈ ⌈m/a⌉·⌈n/b⌉·s / SMs ⌉
//   x = 2·a·b·(k/s) / (compute_efficiency · peak / SMs)        multiply-adds of a tile
//   y = (a + b)·(k/s)·element / tile_rate                      operands of a tile, from L2
//
// max₄ is the 4-norm. `operand_pass` is the quantisation of the activations before an fp8 GEMM.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "sim/calibration/coefficient_form.hpp"

namespace moesim {
namespace {
using enum ParameterType;

enum { kBase, kCompute, kMemory, kExponent, kTileRate, kTile, kDepth, kSplit, kSplitPass, kPass };

constexpr Coefficient kCoefficients[] = {
    {"base", kTime, "of the call", 3e-6, 1e-7},
    {"compute_efficiency", kNumber, "of the datasheet peak", 0.8, 0.05, 1},
    {"memory_efficiency", kNumber, "of the datasheet memory bandwidth", 0.9, 0.05, 1},
    {"exponent", kNumber, "p of the norm of compute and memory time", 2.5, 1, 10},
    {"tile_rate", kRate, "at which one SM is fed operands", 100e9, 1e9, 4e12},
    {"tile", kTime, "of an SM for each tile, beside its operands", 0.3e-6, 0, 10e-6},
    {"depth", kTime, "per step of the inner dimension", 0.1e-9, 0, 5e-9},
    {"split", kTime, "where the inner dimension is cut", 1e-6, 0, 10e-6},
    {"split_pass", kNumber, "passes over the partial results of a cut", 0.5, 0, 20},
    {"operand_pass", kNumber, "passes over the activations before, in bytes per element", 1, 0, 20},
};

struct TileShape {
  double rows, columns;
};
constexpr TileShape kTiles[] = {{64, 64}, {64, 128}, {128, 128}, {128, 256}, {64, 256}, {256, 128}};
constexpr double kCuts[] = {1, 2, 4, 8, 16};
constexpr double kShortestCut = 128;  // of k

double compute_seconds(std::span<const double> c, const GemmWork& work, const FormGpu& gpu,
                       double depth, double cut) {
  const double sms = std::max(1, gpu.spec.sms);
  const double seconds_per_flop =
      sms / (c[kCompute] * gpu.spec.peak_of(work.dtype).value);  // of one SM
  const double seconds_per_element = bytes_per_parameter(work.dtype) / c[kTileRate];
  double best = std::numeric_limits<double>::infinity();
  for (const TileShape& tile : kTiles) {
    const double tiles =
        std::ceil(work.m / tile.rows) * std::ceil(work.n / tile.columns) * cut * work.groups;
    const double x = 2 * tile.rows * tile.columns * depth * seconds_per_flop;
    const double y = (tile.rows + tile.columns) * depth * seconds_per_element;
    const double longer = std::sqrt(std::sqrt(x * x * x * x + y * y * y * y));
    best = std::min(best, std::ceil(tiles / sms) * (longer + c[kTile]));
  }
  return best + c[kDepth] * depth;
}

KernelTime gemm_time(std::span<const double> c, const KernelWork& work, const FormGpu& gpu) {
  MOESIM_CHECK(work.gemm != nullptr, "gemm_tiles stands only under kernel: gemm");
  const GemmWork& gemm = *work.gemm;
  const double bandwidth = gpu.spec.memory_bandwidth.value;
  const double memory = work.bytes / (c[kMemory] * bandwidth);
  KernelTime best{.compute = kForever};
  for (const double cut : kCuts) {
    const double depth = gemm.k / cut;
    if (cut > 1 && depth < kShortestCut) break;
    KernelTime time = p_norm(compute_seconds(c, gemm, gpu, depth, cut), memory, c[kExponent]);
    if (cut > 1)
      time.memory +=
          Seconds(c[kSplit] + c[kSplitPass] * 4 * cut * gemm.groups * gemm.m * gemm.n / bandwidth);
    if (time.total() < best.total()) best = time;
  }
  best.memory += Seconds(c[kBase] + (gemm.quantised ? 0 : c[kPass]) * gemm.groups * gemm.m *
                                        gemm.k / bandwidth);
  return best;
}

class GemmTiles : public CoefficientForm {
 public:
  explicit GemmTiles(const Arguments& arguments) : CoefficientForm(gemm_tiles_model(), arguments) {}
};

const Register<CostForm, GemmTiles> kGemmTiles{
    {.name = "gemm_tiles",
     .summary = "dense GEMM from its tiles, waves over SMs, cuts of the inner dimension, and bytes",
     .parameters = parameters_of(gemm_tiles_model())}};

}  // namespace

const FormModel& gemm_tiles_model() {
  static const FormModel model{"gemm_tiles", "gemm", kCoefficients, gemm_time};
  return model;
}

}  // namespace moesim
