// A small scenario with events, for tests of what they do to its steps.
#pragma once

#include <string>

#include "sim/event_timeline.hpp"
#include "sim/read_scenario.hpp"
#include "tests/support/sections.hpp"

namespace moesim {

// 16 GPUs on two nodes; 4 MoE layers of 64 experts, 8 a token. `events` is a YAML list; `more` are
// further sections.
inline Scenario scenario_with_events(const std::string& events, const std::string& more = "") {
  const std::string text =
      "model: {preset: olmoe-1b-7b, layers: 4}\n"
      "cluster: {preset: h100-sxm-ib400, nodes: 2}\n"
      "workload: {phase: decode, tokens_per_gpu: 100, context: 1024, steps: 20, warmup_steps: 2}\n"
      "calibration: h100-sxm\n" +
      more + (more.find("trace:") == std::string::npos ? "trace: lognormal\n" : "") +
      "events: " + events + "\n";
  return read_scenario(parse_yaml(text_source("test.yaml", text)), "test");
}

// Of a step as the results count.
inline Conditions conditions_at(const Scenario& scenario, int shown_step) {
  return EventTimeline(scenario).at(shown_step + scenario.workload.warmup_steps);
}

}  // namespace moesim
