// The experts of one GPU over a ragged vector of tokens: a grouped feed-forward network.
//
// For expert e with rows x (its m_e rows of `rows`, expert-major, as permute.hpp lays them out):
//   gated      y = (silu(x Wg^T) * (x Wu^T)) Wd^T     three matrices (SwiGLU)
//   not gated  y = relu(x Wu^T) Wd^T                  two matrices
// Sums in float32. What lies between the two products is rounded to bf16 (cuBLAS also rounds x Wg^T
// and x Wu^T); with kFp8Block, x and that are rounded once more, to fp8 with a scale for each 1 x
// 128 of a row (largest magnitude / 448).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/device.hpp"
#include "kernels/dtype.hpp"

namespace moesim::kernels {

struct ExpertShape {
  int experts = 0;       // on this device, 1 .. kMaxExperts
  int hidden_size = 0;   // H: a multiple of 64 (kBf16) or 128 (kFp8Block)
  int intermediate = 0;  // I, of one expert on this device: likewise
  bool gated = true;
  Dtype dtype = Dtype::kBf16;
};

// Row-major, experts outermost. Gated: the rows of Wg, then those of Wu. 16-byte aligned.
struct ExpertWeights {
  const void* up = nullptr;    // [experts x (gated ? 2 I : I) x H], Bf16 or Fp8
  const void* down = nullptr;  // [experts x H x I]
  // kFp8Block: weight = fp8 * scale of its 128 x 128 block.
  const float* up_scales = nullptr;    // [experts x (gated ? 2 I : I) / 128 x H / 128]
  const float* down_scales = nullptr;  // [experts x H / 128 x I / 128]
};

struct ExpertSizes {
  std::size_t up = 0, down = 0;                // weights, in numbers
  std::size_t up_scales = 0, down_scales = 0;  // floats
};
ExpertSizes sizes_of(const ExpertShape& shape);

// Who multiplies the matrices.
enum class Multiplier {
  kLibrary,  // cuBLAS grouped GEMM (bf16 only); a BLAS on `cpu`
  kOwn,      // the persistent kernel of cuda/grouped_gemm.cuh; loops on cpu_reference
};

struct ExpertArguments {
  ExpertShape shape;
  ExpertWeights weights;
  Multiplier multiplier = Multiplier::kLibrary;
  std::span<const int> tokens_per_expert;  // [experts], on the host; copied
  int tile = 1;                            // to which each expert's rows are padded
  const Bf16* rows = nullptr;              // [rows x H], rows = row_offsets(…).back()
  Bf16* output = nullptr;                  // [rows x H] out; padding rows: not written, or zeros
};

// First row of each expert, and behind the last expert the number of rows: [experts + 1].
std::vector<int> row_offsets(std::span<const int> tokens_per_expert, int tile);

class ExpertKernels {
 public:
  virtual ~ExpertKernels() = default;
  // The multipliers that run this shape on this device; empty: none.
  virtual std::vector<Multiplier> multipliers(const ExpertShape& shape) const = 0;
  // Allocates what it needs between the products. Throws UnsupportedError for sizes outside what
  // is stated above and for a dtype or multiplier that does not run here.
  virtual std::unique_ptr<Work> run(const ExpertArguments& arguments) = 0;
};

void check(const ExpertArguments& arguments);

}  // namespace moesim::kernels
