// What a GPU does around an all-to-all of tokens: fill send buffers, sum up what comes back.
//
// Dispatch sends a token once to each rank that has one of its experts (as DeepEP's normal mode
// does): `destinations` names the rank of each route, with -1 for all but the first route of a
// token to a rank; PermuteKernels::plan over ranks instead of experts then gives the rows of the
// send buffer. Combine at the sender of tokens is unweighted (each rank returns weighted sums).
//
// The arguments only: nothing here is slow to compile, since every CUDA file reads it.
#pragma once

#include <cstdint>

#include "kernels/dtype.hpp"
#include "kernels/permute_arguments.hpp"

namespace moesim::kernels {

struct DestinationArguments {
  int tokens = 0;
  int top_k = 0;  // 1 .. kMaxTopK
  int experts_per_rank = 0;
  bool once_per_rank = true;             // false: a row for every route
  const std::int32_t* ids = nullptr;     // [tokens x top_k]; negative: no destination
  std::int32_t* destinations = nullptr;  // [tokens x top_k] out: rank or -1
};

// Rows to send, from a plan whose "experts" are ranks. Exactly one kind of output: bf16, or fp8
// with a scale for each 1 x 128 (value = fp8 * scale, scale = largest magnitude / 448; a block of
// zeros has scale 1).
struct PackArguments {
  PermuteShape shape;            // experts = ranks
  int hidden_size = 0;           // a multiple of 8, for fp8 of 128; rows 16-byte aligned
  const Bf16* hidden = nullptr;  // [tokens x hidden_size]
  const std::int32_t* route_of_row = nullptr;  // [rows_bound]
  const std::int32_t* offsets = nullptr;       // [ranks + 1]: rows from the last one on stay as is
  Bf16* rows = nullptr;                        // [rows_bound x hidden_size] out, or
  Fp8* fp8_rows = nullptr;                     // [rows_bound x hidden_size] out, with
  float* scales = nullptr;                     // [rows_bound x hidden_size / 128] out
};

// The sum of UnpermuteArguments over rows that are bf16 or fp8 with scales.
struct CombineArguments {
  PermuteShape shape;
  int hidden_size = 0;                         // a multiple of 8, for fp8 of 128
  const Bf16* rows = nullptr;                  // [rows_bound x hidden_size], or
  const Fp8* fp8_rows = nullptr;               // [rows_bound x hidden_size], with
  const float* scales = nullptr;               // [rows_bound x hidden_size / 128]
  const std::int32_t* row_of_route = nullptr;  // [tokens x top_k]
  const float* weights = nullptr;              // [tokens x top_k]; null: all 1
  Bf16* hidden = nullptr;                      // [tokens x hidden_size] out
};

// Permuting is packing for experts instead of ranks, in bf16.
inline PackArguments as_pack(const ScatterArguments& scatter) {
  return {.shape = scatter.shape,
          .hidden_size = scatter.hidden_size,
          .hidden = scatter.hidden,
          .route_of_row = scatter.route_of_row,
          .offsets = scatter.offsets,
          .rows = scatter.rows};
}
inline CombineArguments as_combine(const UnpermuteArguments& unpermute) {
  return {.shape = unpermute.shape,
          .hidden_size = unpermute.hidden_size,
          .rows = unpermute.rows,
          .row_of_route = unpermute.row_of_route,
          .weights = unpermute.weights,
          .hidden = unpermute.hidden};
}

}  // namespace moesim::kernels
