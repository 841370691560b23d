// Walks through the grouped GEMM's index arithmetic on the CPU, chunk by chunk and lane by lane,
// with the register layouts of ldmatrix and mma.sync as the PTX manual states them.
#include "kernels/cuda/gemm_tiles.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

namespace moesim::kernels {
namespace {

std::vector<int> first_tiles(const std::vector<int>& rows, int outputs) {
  std::vector<int> first{0};
  for (const int count : rows) first.push_back(first.back() + tiles_of(count, outputs));
  return first;
}

TEST(GemmTiles, CoverEveryRowAndOutputOnce) {
  std::mt19937 generator(3);
  for (const int experts : {1, 2, 7, 300, 1024})
    for (const int outputs : {64, 128, 320, 1024}) {
      std::vector<int> rows;
      for (int e = 0; e < experts; ++e)
        rows.push_back(generator() % 3 == 0 ? 0 : generator() % (experts > 10 ? 40 : 400));
      const std::vector<int> first = first_tiles(rows, outputs);
      std::set<std::array<int, 3>> seen;
      long covered = 0;
      for (int at = 0; at < first.back(); ++at) {
        const GemmTile tile = tile_at(first.data(), rows.data(), experts, at);
        ASSERT_LT(tile.first_row, rows[tile.expert]);
        ASSERT_LT(tile.first_output, outputs);
        ASSERT_EQ(tile.first_row % tile_rows(rows[tile.expert]), 0);
        ASSERT_EQ(tile.first_output % kTileOutputs, 0);
        ASSERT_TRUE(seen.insert({tile.expert, tile.first_row, tile.first_output}).second);
        covered += static_cast<long>(
                       std::min(tile_rows(rows[tile.expert]), rows[tile.expert] - tile.first_row)) *
                   std::min(kTileOutputs, outputs - tile.first_output);
      }
      long wanted = 0;
      for (const int count : rows) wanted += static_cast<long>(count) * outputs;
      EXPECT_EQ(covered, wanted) << experts << " experts, " << outputs << " outputs";
    }
}

TEST(GemmTiles, WasteLessThanATileOfTheExpertsOwnSize) {
  EXPECT_EQ(tile_rows(1), 16);
  EXPECT_EQ(tile_rows(16), 16);
  EXPECT_EQ(tile_rows(17), 64);
  EXPECT_EQ(tile_rows(65), 128);
  EXPECT_EQ(tiles_of(0, 4096), 0);
  EXPECT_EQ(tiles_of(129, 4096), 2 * 32);
  EXPECT_EQ(tiles_of(1, 64), 1);
}

TEST(GemmTiles, GatedOrderPairsEachGateWithItsUp) {
  const int outputs = 512;
  std::set<int> rows;
  for (int index = 0; index < outputs; ++index) {
    rows.insert(weight_row(OutputOrder::kGated, outputs, index));
    if (index % 16 >= 8) continue;
    const int partner = index + 8;  // the same lane of the next result
    EXPECT_EQ(weight_row(OutputOrder::kGated, outputs, partner),
              weight_row(OutputOrder::kGated, outputs, index) + outputs / 2);
    EXPECT_EQ(output_column(OutputOrder::kGated, partner),
              output_column(OutputOrder::kGated, index));
    EXPECT_EQ(output_column(OutputOrder::kGated, index),
              weight_row(OutputOrder::kGated, outputs, index));
  }
  EXPECT_EQ(rows.size(), static_cast<std::size_t>(outputs));
  EXPECT_EQ(*rows.rbegin(), outputs - 1);
}

// One scale stands for all gates of a tile, and one for all ups (128 rows of weights each).
TEST(GemmTiles, StayWithinOneBlockOfScales) {
  for (const OutputOrder order : {OutputOrder::kPlain, OutputOrder::kGated})
    for (int first = 0; first < 1024; first += kTileOutputs)
      for (int index = first; index < first + kTileOutputs; ++index) {
        const int group = index / 8 % 2;  // gates and ups take turns
        EXPECT_EQ(weight_row(order, 1024, index) / kScaleBlock,
                  weight_row(order, 1024, first + 8 * group) / kScaleBlock);
      }
}

TEST(GemmSwizzle, GivesEveryChunkItsOwnPlace) {
  std::set<int> places;
  for (int row = 0; row < 128; ++row)
    for (int chunk = 0; chunk < kChunks; ++chunk) {
      const int place = chunk_offset(row, chunk);
      EXPECT_EQ(place % kChunkBytes, 0);
      EXPECT_EQ(place / kStageBytes, row);
      places.insert(place);
    }
  EXPECT_EQ(places.size(), 128u * kChunks);
}

// ldmatrix reads 8 rows of 16 bytes at a time: without a conflict if they lie in different banks.
TEST(GemmSwizzle, ReadsEightRowsFromDifferentBanks) {
  for (int first = 0; first < 128; first += 16)
    for (int chunk = 0; chunk < kChunks; chunk += 2)
      for (int matrix = 0; matrix < 4; ++matrix) {
        std::set<int> a, b;
        for (int lane = 8 * matrix; lane < 8 * matrix + 8; ++lane) {
          a.insert(a_fragment_offset(first, chunk, lane) / kChunkBytes % 8);
          b.insert(b_fragment_offset(first, chunk, lane) / kChunkBytes % 8);
        }
        EXPECT_EQ(a.size(), 8u);
        EXPECT_EQ(b.size(), 8u);
      }
}

TEST(GemmWarps, ShareATileWithoutOverlap) {
  for (const int rows : {16, 64, 128}) {
    const WarpGrid grid = warp_grid(rows);
    EXPECT_EQ(grid.down * grid.across, 8);
    std::vector<int> times(rows * kTileOutputs, 0);
    for (int warp = 0; warp < 8; ++warp)
      for (int r = 0; r < grid.rows; ++r)
        for (int o = 0; o < grid.outputs; ++o)
          ++times[(warp_row(grid, warp) + r) * kTileOutputs + warp_output(grid, warp) + o];
    EXPECT_EQ(times, std::vector<int>(rows * kTileOutputs, 1));
  }
}

// A block of the kernel with bytes for numbers: what the index arithmetic moves is bytes.
class Emulator {
 public:
  Emulator(std::vector<int> rows, int outputs, int depth, OutputOrder order)
      : rows_(std::move(rows)), outputs_(outputs), depth_(depth), order_(order) {
    std::mt19937 generator(7);
    int total = 0;
    for (const int count : rows_) {
      first_row_.push_back(total);
      total += count;
    }
    a_.resize(static_cast<std::size_t>(total) * depth);
    b_.resize(rows_.size() * outputs * depth);
    for (std::int8_t& value : a_) value = static_cast<std::int8_t>(generator() % 7) - 3;
    for (std::int8_t& value : b_) value = static_cast<std::int8_t>(generator() % 7) - 3;
    columns_ = order == OutputOrder::kGated ? outputs / 2 : outputs;
    c_.assign(static_cast<std::size_t>(total) * columns_, 0);
    written_.assign(c_.size(), 0);
  }

  void run() {
    const std::vector<int> first = first_tiles(rows_, outputs_);
    const int experts = static_cast<int>(rows_.size());
    for (int at = 0; at < first.back(); ++at)
      run_tile(tile_at(first.data(), rows_.data(), experts, at));
  }

  // gate * up + gate for kGated, so that exchanging them shows.
  void expect_product() const {
    for (std::size_t e = 0; e < rows_.size(); ++e)
      for (int r = 0; r < rows_[e]; ++r)
        for (int column = 0; column < columns_; ++column) {
          const std::size_t row = first_row_[e] + r;
          const long first = dot(row, e * outputs_ + column);
          const long expected =
              order_ == OutputOrder::kPlain
                  ? first
                  : first * dot(row, e * outputs_ + outputs_ / 2 + column) + first;
          ASSERT_EQ(c_[row * columns_ + column], expected) << e << " " << r << " " << column;
          ASSERT_EQ(written_[row * columns_ + column], 1);
        }
  }

 private:
  using Fragment = std::array<std::array<std::int8_t, 16>, 32>;  // [lane][4 registers of 4 bytes]

  long dot(std::size_t row, std::size_t weight) const {
    long total = 0;
    for (int i = 0; i < depth_; ++i) total += a_[row * depth_ + i] * b_[weight * depth_ + i];
    return total;
  }

  // As TileRun::load.
  void load(const GemmTile& tile, int step) {
    const int height = tile_rows(rows_[tile.expert]);
    stage_.assign((128 + kTileOutputs) * kStageBytes, 77);
    for (int i = 0; i < height * kChunks; ++i) {
      const int row = i / kChunks, chunk = i % kChunks;
      const bool valid = tile.first_row + row < rows_[tile.expert];
      const std::size_t from =
          static_cast<std::size_t>(first_row_[tile.expert] + tile.first_row + row) * depth_;
      copy(chunk_offset(row, chunk), valid ? &a_[from + step * kStageBytes + chunk * 16] : nullptr);
    }
    for (int i = 0; i < kTileOutputs * kChunks; ++i) {
      const int row = i / kChunks, chunk = i % kChunks, index = tile.first_output + row;
      const std::size_t weight =
          static_cast<std::size_t>(tile.expert) * outputs_ + weight_row(order_, outputs_, index);
      copy(128 * kStageBytes + chunk_offset(row, chunk),
           index < outputs_ ? &b_[weight * depth_ + step * kStageBytes + chunk * 16] : nullptr);
    }
  }
  void copy(int offset, const std::int8_t* source) {
    for (int i = 0; i < 16; ++i) stage_[offset + i] = source == nullptr ? 0 : source[i];
  }

  // ldmatrix.x4: matrix i has the rows that lanes 8 i .. 8 i + 7 name; lane l gets 4 bytes of row
  // l / 4 of each, from byte 4 (l % 4) on.
  template <typename OffsetOf>
  Fragment load_matrices(OffsetOf offset_of) const {
    Fragment fragment{};
    for (int lane = 0; lane < 32; ++lane)
      for (int matrix = 0; matrix < 4; ++matrix)
        for (int i = 0; i < 4; ++i)
          fragment[lane][4 * matrix + i] =
              stage_[offset_of(8 * matrix + lane / 4) + 4 * (lane % 4) + i];
    return fragment;
  }

  // mma.sync: A's register r of lane l holds row l / 4 + 8 (r % 2), bytes 16 (r / 2) + 4 (l % 4)
  // on; B's register r, output l / 4, bytes 16 r + 4 (l % 4) on.
  static long product_at(const Fragment& a, const Fragment& b, int b_first, int row, int output) {
    long total = 0;
    for (int byte = 0; byte < 32; ++byte) {
      const int part = byte / 16, quarter = byte % 16 / 4, i = byte % 4;
      const int a_register = row / 8 + 2 * part;
      total += a[row % 8 * 4 + quarter][4 * a_register + i] *
               b[output * 4 + quarter][4 * (b_first + part) + i];
    }
    return total;
  }

  void run_tile(const GemmTile& tile) {
    const WarpGrid grid = warp_grid(tile_rows(rows_[tile.expert]));
    std::vector<long> sums(8 * grid.rows * grid.outputs, 0);  // [warp][row][output]
    for (int step = 0; step < depth_ / kStageBytes; ++step) {
      load(tile, step);
      for (int warp = 0; warp < 8; ++warp)
        for (int chunk = 0; chunk < kChunks; chunk += 2) multiply(grid, warp, chunk, sums);
    }
    for (int warp = 0; warp < 8; ++warp) finish(tile, grid, warp, sums);
  }

  void multiply(const WarpGrid& grid, int warp, int chunk, std::vector<long>& sums) const {
    for (int i = 0; i < grid.rows / 16; ++i) {
      const Fragment a = load_matrices(
          [&](int lane) { return a_fragment_offset(warp_row(grid, warp) + 16 * i, chunk, lane); });
      for (int j = 0; j < grid.outputs / 8; j += 2) {
        const Fragment b = load_matrices([&](int lane) {
          return 128 * kStageBytes +
                 b_fragment_offset(warp_output(grid, warp) + 8 * j, chunk, lane);
        });
        for (int row = 0; row < 16; ++row)
          for (int output = 0; output < 16; ++output)
            sums[(warp * grid.rows + 16 * i + row) * grid.outputs + 8 * j + output] +=
                product_at(a, b, output / 8 * 2, row, output % 8);
      }
    }
  }

  // As TileRun::finish: lane l has rows l / 4 and l / 4 + 8, columns 2 (l % 4) and the next.
  void finish(const GemmTile& tile, const WarpGrid& grid, int warp, const std::vector<long>& sums) {
    const int group = order_ == OutputOrder::kGated ? 2 : 1;
    for (int r = 0; r < grid.rows; ++r)
      for (int j = 0; j < grid.outputs / 8; j += group)
        for (int o = 0; o < 8; ++o) {
          const int row = tile.first_row + warp_row(grid, warp) + r;
          const int index = tile.first_output + warp_output(grid, warp) + 8 * j;
          if (row >= rows_[tile.expert] || index >= outputs_) continue;
          const long* sum = &sums[(warp * grid.rows + r) * grid.outputs + 8 * j + o];
          const std::size_t at =
              static_cast<std::size_t>(first_row_[tile.expert] + row) * columns_ +
              output_column(order_, index) + o;
          c_[at] = group == 1 ? sum[0] : sum[0] * sum[8] + sum[0];
          ++written_[at];
        }
  }

  std::vector<int> rows_, first_row_;  // [experts]
  int outputs_ = 0, depth_ = 0, columns_ = 0;
  OutputOrder order_;
  std::vector<std::int8_t> a_, b_, stage_;
  std::vector<long> c_;
  std::vector<int> written_;
};

TEST(GemmEmulation, MultipliesRaggedExperts) {
  Emulator emulator({5, 0, 16, 17, 64, 65, 130}, 192, 256, OutputOrder::kPlain);
  emulator.run();
  emulator.expect_product();
}

TEST(GemmEmulation, BringsGateAndUpTogether) {
  Emulator emulator({1, 0, 33, 140}, 256, 128, OutputOrder::kGated);
  emulator.run();
  emulator.expect_product();
}

}  // namespace
}  // namespace moesim::kernels
