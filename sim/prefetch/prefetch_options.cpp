#include <algorithm>
#include <tuple>

#include "sim/prefetch/prefetch.hpp"

namespace moesim {

std::vector<Parameter> with_prefetch_options(std::vector<Parameter> own, bool ranks_all) {
  own.push_back({.name = "depth",
                 .type = ParameterType::kInteger,
                 .doc = "layers ahead that are predicted",
                 .fallback = "1",
                 .minimum = 1});
  own.push_back({.name = "most",
                 .type = ParameterType::kInteger,
                 .doc = std::string("experts of a layer that a GPU wants on one prediction, with "
                                    "those that it holds; 0 = ") +
                        (ranks_all ? "as many as it uses in the running layer" : "all"),
                 .fallback = "0",
                 .minimum = 0});
  return own;
}

PrefetchOptions read_prefetch_options(const Arguments& arguments) {
  return {.depth = arguments.integer("depth"), .most = arguments.integer("most")};
}

std::vector<Prediction> ranked(std::vector<Prediction> predictions) {
  std::erase_if(predictions, [](const Prediction& each) { return !(each.score > 0); });
  std::sort(predictions.begin(), predictions.end(), [](const Prediction& a, const Prediction& b) {
    return std::tie(a.layer, b.score, a.expert) < std::tie(b.layer, a.score, b.expert);
  });
  return predictions;
}

}  // namespace moesim
