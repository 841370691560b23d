#include "sim/solve/graph_partition.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/base/random.hpp"

namespace moesim {
namespace {

void join(Matrix& weight, std::size_t a, std::size_t b, double value) {
  weight(a, b) = weight(b, a) = value;
}

// Vertices with the same remainder modulo `clusters` are joined by 10, all others by 1.
Matrix interleaved(std::size_t vertices, std::size_t clusters) {
  Matrix weight(vertices, vertices, 1);
  for (std::size_t v = 0; v < vertices; ++v)
    for (std::size_t u = v % clusters; u < vertices; u += clusters) weight(v, u) = 10;
  return weight;
}

TEST(GraphPartition, FindsInterleavedClusters) {
  const Matrix weight = interleaved(16, 4);
  const std::vector<int> part = partition_graph(weight, std::vector<int>{4, 4, 4, 4});
  for (std::size_t v = 0; v < 16; ++v) EXPECT_EQ(part[v], part[v % 4]) << v;
  EXPECT_DOUBLE_EQ(weight_inside(weight, part), 4 * 6 * 10);  // six pairs in each of four parts
}

TEST(GraphPartition, GivesEveryPartExactlyItsSize) {
  Rng rng(8, Purpose::kPlacement);
  Matrix weight(23, 23);
  for (std::size_t v = 0; v < 23; ++v)
    for (std::size_t u = 0; u < v; ++u) join(weight, v, u, rng.uniform() < 0.3 ? rng.uniform() : 0);
  const std::vector<int> sizes{5, 5, 5, 4, 4};
  const std::vector<int> part = partition_graph(weight, sizes);
  for (int p = 0; p < 5; ++p)
    EXPECT_EQ(std::count(part.begin(), part.end(), p), sizes[static_cast<std::size_t>(p)]);
  EXPECT_EQ(part, partition_graph(weight, sizes));
}

TEST(GraphPartition, TakesAGraphWithoutEdgesAndOneWithOnePart) {
  const std::vector<int> apart = partition_graph(Matrix(6, 6), std::vector<int>{3, 3});
  EXPECT_EQ(std::count(apart.begin(), apart.end(), 0), 3);
  EXPECT_EQ(partition_graph(Matrix(3, 3, 1), std::vector<int>{3}), (std::vector<int>{0, 0, 0}));
}

// 0–1 and 2–3 belong together. Put crosswise, one swap gains (5 + 4) − (1 + 1) = 7.
TEST(SwapPairs, SetsACrosswisePartitionRight) {
  Matrix weight(4, 4);
  join(weight, 0, 1, 5);
  join(weight, 2, 3, 4);
  join(weight, 0, 2, 1);
  join(weight, 1, 3, 1);
  std::vector<int> part{0, 1, 0, 1};
  EXPECT_DOUBLE_EQ(weight_inside(weight, part), 2);
  swap_pairs(weight, part);
  EXPECT_EQ(part[0], part[1]);
  EXPECT_EQ(part[2], part[3]);
  EXPECT_DOUBLE_EQ(weight_inside(weight, part), 9);
}

}  // namespace
}  // namespace moesim
