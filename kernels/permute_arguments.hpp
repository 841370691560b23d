// From token order to expert order and back.
//
// A route is one (token, choice): number token * top_k + choice. Rows are the routes sorted by
// expert; within an expert by route number (stable). Each expert's rows may be padded to a multiple
// of a tile, so that a matrix tile never holds two experts.
//
// The arguments only: nothing here is slow to compile, since every CUDA file reads it.
#pragma once

#include <cstdint>

#include "kernels/dtype.hpp"

namespace moesim::kernels {

struct PermuteShape {
  int tokens = 0;   // tokens * top_k below 2^30
  int top_k = 0;    // 1 .. kMaxTopK
  int experts = 0;  // 1 .. kMaxExperts
  int tile = 1;     // rows; 1: no padding
};

// Rows that any routing of this shape fits in: the size of everything that has [rows_bound].
// Throws UnsupportedError for a shape outside what is stated above.
int rows_bound(const PermuteShape& shape);

struct PlanArguments {
  PermuteShape shape;
  const std::int32_t* ids = nullptr;     // [tokens x top_k]; outside 0 .. experts-1: no row
  std::int32_t* counts = nullptr;        // [experts] out: rows used
  std::int32_t* offsets = nullptr;       // [experts + 1] out: first row; the last: rows in all
  std::int32_t* row_of_route = nullptr;  // [tokens x top_k] out; -1: no row
  std::int32_t* route_of_row = nullptr;  // [rows_bound] out; -1: padding, and behind the last row
};

// rows[r] = hidden[route_of_row[r] / top_k], zeros where route_of_row[r] is -1.
struct ScatterArguments {
  PermuteShape shape;
  int hidden_size = 0;                         // a multiple of 8; rows 16-byte aligned
  const Bf16* hidden = nullptr;                // [tokens x hidden_size]
  const std::int32_t* route_of_row = nullptr;  // [rows_bound]
  const std::int32_t* offsets = nullptr;       // [experts + 1]: rows from the last one on stay as
                                               // they are
  Bf16* rows = nullptr;                        // [rows_bound x hidden_size] out
};

// hidden[t] = sum over the token's choices j, in order, of weights[t, j] * rows[row_of_route[t,
// j]], in float32, rounded once at the end. Routes without a row add nothing.
struct UnpermuteArguments {
  PermuteShape shape;
  int hidden_size = 0;                         // a multiple of 8; rows 16-byte aligned
  const Bf16* rows = nullptr;                  // [rows_bound x hidden_size]
  const std::int32_t* row_of_route = nullptr;  // [tokens x top_k]
  const float* weights = nullptr;              // [tokens x top_k]; null: all 1
  Bf16* hidden = nullptr;                      // [tokens x hidden_size] out
};

}  // namespace moesim::kernels
