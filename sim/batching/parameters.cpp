#include "sim/batching/batching.hpp"

namespace moesim {

Parameter batch_requests_parameter(const std::string& fallback, const std::string& doc) {
  return {.name = "requests",
          .type = ParameterType::kInteger,
          .doc = doc,
          .fallback = fallback,
          .minimum = 1};
}

Parameter batch_tokens_parameter(const std::string& fallback, const std::string& doc) {
  return {.name = "tokens",
          .type = ParameterType::kInteger,
          .doc = doc,
          .fallback = fallback,
          .minimum = 1};
}

}  // namespace moesim
