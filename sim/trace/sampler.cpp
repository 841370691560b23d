#include "sim/trace/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

// Redraws of one choice before the exact scan takes over: one expert holds nearly all the weight.
constexpr int kRedraws = 16;

double total_of(std::span<const double> weights) {
  return std::accumulate(weights.begin(), weights.end(), 0.0);
}

// For k = 2: p_e + Σ_{j≠e} p_j p_e / (1 − p_j).
void pair_inclusion(std::span<const double> weights, double total, std::span<double> inclusion) {
  double odds = 0;
  for (const double w : weights) odds += w / (total - w);
  for (std::size_t e = 0; e < weights.size(); ++e) {
    const double p = weights[e] / total;
    inclusion[e] = p * (1 + odds - p / (1 - p));
  }
}

}  // namespace

void DistinctSampler::reset(std::span<const double> weights, int top_k) {
  MOESIM_CHECK(top_k >= 1 && static_cast<std::size_t>(top_k) <= weights.size(),
               "a token asks for distinct experts");
  weights_.assign(weights.begin(), weights.end());
  last_token_.assign(weights.size(), 0);
  token_ = 0;
  pair_cells();
}

void DistinctSampler::pair_cells() {
  const std::size_t experts = weights_.size();
  const double total = total_of(weights_);
  const double unit = static_cast<double>(experts) / total;
  cells_.resize(experts);
  height_.resize(experts);
  // Nobody could guess on which of the lists an expert comes: it is written on both.
  small_.resize(experts);
  large_.resize(experts);
  std::size_t small = 0, large = 0;
  for (std::size_t e = 0; e < experts; ++e) {
    const std::int16_t expert = static_cast<std::int16_t>(e);
    height_[e] = total > 0 ? weights_[e] * unit : 1;
    cells_[e] = {.own_and_alias = {expert, expert}};
    small_[small] = large_[large] = expert;
    (height_[e] < 1 ? small : large) += 1;
  }
  // One of the large fills up the small ones until it is small itself, and comes next.
  while (small > 0 && large > 0) {
    const std::int16_t filler = large_[--large];
    double height = height_[static_cast<std::size_t>(filler)];
    while (small > 0 && height >= 1) {
      const std::size_t low = static_cast<std::size_t>(small_[--small]);
      cells_[low].threshold = static_cast<std::uint32_t>(height_[low] * 0x1.0p32);
      cells_[low].own_and_alias[1] = filler;
      height -= 1 - height_[low];
    }
    height_[static_cast<std::size_t>(filler)] = height;
    if (height < 1) small_[small++] = filler;
  }
}

int DistinctSampler::draw_one(Rng& rng) const {
  // One number gives the cell (high half) and the place in it (low half).
  const std::uint64_t product = static_cast<std::uint64_t>(rng.next()) * cells_.size();
  const Cell& cell = cells_[product >> 32];
  // Nobody could guess a branch here.
  return cell.own_and_alias[static_cast<std::uint32_t>(product) >= cell.threshold];
}

// Exact also where what the token already has holds nearly all the weight.
int DistinctSampler::draw_unchosen(Rng& rng) const {
  const auto is_free = [&](std::size_t e) { return last_token_[e] != token_; };
  double left = 0;
  int free = 0;
  for (std::size_t e = 0; e < weights_.size(); ++e) {
    if (!is_free(e)) continue;
    left += weights_[e];
    ++free;
  }
  const bool weightless = left <= 0;  // nobody left has any weight: all the same
  double place = rng.uniform() * (weightless ? free : left);
  int last = -1;
  for (std::size_t e = 0; e < weights_.size(); ++e) {
    const double weight = weightless ? 1 : weights_[e];
    if (weight <= 0 || !is_free(e)) continue;
    last = static_cast<int>(e);
    if (place < weight) break;
    place -= weight;
  }
  return last;
}

void DistinctSampler::draw(Rng& rng, std::span<std::int16_t> experts) {
  ++token_;
  for (std::int16_t& chosen : experts) {
    int expert = draw_one(rng);
    for (int redraw = 0; last_token_[static_cast<std::size_t>(expert)] == token_; ++redraw)
      expert = redraw < kRedraws ? draw_one(rng) : draw_unchosen(rng);
    last_token_[static_cast<std::size_t>(expert)] = token_;
    chosen = static_cast<std::int16_t>(expert);
  }
}

void CountSampler::reset(std::span<const double> weights, int top_k) {
  MOESIM_CHECK(top_k >= 1 && static_cast<std::size_t>(top_k) <= weights.size(),
               "a token asks for distinct experts");
  if (top_k != top_k_) scale_ = 0;
  top_k_ = top_k;
  inclusion_.resize(weights.size());
  const double total = total_of(weights);
  const auto weighty =
      std::count_if(weights.begin(), weights.end(), [](double w) { return w > 0; });
  if (weighty <= top_k) {
    const double rest =
        static_cast<double>(top_k - weighty) /
        static_cast<double>(std::max<std::ptrdiff_t>(1, std::ssize(weights) - weighty));
    for (std::size_t e = 0; e < weights.size(); ++e) inclusion_[e] = weights[e] > 0 ? 1 : rest;
  } else if (top_k == 1) {
    for (std::size_t e = 0; e < weights.size(); ++e) inclusion_[e] = weights[e] / total;
  } else if (top_k == 2) {
    pair_inclusion(weights, total, inclusion_);
  } else {
    solve_inclusion(weights, total);
  }
  sum_suffixes();
}

// Newton's method from a start near the root. The sum of the probabilities is concave in the scale,
// so that every step but the first comes from below.
void CountSampler::solve_inclusion(std::span<const double> weights, double total) {
  if (scale_ <= 0) scale_ = top_k_;
  for (int iteration = 0; iteration < 100; ++iteration) {
    const double tau = scale_ / total;
    double sum = 0, slope = 0;
    for (std::size_t e = 0; e < weights.size(); ++e) {
      const double missing = std::exp(-tau * weights[e]);
      inclusion_[e] = 1 - missing;
      sum += inclusion_[e];
      slope += weights[e] * missing;
    }
    // What is left of the error goes when draw() takes shares of the sum.
    if (std::fabs(sum - top_k_) < 1e-3 * top_k_) break;
    scale_ -= (sum - top_k_) / slope * total;
    if (!(scale_ > 0)) scale_ = top_k_;  // the start was far above: this one is below the root
  }
}

// Independent counts with variances u, whose sum is known, have variances u_e (1 − u_e / Σu). One
// step of the fixed point gives u such that this is inclusion · (1 − inclusion), nearly.
void CountSampler::sum_suffixes() {
  const std::size_t experts = inclusion_.size();
  share_.resize(experts);
  trials_.resize(experts);
  double total = 0;
  for (const double p : inclusion_) total += p * (1 - p);
  double inclusion = 0, variance = 0;
  for (std::size_t e = experts; e-- > 0;) {
    const double miss = 1 - inclusion_[e];
    const double own = inclusion_[e] * miss;
    const double inflation = own > 0 ? 1 / (1 - std::min(0.5, own / total)) : 1;
    inclusion += inclusion_[e];
    variance += own * inflation;
    share_[e] = inclusion > 0 ? inclusion_[e] / inclusion : 0;
    trials_[e] = own > 0 ? 1 / (1 - miss * inflation * (1 - own * inflation / variance)) : 1;
  }
}

// Tokens choose independently, so an expert's count is Binomial(tokens, inclusion); what ties the
// experts together is the sum. Each expert in turn takes its share of the routes that are left, as
// a binomial whose mean is that share and whose trials give it the variance that is left to it when
// the sum with the experts after it is known.
void CountSampler::draw(Rng& rng, int tokens, std::span<int> counts) const {
  const std::size_t experts = inclusion_.size();
  std::int64_t left = static_cast<std::int64_t>(tokens) * top_k_;
  for (std::size_t e = 0; e < experts; ++e) {
    const std::int64_t after = static_cast<std::int64_t>(experts - e - 1);
    const std::int64_t most = std::min<std::int64_t>(tokens, left);
    const std::int64_t least = std::max<std::int64_t>(0, left - after * tokens);
    std::int64_t count = least;
    if (const double mean = static_cast<double>(left) * share_[e]; mean > 0) {
      const std::int64_t whole = static_cast<std::int64_t>(mean);
      const std::int64_t fewest = whole + (static_cast<double>(whole) < mean ? 1 : 0);
      const std::int64_t trials =
          std::clamp(static_cast<std::int64_t>(std::min(mean * trials_[e] + 0.5, 1e9)), fewest,
                     std::max(fewest, most));
      count = rng.binomial(static_cast<int>(trials), mean / static_cast<double>(trials));
    }
    counts[e] = static_cast<int>(std::clamp(count, least, most));
    left -= counts[e];
  }
}

}  // namespace moesim
