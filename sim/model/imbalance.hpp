// How uneven a load is (policies.md 5.1). Loads are ≥ 0; an all-zero load is "even": ratio 1, Gini
// 0.
#pragma once

#include <span>

namespace moesim {

double max_over_mean(std::span<const double> load);
double coefficient_of_variation(std::span<const double> load);  // population
double gini(std::span<const double> load);
double normalized_entropy(std::span<const double> load);    // 1 = even
double effective_count(std::span<const double> load);       // exp(entropy)
double balancedness_sglang(std::span<const double> load);   // (mean + 1e-5) / (max + 1e-5)
double top_share(std::span<const double> load, int count);  // of the largest ones
double mean(std::span<const double> values);
double maximum(std::span<const double> values);
// Linear interpolation between order statistics (numpy's default); fraction in [0, 1].
double quantile(std::span<const double> values, double fraction);

}  // namespace moesim
