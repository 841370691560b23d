#include "sim/trace/popularity_trace.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "sim/trace/sampler.hpp"

namespace moesim {
namespace {

constexpr int kFewRoutes = 8;  // for each expert, of a source

// Steps of a profiling window have numbers of their own, below 0: other draws than any replayed
// step's.
bool is_profiling(StepId step) { return step.value < 0; }

// The mix of every source, one after another, from that of the step.
template <class Draw>
void for_each_source(const RoutingRequest& request, std::span<const double> mix, double spread,
                     SourceFactors& factors, Draw draw) {
  std::vector<double> own(mix.begin(), mix.end());
  for (std::size_t gpu = 0; gpu < request.tokens.size(); ++gpu) {
    if (request.tokens[gpu] == 0) continue;
    if (spread > 0) {
      std::ranges::transform(
          mix, factors.of(request.random, spread, request.layer, GpuId(gpu), mix.size()),
          own.begin(), std::multiplies());
    }
    const bool changed = spread > 0 || gpu == 0;
    draw(GpuId(gpu), std::span<const double>(own), changed,
         request.random.stream(Purpose::kRouting, request.step.value, request.layer.value,
                               static_cast<int>(gpu)));
  }
}

}  // namespace

Rng popularity_stream(const Random& random, LayerId layer, PopularityStream which, int index) {
  return random.stream(Purpose::kPopularity, layer.value, static_cast<int>(which), index);
}

void spread_shares(std::span<double> shares, double sigma, Rng rng) {
  if (sigma <= 0) return;
  for (double& share : shares) share *= std::exp(sigma * rng.normal());
}

std::vector<int> expert_order(int experts, const Random& random, LayerId layer) {
  std::vector<int> order(static_cast<std::size_t>(experts));
  std::iota(order.begin(), order.end(), 0);
  Rng rng = popularity_stream(random, layer, PopularityStream::kOrder);
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[static_cast<std::size_t>(rng.below(static_cast<int>(i)))]);
  return order;
}

Parameter step_spread_parameter() {
  return {.name = "step_spread",
          .type = ParameterType::kNumber,
          .doc =
              "sigma of ln(share) between steps; default assumed: 256 sequences a step, each "
              "with the 1.5 measured on small_moe",
          .fallback = "0.1",
          .minimum = 0,
          .maximum = 5};
}

std::vector<Parameter> with_spread(std::vector<Parameter> parameters) {
  parameters.push_back(
      {.name = "source_spread",
       .type = ParameterType::kNumber,
       .doc = "sigma of ln(share) between source GPUs; default measured on small_moe for GPUs "
              "that serve 16 sequences each (one sequence: 1.5; 64: 0.19)",
       .fallback = "0.35",
       .minimum = 0,
       .maximum = 5});
  parameters.push_back(step_spread_parameter());
  return parameters;
}

PopularityTrace::PopularityTrace(const Arguments& arguments)
    : spot_(arguments.section()),
      source_spread_(arguments.number("source_spread")),
      step_spread_(arguments.number("step_spread")) {}

Routing PopularityTrace::route(const RoutingRequest& request) const {
  refuse_logits(request, spot_);
  const StepId now = is_profiling(request.step) ? StepId(0) : request.step;
  std::vector<double> mix = popularity(request.layer, now, request.random);
  spread_shares(mix, step_spread_,
                popularity_stream(request.random, request.layer, PopularityStream::kStep,
                                  request.step.value));
  Routing routing{.top_k = top_k_, .first_token = first_tokens(request.tokens)};
  const bool counts_only = request.detail == RoutingDetail::kCounts;
  if (counts_only && !are_few(request.tokens)) {
    routing.counts = counts_of(request, mix);
    return routing;
  }
  routing.ids.resize(static_cast<std::size_t>(routing.tokens()) * static_cast<std::size_t>(top_k_));
  DistinctSampler sampler;
  const std::size_t k = static_cast<std::size_t>(top_k_);
  for_each_source(request, mix, source_spread_, source_factors_,
                  [&](GpuId gpu, std::span<const double> own, bool changed, Rng rng) {
                    if (changed) sampler.reset(own, top_k_);
                    const std::span<std::int16_t> ids(routing.ids);
                    for (int t = routing.first_token[gpu.index()];
                         t < routing.first_token[gpu.index() + 1]; ++t)
                      sampler.draw(rng, ids.subspan(static_cast<std::size_t>(t) * k, k));
                  });
  routing.counts = count_routes(routing, experts_);
  if (counts_only) routing.ids.clear();
  return routing;
}

// Few tokens are drawn one by one also where only counts are asked for: that is exact, gives the
// same routes whoever asks, and takes less time.
bool PopularityTrace::are_few(std::span<const int> tokens) const {
  return std::int64_t{*std::ranges::max_element(tokens)} * top_k_ <=
         std::int64_t{kFewRoutes} * experts_;
}

ExpertCounts PopularityTrace::counts_of(const RoutingRequest& request,
                                        std::span<const double> mix) const {
  ExpertCounts counts(static_cast<int>(request.tokens.size()), experts_);
  CountSampler sampler;
  for_each_source(request, mix, source_spread_, source_factors_,
                  [&](GpuId gpu, std::span<const double> own, bool changed, Rng rng) {
                    if (changed) sampler.reset(own, top_k_);
                    sampler.draw(rng, request.tokens[gpu.index()], counts.row(gpu));
                  });
  return counts;
}

ExpertLoad PopularityTrace::profile(int steps, std::span<const int> tokens, Random random) const {
  ExpertLoad load(layers_, experts_);
  for (const LayerId layer : load.row_ids()) {
    for (int step = 1; step <= steps; ++step) {
      const Routing routing =
          route({.step = StepId(-step), .layer = layer, .tokens = tokens, .random = random});
      for (const GpuId gpu : routing.counts.row_ids())
        for (const ExpertId expert : load.column_ids())
          load(layer, expert) += routing.counts(gpu, expert);
    }
  }
  return load;
}

}  // namespace moesim
