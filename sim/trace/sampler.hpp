// Draws the experts of tokens from weights: k distinct ones per token, or only how many tokens ask
// for each.
//
// A token's experts are drawn one after another, each with its share of the weight not yet taken
// (successive sampling). `DistinctSampler` does so exactly: alias method (Walker 1977, Vose 1991),
// drawing again what the token already has. `CountSampler` draws the counts of many tokens in one
// pass over the experts, with the mean and the variance that drawing the tokens would give.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/base/random.hpp"

namespace moesim {

class DistinctSampler {
 public:
  // `weights` [experts] ≥ 0, need not sum to 1. Experts without weight are drawn, evenly, only
  // where fewer than k have any. k ≤ experts.
  void reset(std::span<const double> weights, int top_k);

  // One token: k distinct experts, in the order in which they were drawn.
  void draw(Rng& rng, std::span<std::int16_t> experts);

 private:
  struct Cell {
    std::uint32_t threshold = 0;  // the cell's own expert below it, else the alias
    std::array<std::int16_t, 2> own_and_alias{};
  };
  void pair_cells();
  int draw_one(Rng& rng) const;
  int draw_unchosen(Rng& rng) const;

  std::vector<double> weights_;            // [experts]
  std::vector<Cell> cells_;                // [experts]
  std::vector<std::uint64_t> last_token_;  // the last token that drew the expert, [experts]
  std::uint64_t token_ = 0;
  std::vector<double> height_;  // of the cells, while they are paired; 1 = full
  std::vector<std::int16_t> small_, large_;
};

class CountSampler {
 public:
  // As DistinctSampler. Finds the probability that a token asks for each expert: exactly for k ≤ 2,
  // else as 1 − exp(−τ·weight) with τ such that they sum to k (Rosén 1972), which is within 1 % for
  // 64 experts.
  void reset(std::span<const double> weights, int top_k);

  // Routes of `tokens` tokens to each expert: they sum to tokens · k and none is above `tokens`.
  void draw(Rng& rng, int tokens, std::span<int> counts) const;

  std::span<const double> inclusion() const { return inclusion_; }  // [experts], sums to k ± 0.1 %

 private:
  void solve_inclusion(std::span<const double> weights, double total);
  void sum_suffixes();

  int top_k_ = 0;
  double scale_ = 0;               // τ · total of the last solution: where the next starts
  std::vector<double> inclusion_;  // [experts]
  std::vector<double> share_;      // of inclusion_ from an expert on that is its own, [experts]
  std::vector<double> trials_;     // of its binomial for each route that it takes, [experts]
};

}  // namespace moesim
