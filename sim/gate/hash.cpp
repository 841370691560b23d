// Hash layers (Roller et al. 2021; the first layers of DeepSeek-V4): a table says which expert a
// token of the vocabulary goes to (policies.md 1.10).
//
// A trace has no token ids. They are drawn: the r-th most frequent of V has the probability
// ln((r + 1) / r) / ln(V + 1), Zipf's law; a token has the same id in all layers. A balanced table
// gives the tokens, most frequent first, to the expert with the least; further choices of a token
// are at even distances from the first. Experts are numbered anew in each layer.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <queue>

#include "sim/gate/gate_result.hpp"

namespace moesim {
namespace {

double share_of(int rank) { return std::log1p(1.0 / rank); }

std::vector<int> balanced_table(int vocabulary, int experts) {
  using Load = std::pair<double, int>;
  std::priority_queue<Load, std::vector<Load>, std::greater<>> loads;
  for (int expert = 0; expert < experts; ++expert) loads.emplace(0, expert);
  std::vector<int> table;
  for (int rank = 1; rank <= vocabulary; ++rank) {
    auto [load, expert] = loads.top();
    loads.pop();
    loads.emplace(load + share_of(rank), expert);
    table.push_back(expert);
  }
  return table;
}

std::vector<int> random_table(int vocabulary, int experts, Rng rng) {
  std::vector<int> table(static_cast<std::size_t>(vocabulary));
  for (int& expert : table) expert = rng.below(experts);
  return table;
}

class Hash final : public Gate {
 public:
  explicit Hash(const Arguments& arguments)
      : spot_(arguments.section()),
        balanced_(arguments.text("table") == "balanced"),
        vocabulary_(arguments.has("vocabulary") ? arguments.integer("vocabulary") : 0),
        layers_(arguments.integer("layers")) {}
  RoutingDetail needs() const override { return RoutingDetail::kIds; }

  GateResult apply(Routing recorded, const GateRequest& request) const override {
    if (layers_ > 0 && request.layer.value >= layers_) return as_it_was(std::move(recorded));
    const int experts = request.model.experts, top_k = request.model.top_k;
    const std::vector<int>& table = table_of(request);
    const std::vector<int> order = order_of(request);
    Gating gating = empty_gating(recorded.tokens(), experts, top_k);
    const double log_size = std::log1p(static_cast<double>(table.size()));
    for (int token = 0; token < recorded.tokens(); ++token) {
      Rng rng = request.random.stream(Purpose::kGate, request.step.value, -1, token);
      const auto rank = static_cast<std::size_t>(std::exp(rng.uniform() * log_size));
      const int first = table[std::clamp<std::size_t>(rank, 1, table.size()) - 1];
      for (int choice = 0; choice < top_k; ++choice)
        gating.ids_of(token)[static_cast<std::size_t>(choice)] = static_cast<std::int16_t>(
            order[static_cast<std::size_t>((first + choice * experts / top_k) % experts)]);
    }
    gating.weights.assign(gating.ids.size(), 1.0F / static_cast<float>(top_k));
    return finish_gating(std::move(recorded), gating, request);
  }

 private:
  static GateResult as_it_was(Routing recorded) {
    GateRecord record{.layers = 1, .tokens = recorded.tokens()};
    record.routes = std::accumulate(recorded.counts.raw().begin(), recorded.counts.raw().end(),
                                    std::int64_t{0});
    record.compared = record.routes;
    record.weight = static_cast<double>(record.routes) / recorded.top_k;
    return {.routing = std::move(recorded), .record = record};
  }

  // The same for all layers and steps, so it is made once.
  const std::vector<int>& table_of(const GateRequest& request) const {
    if (!table_.empty()) return table_;
    const int vocabulary = vocabulary_ > 0 ? vocabulary_ : request.model.vocabulary;
    if (vocabulary < 1)
      throw InputError(spot_, fmt::format("the vocabulary of {} is not known", request.model.name),
                       "give its size: vocabulary: 32000");
    table_ = balanced_ ? balanced_table(vocabulary, request.model.experts)
                       : random_table(vocabulary, request.model.experts,
                                      request.random.stream(Purpose::kGate, -1, -1, -1));
    return table_;
  }

  static std::vector<int> order_of(const GateRequest& request) {
    std::vector<int> order(static_cast<std::size_t>(request.model.experts));
    std::iota(order.begin(), order.end(), 0);
    Rng rng = request.random.stream(Purpose::kGate, -1, request.layer.value, -1);
    for (std::size_t i = order.size(); i > 1; --i)
      std::swap(order[i - 1], order[static_cast<std::size_t>(rng.below(static_cast<int>(i)))]);
    return order;
  }

  Spot spot_;
  bool balanced_ = true;
  int vocabulary_ = 0, layers_ = 0;
  mutable std::vector<int> table_;  // expert of the r-th most frequent token
};

const Register<Gate, Hash> kHash{
    {.name = "hash",
     .summary = "a table of the vocabulary says where a token goes",
     .source = "after Roller et al. 2021; policies.md 1.10",
     .parameters = {{.name = "table",
                     .type = ParameterType::kChoice,
                     .doc = "even in the tokens' frequencies, or random",
                     .fallback = "balanced",
                     .choices = {"balanced", "random"}},
                    {.name = "vocabulary",
                     .type = ParameterType::kInteger,
                     .doc = "different tokens; default: the model's",
                     .minimum = 1,
                     .maximum = 10000000},
                    {.name = "layers",
                     .type = ParameterType::kInteger,
                     .doc = "only the first so many MoE layers; the others as recorded; 0 = all",
                     .fallback = "0",
                     .minimum = 0}}}};

}  // namespace
}  // namespace moesim
