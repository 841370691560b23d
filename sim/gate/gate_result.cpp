#include "sim/gate/gate_result.hpp"

#include <algorithm>

#include "sim/base/check.hpp"
#include "sim/gate/losses.hpp"

namespace moesim {
namespace {

void compare(const Routing& recorded, const Gating& gating, GateRecord& record) {
  if (!recorded.has_ids()) return;
  for (int token = 0; token < gating.tokens(); ++token) {
    const auto ids = gating.ids_of(token);
    for (const std::int16_t id : recorded.ids_of(token)) {
      if (id < 0) continue;
      ++record.compared;
      if (std::find(ids.begin(), ids.end(), id) == ids.end()) ++record.changed;
    }
  }
}

// Tokens that come to each GPU, each counted once.
std::vector<double> tokens_at_gpus(const Gating& gating, std::span<const int> gpu_of, int gpus) {
  std::vector<double> tokens(static_cast<std::size_t>(gpus));
  std::vector<int> seen(tokens.size(), -1);
  for (int token = 0; token < gating.tokens(); ++token) {
    for (const std::int16_t id : gating.ids_of(token)) {
      if (id < 0 || static_cast<std::size_t>(id) >= gpu_of.size()) continue;
      const auto gpu = static_cast<std::size_t>(gpu_of[static_cast<std::size_t>(id)]);
      if (seen[gpu] == token) continue;
      seen[gpu] = token;
      ++tokens[gpu];
    }
  }
  return tokens;
}

// Mean of switch_loss over the stretches of at most `most` tokens of each source.
double stretch_loss(const Gating& gating, const Routing& routing, int experts, int most) {
  double sum = 0;
  int stretches = 0;
  for (std::size_t gpu = 0; gpu + 1 < routing.first_token.size(); ++gpu) {
    const int last = routing.first_token[gpu + 1];
    for (int first = routing.first_token[gpu]; first < last; first += most) {
      sum += switch_loss(balance_sums(gating, experts, first, std::min(last, first + most)));
      ++stretches;
    }
  }
  return stretches > 0 ? sum / stretches : 0;
}

// `each` numbers for every token, from a stream of the token's own.
template <class Number>
std::vector<Number> draws(const GateRequest& request, int tokens, int each, double (Rng::*draw)()) {
  std::vector<Number> numbers;
  numbers.reserve(static_cast<std::size_t>(tokens) * static_cast<std::size_t>(each));
  for (int token = 0; token < tokens; ++token) {
    Rng rng = request.random.stream(Purpose::kGate, request.step.value, request.layer.value, token);
    for (int i = 0; i < each; ++i) numbers.push_back(static_cast<Number>((rng.*draw)()));
  }
  return numbers;
}

}  // namespace

GateResult finish_gating(Routing recorded, const Gating& gating, const GateRequest& request) {
  const int experts = request.model.experts;
  MOESIM_CHECK(gating.tokens() == recorded.tokens(), "a gate sees every token once");
  GateResult result{.record = {.layers = 1, .tokens = gating.tokens()}};
  GateRecord& record = result.record;
  compare(recorded, gating, record);
  Routing& routing = result.routing = std::move(recorded);
  routing.top_k = gating.top_k;
  routing.ids = gating.ids;
  routing.weights = gating.weights;
  for (std::size_t at = 0; at < routing.ids.size(); ++at) {
    std::int16_t& id = routing.ids[at];
    if (id >= experts) {
      ++record.free_routes;
      id = -1;
    }
    if (id < 0) {
      routing.weights[at] = 0;
      continue;
    }
    ++record.routes;
    record.weight += routing.weights[at];
  }
  for (int token = 0; token < gating.tokens(); ++token) {
    const auto ids = routing.ids_of(token);
    if (std::all_of(ids.begin(), ids.end(), [](std::int16_t id) { return id < 0; }))
      ++record.unrouted_tokens;
  }
  routing.counts = count_routes(routing, experts);
  return result;
}

std::vector<std::pair<std::string, double>> gate_losses(const Logits& logits, const Gating& gating,
                                                        const Routing& routing,
                                                        const GateRequest& request,
                                                        int sequence_tokens) {
  const int experts = request.model.experts, tokens = std::max(1, gating.tokens());
  const BalanceSums all = balance_sums(gating, experts, 0, gating.tokens());
  if (all.tokens == 0) return {};
  std::vector<std::pair<std::string, double>> losses = {
      {"switch", stretch_loss(gating, routing, experts, tokens)},
      {"sequence", stretch_loss(gating, routing, experts, sequence_tokens)},
      {"global", switch_loss(all)},
      {"gshard", gshard_loss(all)},
      {"importance", importance_loss(all)},
      {"load", load_loss(logits, std::min(gating.top_k, experts))},
      {"z", z_loss(logits)}};
  if (request.placement != nullptr) {
    const std::vector<int> gpu_of = gpus_of_experts(request);
    const int gpus = request.placement->gpus();
    const int most = std::min(gpus, std::max(1, request.model.groups_per_token));
    losses.emplace_back("device", device_loss(all, gpu_of, gpus));
    losses.emplace_back("communication",
                        communication_loss(all, gpu_of, tokens_at_gpus(gating, gpu_of, gpus),
                                           request.model.groups > 1 ? most : gpus));
  }
  return losses;
}

std::vector<double> gate_uniforms(const GateRequest& request, int tokens, int each) {
  return draws<double>(request, tokens, each, &Rng::uniform);
}

std::vector<float> gate_normals(const GateRequest& request, int tokens, int each) {
  return draws<float>(request, tokens, each, &Rng::normal);
}

std::vector<int> gpus_of_experts(const GateRequest& request) {
  MOESIM_CHECK(request.placement != nullptr, "a run knows where the experts are");
  const LayerPlacement& placement = *request.placement;
  std::vector<int> gpus;
  for (const ExpertId expert : placement.slots_of.ids())
    gpus.push_back(placement.gpu_of(placement.slots_of[expert].front()).value);
  return gpus;
}

}  // namespace moesim
