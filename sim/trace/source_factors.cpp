#include "sim/trace/source_factors.hpp"

#include <algorithm>

#include "sim/trace/popularity_trace.hpp"

namespace moesim {

std::span<const double> SourceFactors::of(const Random& random, double sigma, LayerId layer,
                                          GpuId source, std::size_t experts) {
  if (seed_ != random.seed()) *this = {};
  seed_ = random.seed();
  if (factors_.size() <= layer.index()) factors_.raw().resize(layer.index() + 1);
  auto& sources = factors_[layer];
  if (sources.size() <= source.index()) sources.raw().resize(source.index() + 1);
  std::vector<double>& known = sources[source];
  if (known.size() == experts) return known;
  const bool keep = kept_ + experts <= kMostKept;
  std::vector<double>& drawn = keep ? known : passing_;
  drawn.assign(experts, 1);
  spread_shares(drawn, sigma,
                popularity_stream(random, layer, PopularityStream::kSource, source.value));
  if (keep) kept_ += experts;
  return drawn;
}

}  // namespace moesim
