// Drawing k of n items without repetition when only each item's probability to be drawn is known.
//
// The distribution of largest entropy with these probabilities is the conditional Poisson design:
// a set S has probability ∝ Π λ_i over S (Chen, Dempster, Liu, "Weighted finite population sampling
// to maximize entropy", Biometrika 1994). Sums over sets are elementary symmetric polynomials.
#pragma once

#include <span>
#include <vector>

namespace moesim {

// A drawn item is marked with this probability, independently of the others.
struct Mark {
  int item = 0;
  double probability = 0;
};

class ConditionalPoisson {
 public:
  // `inclusion` [items]: the probability of each item to be among the `draws` that are drawn. Where
  // the sum stays below `draws`, the rest is drawn from items that cannot be marked.
  ConditionalPoisson(std::span<const double> inclusion, int draws);

  // Probability that no drawn item is marked; an item is listed at most once.
  double none_marked(std::span<const Mark> marks) const;

 private:
  // Coefficients of x^0 … x^draws of Π over items of (1 − p + p·x), p = λ / (1 + λ).
  using Polynomial = std::vector<double>;
  void fit(std::span<const double> inclusion);

  int draws_ = 0;
  std::vector<double> p_;         // [items, and those that cannot be marked]
  std::vector<int> heavy_;        // items too likely to be divided out of a product again
  std::vector<int> heavy_place_;  // of each item in heavy_, or −1
  Polynomial light_;              // of the items that are not heavy
  double total_ = 0;              // coefficient of x^draws over all items
};

}  // namespace moesim
