// One call of a gate with host vectors in and out.
#pragma once

#include <vector>

#include "tests/kernels/on_backend.hpp"

namespace moesim::kernels {

struct GateInputs {
  GateRule rule;
  int tokens = 0;
  std::vector<float> logits;                 // [tokens x experts]
  std::vector<float> bias;                   // [experts] or empty
  std::vector<float> noise_logits, normals;  // [tokens x experts] or empty
};

struct GateOutputs {
  std::vector<std::int32_t> ids;  // [tokens x top_k]
  std::vector<float> weights;     // [tokens x top_k]
};

inline GateOutputs route(const Backend& backend, const GateInputs& inputs) {
  const std::size_t routes = static_cast<std::size_t>(inputs.tokens) * inputs.rule.top_k;
  const Buffer logits = upload(backend, inputs.logits), bias = upload(backend, inputs.bias);
  const Buffer noise = upload(backend, inputs.noise_logits);
  const Buffer normals = upload(backend, inputs.normals);
  const Buffer ids = room_for<std::int32_t>(backend, routes);
  const Buffer weights = room_for<float>(backend, routes);
  const auto work = backend.gate->route(
      RouteArguments{.rule = inputs.rule,
                     .tokens = inputs.tokens,
                     .logits = logits.as<float>(),
                     .bias = inputs.bias.empty() ? nullptr : bias.as<float>(),
                     .noise_logits = inputs.noise_logits.empty() ? nullptr : noise.as<float>(),
                     .normals = inputs.normals.empty() ? nullptr : normals.as<float>(),
                     .ids = ids.as<std::int32_t>(),
                     .weights = weights.as<float>()});
  work->run(Stream::kMain);
  backend.device->synchronize();
  return GateOutputs{.ids = backend.device->read<std::int32_t>(ids),
                     .weights = backend.device->read<float>(weights)};
}

}  // namespace moesim::kernels
