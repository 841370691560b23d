#include "sim/gate/losses.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace moesim {
namespace {

double total(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

double squared_variation(std::span<const double> values, bool sample) {
  const auto count = static_cast<double>(values.size());
  const double mean = total(values) / count;
  if (mean == 0 || values.size() < 2) return 0;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return squares / (sample ? count - 1 : count) / (mean * mean);
}

}  // namespace

BalanceSums balance_sums(const Gating& gating, int experts, int first, int last) {
  const auto width = static_cast<std::size_t>(experts);
  BalanceSums sums{.tokens = last - first,
                   .top_k = gating.top_k,
                   .routes = std::vector<double>(width),
                   .first = std::vector<double>(width),
                   .probability = std::vector<double>(width)};
  for (int token = first; token < last; ++token) {
    const auto ids = gating.ids_of(token);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] < 0 || ids[i] >= experts) continue;
      ++sums.routes[static_cast<std::size_t>(ids[i])];
      if (i == 0) ++sums.first[static_cast<std::size_t>(ids[i])];
    }
    const auto scores = row_of(std::span(gating.scores), token, experts);
    const double sum = std::accumulate(scores.begin(), scores.end(), 0.0);
    for (std::size_t e = 0; e < width && sum > 0; ++e) sums.probability[e] += scores[e] / sum;
  }
  return sums;
}

void add(BalanceSums& sums, const BalanceSums& others) {
  sums.tokens += others.tokens;
  for (std::size_t e = 0; e < sums.routes.size(); ++e) {
    sums.routes[e] += others.routes[e];
    sums.first[e] += others.first[e];
    sums.probability[e] += others.probability[e];
  }
}

double switch_loss(const BalanceSums& sums) {
  const double sum =
      std::inner_product(sums.routes.begin(), sums.routes.end(), sums.probability.begin(), 0.0);
  const double tokens = sums.tokens;
  return static_cast<double>(sums.routes.size()) * sum / (tokens * sums.top_k * tokens);
}

double gshard_loss(const BalanceSums& sums) {
  const double sum =
      std::inner_product(sums.first.begin(), sums.first.end(), sums.probability.begin(), 0.0);
  const double tokens = sums.tokens;
  return static_cast<double>(sums.first.size()) * sum / (tokens * tokens);
}

double importance_loss(const BalanceSums& sums, bool sample) {
  return squared_variation(sums.probability, sample);
}

double load_loss(const Logits& logits, int top_k, bool sample) {
  const auto experts = static_cast<std::size_t>(logits.experts);
  std::vector<double> load(experts);
  std::vector<float> sorted(experts);
  for (int token = 0; token < logits.tokens(); ++token) {
    const auto row = logits.of(token);
    sorted.assign(row.begin(), row.end());
    const auto threshold = sorted.begin() + top_k - 1;
    std::nth_element(sorted.begin(), threshold, sorted.end(), std::greater<>());
    for (std::size_t e = 0; e < experts; ++e) {
      const double above = (row[e] - *threshold) * static_cast<double>(experts);
      load[e] += 0.5 * std::erfc(-above / std::sqrt(2.0));
    }
  }
  return squared_variation(load, sample);
}

double z_loss(const Logits& logits) {
  double sum = 0;
  for (int token = 0; token < logits.tokens(); ++token) {
    const auto row = logits.of(token);
    const double largest = *std::max_element(row.begin(), row.end());
    double exponentials = 0;
    for (const float z : row) exponentials += std::exp(z - largest);
    const double log_sum = largest + std::log(exponentials);
    sum += log_sum * log_sum;
  }
  return sum / std::max(1, logits.tokens());
}

double device_loss(const BalanceSums& sums, std::span<const int> device, int devices) {
  const auto count = static_cast<std::size_t>(devices);
  std::vector<double> routes(count), probability(count), experts(count);
  for (std::size_t e = 0; e < device.size(); ++e) {
    const auto d = static_cast<std::size_t>(device[e]);
    routes[d] += sums.routes[e];
    probability[d] += sums.probability[e];
    ++experts[d];
  }
  const double tokens = sums.tokens;
  const double scale = static_cast<double>(device.size()) / (tokens * sums.top_k);
  double loss = 0;
  for (std::size_t d = 0; d < count; ++d)
    if (experts[d] > 0) loss += routes[d] * scale / experts[d] * probability[d] / tokens;
  return loss;
}

double communication_loss(const BalanceSums& sums, std::span<const int> device,
                          std::span<const double> tokens_at, int most) {
  const double tokens = sums.tokens;
  const double scale = static_cast<double>(tokens_at.size()) / (most * tokens);
  double loss = 0;
  for (std::size_t e = 0; e < device.size(); ++e)
    loss += tokens_at[static_cast<std::size_t>(device[e])] * scale * sums.probability[e] / tokens;
  return loss;
}

std::vector<float> updated_bias(std::span<const float> bias, std::span<const double> routes,
                                float rate) {
  std::vector<float> updated(bias.begin(), bias.end());
  const double mean = total(routes) / static_cast<double>(routes.size());
  for (std::size_t e = 0; e < routes.size(); ++e) {
    if (routes[e] != mean) updated[e] += routes[e] < mean ? rate : -rate;
  }
  return updated;
}

}  // namespace moesim
