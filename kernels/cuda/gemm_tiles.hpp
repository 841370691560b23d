// The index arithmetic of the grouped GEMM, the same on host and device, so that tests on a CPU can
// walk through all of it.
//
// C[rows of e x outputs] = A[rows of e x depth] B_e[outputs x depth]^T for each expert e. Tiles are
// 128 outputs wide and 16, 64 or 128 rows high, by the expert's rows. Bytes are counted along
// depth: a stage of shared memory holds 128 bytes of each row, 64 bf16 or 128 fp8 numbers.
#pragma once

#include "kernels/dtype.hpp"

namespace moesim::kernels {

inline constexpr int kTileOutputs = 128;
inline constexpr int kStageBytes = 128;  // of a row in shared memory
inline constexpr int kChunkBytes = 16;   // moved and addressed at once
inline constexpr int kChunks = kStageBytes / kChunkBytes;

// Which rows of B_e, and which columns of C, a tile has.
enum class OutputOrder {
  kPlain,  // outputs as they are: outputs = rows of B_e = columns of C
  kGated,  // 8 rows of the gate, then the 8 rows of the up matrix that meet them, and so on, so
           // that one thread has both: rows of B_e = 2 x columns of C
};

// Rows of a tile of an expert with this many: few rows take a low tile, which wastes little.
MOESIM_HOST_DEVICE inline int tile_rows(int rows_of_expert) {
  return rows_of_expert <= 16 ? 16 : rows_of_expert <= 64 ? 64 : 128;
}

MOESIM_HOST_DEVICE inline int tiles_down(int rows_of_expert) {
  return ceil_div(rows_of_expert, tile_rows(rows_of_expert));
}

// The tiles of one expert; `outputs`: rows of B_e.
MOESIM_HOST_DEVICE inline int tiles_of(int rows_of_expert, int outputs) {
  return rows_of_expert == 0 ? 0 : tiles_down(rows_of_expert) * ceil_div(outputs, kTileOutputs);
}

struct GemmTile {
  int expert = 0;
  int first_row = 0;     // within the expert
  int first_output = 0;  // a multiple of kTileOutputs
};

// The last expert whose first tile is at or before `tile`: first_tile [experts + 1], not falling,
// first_tile[0] = 0, tile < first_tile[experts].
MOESIM_HOST_DEVICE inline int expert_of_tile(const int* first_tile, int experts, int tile) {
  int low = 0, high = experts;  // first_tile[low] <= tile < first_tile[high]
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (first_tile[middle] <= tile)
      low = middle;
    else
      high = middle;
  }
  return low;
}

// Tiles above one another follow one another, so that the weights they share are read close in
// time.
MOESIM_HOST_DEVICE inline GemmTile tile_at(const int* first_tile, const int* rows_of_expert,
                                           int experts, int tile) {
  const int expert = expert_of_tile(first_tile, experts, tile);
  const int rows = rows_of_expert[expert], within = tile - first_tile[expert];
  const int down = tiles_down(rows);
  return GemmTile{.expert = expert,
                  .first_row = within % down * tile_rows(rows),
                  .first_output = within / down * kTileOutputs};
}

// The row of B_e that output `index` of the whole order is.
MOESIM_HOST_DEVICE inline int weight_row(OutputOrder order, int outputs, int index) {
  if (order == OutputOrder::kPlain) return index;
  const int column = index / 16 * 8 + index % 8;
  return index % 16 < 8 ? column : outputs / 2 + column;
}

// The column of C of output `index`; kGated: the same for a gate output and for its partner.
MOESIM_HOST_DEVICE inline int output_column(OutputOrder order, int index) {
  return order == OutputOrder::kPlain ? index : index / 16 * 8 + index % 8;
}

// Where in a stage a chunk lies. Chunks of a row are exchanged by the row's number, so that the
// eight rows that ldmatrix reads at once lie in different banks.
MOESIM_HOST_DEVICE inline int chunk_offset(int row, int chunk) {
  return row * kStageBytes + ((chunk ^ (row % kChunks)) * kChunkBytes);
}

// What lane `lane` hands ldmatrix.x4 for 16 rows of A and 32 bytes from chunk `first` on: the four
// 8 x 16-byte matrices arrive as the registers of mma's A operand.
MOESIM_HOST_DEVICE inline int a_fragment_offset(int first_row, int first, int lane) {
  return chunk_offset(first_row + lane % 16, first + lane / 16);
}

// The same for 16 outputs of B: registers 0 and 1 are mma's B operand of outputs 0-7, 2 and 3 of
// outputs 8-15.
MOESIM_HOST_DEVICE inline int b_fragment_offset(int first_output, int first, int lane) {
  return chunk_offset(first_output + lane / 16 * 8 + lane % 8, first + lane / 8 % 2);
}

// How the eight warps of a block share a tile.
struct WarpGrid {
  int down = 0, across = 0;   // warps
  int rows = 0, outputs = 0;  // of each warp
};

MOESIM_HOST_DEVICE constexpr WarpGrid warp_grid(int rows_of_tile) {
  return rows_of_tile == 16   ? WarpGrid{.down = 1, .across = 8, .rows = 16, .outputs = 16}
         : rows_of_tile == 64 ? WarpGrid{.down = 2, .across = 4, .rows = 32, .outputs = 32}
                              : WarpGrid{.down = 4, .across = 2, .rows = 32, .outputs = 64};
}

// The warp's first row and first output within the tile.
MOESIM_HOST_DEVICE inline int warp_row(WarpGrid grid, int warp) {
  return warp / grid.across * grid.rows;
}

MOESIM_HOST_DEVICE inline int warp_output(WarpGrid grid, int warp) {
  return warp % grid.across * grid.outputs;
}

}  // namespace moesim::kernels
