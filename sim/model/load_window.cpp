#include "sim/model/load_window.hpp"

#include <algorithm>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

template <class T>
IdVector<LayerId, T> chosen(const IdVector<LayerId, T>& all, std::span<const LayerId> layers) {
  IdVector<LayerId, T> some;
  if (all.empty()) return some;
  for (const LayerId layer : layers) some.raw().push_back(all[layer]);
  return some;
}

ExpertLoad chosen(const ExpertLoad& all, std::span<const LayerId> layers) {
  ExpertLoad some(layers.size(), all.columns());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto row = all.row(layers[i]);
    std::copy(row.begin(), row.end(), some.row(LayerId(i)).begin());
  }
  return some;
}

template <class Matrix>
void scale(Matrix& matrix, double factor) {
  for (double& value : matrix.raw()) value *= factor;
}

// Tokens with an expert of the row's list and one of the column's. −1 = none.
void count_pairs(std::span<const std::int16_t> rows, std::span<const std::int16_t> columns,
                 double tokens, ExpertPairs& pairs) {
  for (const std::int16_t row : rows) {
    if (row < 0) continue;
    const auto counts = pairs.row(ExpertId(static_cast<int>(row)));
    for (const std::int16_t column : columns)
      if (column >= 0) counts[static_cast<std::size_t>(column)] += tokens;
  }
}

}  // namespace

LoadWindow only_layers(const LoadWindow& window, std::span<const LayerId> layers) {
  LoadWindow some{.load = chosen(window.load, layers),
                  .detail = {.sources = chosen(window.detail.sources, layers),
                             .coactivation = chosen(window.detail.coactivation, layers)}};
  for (const ExpertLoad& step : window.detail.steps)
    some.detail.steps.push_back(chosen(step, layers));
  if (layers.size() == window.load.rows()) some.detail.transitions = window.detail.transitions;
  return some;
}

ExpertLoad sum_of(std::span<const ExpertLoad> loads) {
  MOESIM_CHECK(!loads.empty(), "there is a load to sum up");
  ExpertLoad sum = loads.front();
  for (const ExpertLoad& load : loads.subspan(1))
    for (std::size_t i = 0; i < sum.raw().size(); ++i) sum.raw()[i] += load.raw()[i];
  return sum;
}

WindowCounter::WindowCounter(const WindowNeeds& needs, int layers, int experts) : needs_(needs) {
  window_.load = ExpertLoad(layers, experts);
  LoadDetail& detail = window_.detail;
  if (needs.sources) detail.sources = IdVector<LayerId, SourceLoad>(layers);
  const ExpertPairs none(experts, experts);
  if (needs.coactivation) detail.coactivation = IdVector<LayerId, ExpertPairs>(layers, none);
  if (needs.transitions)
    detail.transitions = IdVector<LayerId, ExpertPairs>(std::max(0, layers - 1), none);
}

void WindowCounter::begin_step(double kept) {
  LoadDetail& detail = window_.detail;
  if (kept != 1) {
    scale(window_.load, kept);
    for (SourceLoad& sources : detail.sources) scale(sources, kept);
    for (ExpertPairs& pairs : detail.coactivation) scale(pairs, kept);
    for (ExpertPairs& pairs : detail.transitions) scale(pairs, kept);
  }
  before_ = {};
  if (needs_.steps == 0) return;
  if (static_cast<int>(detail.steps.size()) == needs_.steps)
    detail.steps.erase(detail.steps.begin());
  detail.steps.emplace_back(window_.load.rows(), window_.load.columns());
}

void WindowCounter::add(LayerId layer, const Routing& routing) {
  for (const GpuId gpu : routing.counts.row_ids())
    for (const ExpertId expert : routing.counts.column_ids()) {
      const int routes = routing.counts(gpu, expert);
      window_.load(layer, expert) += routes;
      if (needs_.steps > 0) window_.detail.steps.back()(layer, expert) += routes;
    }
  if (needs_.sources) add_sources(layer, routing);
  if (needs_.pairs()) add_pairs(layer, routing);
}

void WindowCounter::add_sources(LayerId layer, const Routing& routing) {
  SourceLoad& sources = window_.detail.sources[layer];
  if (sources.empty()) sources = SourceLoad(routing.counts.rows(), routing.counts.columns());
  MOESIM_CHECK(sources.raw().size() == routing.counts.raw().size(), "the GPUs stay the same");
  for (std::size_t i = 0; i < sources.raw().size(); ++i)
    sources.raw()[i] += routing.counts.raw()[i];
}

void WindowCounter::add_pairs(LayerId layer, const Routing& routing) {
  MOESIM_CHECK(routing.has_ids() || routing.tokens() == 0, "pairs are counted on ids");
  const int every = std::max(1, (routing.tokens() + kPairTokens - 1) / kPairTokens);
  const int sampled = (routing.tokens() + every - 1) / every;
  const double worth = sampled > 0 ? static_cast<double>(routing.tokens()) / sampled : 0;
  const auto k = static_cast<std::size_t>(routing.top_k);
  const bool follows = needs_.transitions && before_.valid() && layer.value == before_.value + 1 &&
                       ids_before_.size() == routing.ids.size();
  for (int token = 0; token < routing.tokens(); token += every) {
    const auto ids = routing.ids_of(token);
    if (needs_.coactivation) count_pairs(ids, ids, worth, window_.detail.coactivation[layer]);
    if (follows)
      count_pairs(std::span(ids_before_).subspan(static_cast<std::size_t>(token) * k, k), ids,
                  worth, window_.detail.transitions[before_]);
  }
  if (needs_.coactivation)
    for (const ExpertId expert : window_.load.column_ids())
      window_.detail.coactivation[layer](expert, expert) = 0;
  if (!needs_.transitions) return;
  before_ = layer;
  ids_before_ = routing.ids;
}

}  // namespace moesim
