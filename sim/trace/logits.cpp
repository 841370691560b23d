// `logits`: router logits, for gates that make their own choice of them (ours, policies.md 1.14).
//
//   z[token][expert] = popularity[layer][expert] + domain_shift · shift[layer][domain][expert]
//                    + topic_strength · Σ_topic mixture[token][topic] · taste[layer][topic][expert]
//                    + noise · (√correlation · own[token][π_layer(expert)] + √(1 − correlation) ·
//                    N)
//
// Popularity, shifts and tastes are normal numbers, drawn once. A request has a domain and a
// mixture of topics around which its tokens' mixtures lie. `own` is the part of a token that stays
// from layer to layer; π numbers the experts anew in each layer, so that knowing a token's experts
// tells those of the next layer. The recorded experts are the k largest logits, weighed by a
// softmax over them.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "sim/trace/popularity_trace.hpp"
#include "sim/trace/sized_trace.hpp"

namespace moesim {
namespace {

constexpr int kProfileTokens = 4096;  // of all GPUs together: enough for a placement
constexpr double kRequestMix = 2;     // deviation of a request's topics, before the softmax
constexpr double kTokenMix = 1;       // of a token's around its request's

enum Table { kPopularityTable = 16, kShiftTable, kTasteTable };

std::vector<float> normal_numbers(Rng rng, std::size_t count) {
  std::vector<float> numbers(count);
  for (float& number : numbers) number = static_cast<float>(rng.normal());
  return numbers;
}

void softmax(std::span<float> values) {
  const float largest = *std::max_element(values.begin(), values.end());
  float sum = 0;
  for (float& value : values) sum += value = std::exp(value - largest);
  for (float& value : values) value /= sum;
}

class LogitTrace final : public SizedTrace {
 public:
  explicit LogitTrace(const Arguments& arguments)
      : popularity_(arguments.number("popularity")),
        topics_(arguments.integer("topics")),
        topic_strength_(arguments.number("topic_strength")),
        domains_(arguments.integer("domains")),
        domain_shift_(arguments.number("domain_shift")),
        noise_(arguments.number("noise")),
        correlation_(arguments.number("correlation")),
        request_tokens_(arguments.integer("request_tokens")),
        by_row_(arguments.text("requests") == "rows") {}

  Routing route(const RoutingRequest& request) const override;
  ExpertLoad profile(int steps, std::span<const int> tokens, Random random) const override;

 private:
  // What is the same for all tokens of a layer.
  struct Layer {
    std::vector<float> popularity;  // [experts]
    std::vector<float> shift;       // [domains × experts]
    std::vector<float> taste;       // [topics × experts]
    std::vector<int> order;         // π: [experts]
  };
  Layer layer_of(LayerId layer, const Random& random) const;
  void add_source(const RoutingRequest& request, const Layer& layer, GpuId gpu, int tokens,
                  std::vector<float>& logits) const;
  void choose(Routing& routing, bool ids_only) const;
  std::size_t width() const { return static_cast<std::size_t>(experts_); }

  // Which of its GPU's requests a token is of, counted over all steps.
  int request_of(StepId step, int tokens, int row) const {
    const int now = std::abs(step.value);
    if (!by_row_)
      return static_cast<int>((static_cast<std::int64_t>(now) * tokens + row) / request_tokens_);
    return now / request_tokens_ * tokens + row;
  }

  double popularity_ = 0;
  int topics_ = 1;
  double topic_strength_ = 0;
  int domains_ = 1;
  double domain_shift_ = 0, noise_ = 0, correlation_ = 0;
  int request_tokens_ = 1;
  bool by_row_ = false;
};

LogitTrace::Layer LogitTrace::layer_of(LayerId layer, const Random& random) const {
  const auto table = [&](Table which, int rows, double scale) {
    std::vector<float> numbers =
        normal_numbers(random.stream(Purpose::kPopularity, layer.value, which),
                       static_cast<std::size_t>(rows) * width());
    for (float& number : numbers) number *= static_cast<float>(scale);
    return numbers;
  };
  return {.popularity = table(kPopularityTable, 1, popularity_),
          .shift = table(kShiftTable, domains_, domain_shift_),
          .taste = table(kTasteTable, topics_, topic_strength_),
          .order = expert_order(experts_, random, layer)};
}

// The tokens of one source, appended to `logits`.
void LogitTrace::add_source(const RoutingRequest& request, const Layer& layer, GpuId gpu,
                            int tokens, std::vector<float>& logits) const {
  const Random& random = request.random;
  const int step = request.step.value;
  // A token's mixture and own part do not depend on the layer.
  Rng own_rng = random.stream(Purpose::kRouting, step, -1, gpu.value);
  Rng rng = random.stream(Purpose::kRouting, step, request.layer.value, gpu.value);
  const auto stays = static_cast<float>(noise_ * std::sqrt(correlation_));
  const auto changes = static_cast<float>(noise_ * std::sqrt(1 - correlation_));
  std::vector<float> mixture, request_mixture, own(width());
  int known_request = -1;
  std::span<const float> shift;
  for (int row = 0; row < tokens; ++row) {
    if (const int now = request_of(request.step, tokens, row); now != known_request) {
      known_request = now;
      Rng of_request = random.stream(Purpose::kRouting, step < 0 ? -3 : -2, now, gpu.value);
      const auto domain = static_cast<std::size_t>(of_request.below(domains_));
      shift = std::span(layer.shift).subspan(domain * width(), width());
      request_mixture = normal_numbers(of_request, static_cast<std::size_t>(topics_));
    }
    mixture.clear();
    for (const float center : request_mixture)
      mixture.push_back(static_cast<float>(kRequestMix * center + kTokenMix * own_rng.normal()));
    softmax(mixture);
    if (stays > 0)
      for (float& number : own) number = static_cast<float>(own_rng.normal());
    const std::size_t begin = logits.size();
    for (std::size_t e = 0; e < width(); ++e) {
      float z = layer.popularity[e] + shift[e];
      if (stays > 0) z += stays * own[static_cast<std::size_t>(layer.order[e])];
      if (changes > 0) z += changes * static_cast<float>(rng.normal());
      logits.push_back(z);
    }
    for (std::size_t topic = 0; topic < mixture.size(); ++topic)
      for (std::size_t e = 0; e < width(); ++e)
        logits[begin + e] += mixture[topic] * layer.taste[topic * width() + e];
  }
}

void LogitTrace::choose(Routing& routing, bool ids_only) const {
  const auto k = static_cast<std::size_t>(top_k_);
  routing.ids.resize(static_cast<std::size_t>(routing.tokens()) * k);
  if (!ids_only) routing.weights.resize(routing.ids.size());
  std::vector<std::int16_t> order(width());
  for (std::size_t token = 0; token < static_cast<std::size_t>(routing.tokens()); ++token) {
    const std::span<const float> row(routing.logits.data() + token * width(), width());
    std::iota(order.begin(), order.end(), std::int16_t{0});
    std::partial_sort(order.begin(), order.begin() + top_k_, order.end(),
                      [&](std::int16_t a, std::int16_t b) {
                        const float za = row[static_cast<std::size_t>(a)];
                        const float zb = row[static_cast<std::size_t>(b)];
                        return za != zb ? za > zb : a < b;
                      });
    std::copy_n(order.begin(), k, routing.ids.begin() + static_cast<std::ptrdiff_t>(token * k));
    if (ids_only) continue;
    const auto weights = std::span(routing.weights).subspan(token * k, k);
    for (std::size_t i = 0; i < k; ++i) weights[i] = row[static_cast<std::size_t>(order[i])];
    softmax(weights);
  }
}

Routing LogitTrace::route(const RoutingRequest& request) const {
  Routing routing{.top_k = top_k_, .first_token = first_tokens(request.tokens)};
  routing.logits.reserve(static_cast<std::size_t>(routing.tokens()) * width());
  const Layer layer = layer_of(request.layer, request.random);
  for (std::size_t gpu = 0; gpu < request.tokens.size(); ++gpu)
    add_source(request, layer, GpuId(gpu), request.tokens[gpu], routing.logits);
  const bool counts_only = request.detail == RoutingDetail::kCounts;
  choose(routing, counts_only);
  routing.counts = count_routes(routing, experts_);
  if (request.detail != RoutingDetail::kLogits) routing.logits.clear();
  if (counts_only) routing.ids.clear();
  return routing;
}

// A sample of the tokens, scaled to all of them.
ExpertLoad LogitTrace::profile(int steps, std::span<const int> tokens, Random random) const {
  const int all = first_tokens(tokens).back();
  std::vector<int> sample(tokens.begin(), tokens.end());
  const int gpus = static_cast<int>(sample.size());
  for (int& count : sample) count = std::min(count, (kProfileTokens + gpus - 1) / gpus);
  const int sampled = std::max(1, first_tokens(sample).back());
  ExpertLoad load(layers_, experts_);
  for (const LayerId layer : load.row_ids()) {
    const Routing routing =
        route({.step = StepId(-1), .layer = layer, .tokens = sample, .random = random});
    for (const GpuId gpu : routing.counts.row_ids())
      for (const ExpertId expert : load.column_ids())
        load(layer, expert) += static_cast<double>(routing.counts(gpu, expert)) * all * steps /
                               static_cast<double>(sampled);
  }
  return load;
}

std::vector<Parameter> parameters() {
  const auto strength = [](const char* name, const char* doc, const char* fallback) {
    return Parameter{.name = name,
                     .type = ParameterType::kNumber,
                     .doc = doc,
                     .fallback = fallback,
                     .minimum = 0,
                     .maximum = 100};
  };
  return {strength("popularity", "deviation of the experts' popularity in a layer", "0.5"),
          {.name = "topics",
           .type = ParameterType::kInteger,
           .doc = "topics that a token's text is a mixture of",
           .fallback = "8",
           .minimum = 1,
           .maximum = 1024},
          strength("topic_strength", "deviation of what a topic adds to a logit", "1"),
          {.name = "domains",
           .type = ParameterType::kInteger,
           .doc = "domains of text; a request is of one of them",
           .fallback = "4",
           .minimum = 1,
           .maximum = 1024},
          strength("domain_shift", "deviation of what a domain adds to a logit", "0.5"),
          strength("noise", "deviation of what is a token's own", "1"),
          {.name = "correlation",
           .type = ParameterType::kNumber,
           .doc = "share of that noise's variance that stays from layer to layer",
           .fallback = "0.3",
           .minimum = 0,
           .maximum = 1},
          {.name = "request_tokens",
           .type = ParameterType::kInteger,
           .doc = "tokens of a request (assumed)",
           .fallback = "512",
           .minimum = 1},
          {.name = "requests",
           .type = ParameterType::kChoice,
           .doc = "stretches: a request's tokens follow each other (prefill); rows: each row of a "
                  "GPU is a request that has one token a step (decode)",
           .fallback = "stretches",
           .choices = {"stretches", "rows"}}};
}

const Register<Trace, LogitTrace> kLogits{
    {.name = "logits",
     .summary = "router logits from popularity, topics, domains and noise, for gates",
     .source = "ours; policies.md 1.14",
     .parameters = parameters()}};

}  // namespace
}  // namespace moesim
