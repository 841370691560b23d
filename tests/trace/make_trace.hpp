// Makes a trace from the text of its scenario section, fitted to a small model.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/trace/trace.hpp"

namespace moesim {

inline MoeModel routed_model(int experts, int top_k, int layers) {
  MoeModel model{.name = "test", .layers = layers, .experts = experts, .top_k = top_k};
  for (int layer = 0; layer < layers; ++layer) model.moe_layers.push_back(layer);
  return model;
}

// `section` is YAML in one line, such as "{kind: lognormal, sigma: 1}".
inline std::unique_ptr<Trace> make_trace(const std::string& section, const MoeModel& model,
                                         const std::string& folder = "") {
  auto source = text_source("test.yaml", "trace: " + section);
  auto placed = std::make_shared<SourceText>(*source);
  placed->directory = folder;
  Mistakes mistakes;
  const YamlNode root = parse_yaml(placed);
  const Choice choice = read_choice(Trace::kRole, *root.find("trace"), mistakes);
  mistakes.throw_if_any();
  std::unique_ptr<Trace> trace = Registry<Trace>::make(choice);
  trace->fit(model, mistakes);
  mistakes.throw_if_any();
  return trace;
}

inline Routing route_of(const Trace& trace, int step, int layer, const std::vector<int>& tokens,
                        RoutingDetail detail = RoutingDetail::kIds, std::uint64_t seed = 1) {
  return trace.route({.step = StepId(step),
                      .layer = LayerId(layer),
                      .tokens = tokens,
                      .detail = detail,
                      .random = Random(seed)});
}

}  // namespace moesim
