// How predictions compare with measurements, as a whole and by regime.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "sim/calibration/fit.hpp"

namespace moesim {

ErrorSummary summarize(std::vector<double> errors) {
  if (errors.empty()) return {};
  ErrorSummary summary{.rows = static_cast<int>(errors.size())};
  const double count = static_cast<double>(errors.size());
  for (double& error : errors) {
    summary.bias += error / count;
    error = std::fabs(error);
    summary.mape += error / count;
  }
  std::sort(errors.begin(), errors.end());
  // The smallest error that nine rows in ten do not exceed.
  const auto rank = static_cast<std::size_t>(std::ceil(0.9 * count)) - 1;
  summary.p90 = errors[rank];
  const std::size_t middle = errors.size() / 2;
  summary.median =
      errors.size() % 2 == 1 ? errors[middle] : 0.5 * (errors[middle - 1] + errors[middle]);
  return summary;
}

std::vector<Regime> regimes_of(std::span<const PnormSample> samples,
                               std::span<const double> errors) {
  std::set<std::string> distributions;
  for (const PnormSample& sample : samples) distributions.insert(sample.distribution);
  std::vector<Regime> regimes;
  const auto add = [&](const std::string& name, auto&& belongs) {
    std::vector<double> chosen;
    for (std::size_t i = 0; i < samples.size(); ++i)
      if (belongs(samples[i])) chosen.push_back(errors[i]);
    if (!chosen.empty()) regimes.push_back({name, summarize(std::move(chosen))});
  };
  distributions.erase("");  // not said
  for (const std::string& distribution : distributions)
    add(distribution, [&](const PnormSample& s) { return s.distribution == distribution; });
  constexpr std::array<int, 7> kTokens = {0, 16, 64, 256, 1024, 4096, 1 << 30};
  for (std::size_t i = 0; i + 1 < kTokens.size(); ++i) {
    const std::string name = i + 2 == kTokens.size()
                                 ? fmt::format("tokens above {}", kTokens[i])
                                 : fmt::format("tokens {}-{}", kTokens[i] + 1, kTokens[i + 1]);
    add(name,
        [&](const PnormSample& s) { return s.tokens > kTokens[i] && s.tokens <= kTokens[i + 1]; });
  }
  return regimes;
}

}  // namespace moesim
