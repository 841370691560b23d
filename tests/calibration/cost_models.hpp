// A cost model from a few lines of YAML, on a GPU with round numbers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/calibration/calibrated_cost.hpp"

namespace moesim {

// 100 TFLOP/s at 16 bits, 200 at 8; 1 TB/s.
inline GpuSpec round_gpu() {
  return {.name = "Round",
          .memory_bandwidth = BytesPerSecond(1e12),
          .peak = {{DType::kBf16, FlopsPerSecond(1e14)}, {DType::kFp8, FlopsPerSecond(2e14)}},
          .sms = 100};
}

// A calibration of the round GPU; `rest` holds its sections `kernels:` and `exchanges:`.
inline std::string round_calibration(const std::string& rest) {
  return "schema: moesim.calibration/1\n"
         "gpu: {name: Round, memory_bandwidth: 1 TB/s, sms: 100,\n"
         "      peak: {bf16: 100 TFLOP/s, fp8: 200 TFLOP/s}}\n" +
         rest;
}

inline YamlNode yaml(const std::string& text) { return parse_yaml(text_source("test.yaml", text)); }

inline std::unique_ptr<CostModel> round_cost(const std::string& rest) {
  return make_cost_model(yaml(round_calibration(rest)), round_gpu());
}

// One kernel of the round calibration, by the keys of its form.
inline std::string experts_with(const std::string& form) {
  return "kernels: [{kernel: experts, dtype: bf16, form: {" + form + "}}]\n";
}

// 1000 × 500 gated experts at 16 bits.
inline ExpertWork round_work(const std::vector<int>& tokens) {
  return {.hidden = 1000, .width = 500, .matrices = 3, .dtype = DType::kBf16, .tokens = tokens};
}

}  // namespace moesim
