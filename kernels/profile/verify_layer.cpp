// Checks a layer against the plain loops before it is timed.
#include <algorithm>
#include <set>
#include <stdexcept>

#include "kernels/profile/expert_layer.hpp"

namespace moesim::kernels {
namespace {

// Of the largest value of a row: bf16 rounds each of two products and what lies between them to 8
// bits; fp8 rounds activations to 4.
double allowed_error(Dtype dtype) { return dtype == Dtype::kBf16 ? 0.03 : 0.08; }

// The rows in order: by expert, then by route.
std::vector<std::int32_t> expected_rows(const LayerLoad& load) {
  std::vector<int> next = row_offsets(load.rows, 1);
  std::vector<std::int32_t> rows(load.ids.size(), -1);
  for (std::size_t route = 0; route < load.ids.size(); ++route)
    if (load.ids[route] >= 0) rows[route] = next[static_cast<std::size_t>(load.ids[route])]++;
  return rows;
}

// The busiest expert, and the one with fewest rows of those that have any.
std::set<int> experts_to_check(const std::vector<int>& rows) {
  int least = -1;
  for (int expert = 0; expert < static_cast<int>(rows.size()); ++expert) {
    const int own = rows[static_cast<std::size_t>(expert)];
    if (own > 0 && (least < 0 || own < rows[static_cast<std::size_t>(least)])) least = expert;
  }
  const auto most = std::max_element(rows.begin(), rows.end()) - rows.begin();
  return {static_cast<int>(most), least};
}

// The reference's output for one row of one expert.
std::vector<float> reference_row(const std::vector<float>& input, const ExpertShape& shape,
                                 int expert, const SubjectRequest& request) {
  ExpertShape one = shape;
  one.experts = 1;
  Device& device = *request.reference.device;
  const WeightBuffers weights = make_weights(device, request.inputs, one, expert);
  std::vector<Bf16> row;
  for (const float value : input) row.push_back(to_bf16(value));
  const Buffer rows = device.make(std::span<const Bf16>(row));
  const Buffer output = device.allocate(rows.bytes());
  const int tokens = 1;
  request.reference.experts
      ->run({.shape = one,
             .weights = weights.from(0),
             .multiplier = request.reference.experts->multipliers(one).front(),
             .tokens_per_expert = {&tokens, 1},
             .rows = rows.as<Bf16>(),
             .output = output.as<Bf16>()})
      ->run(Stream::kMain);
  std::vector<float> values;
  for (const Bf16 value : device.read<Bf16>(output)) values.push_back(to_float(value));
  return values;
}

double verify_rows(const ExpertLayer& layer, const LayerLoad& load, const SubjectRequest& request,
                   int first_expert) {
  const std::vector<int> offsets = row_offsets(load.rows, 1);
  double largest = 0;
  for (const int expert : experts_to_check(load.rows)) {
    const int row =
        offsets[static_cast<std::size_t>(expert) + 1] - 1;  // the last, at a tile's edge
    const double error = relative_error(
        layer.output_row(row),
        reference_row(layer.input_row(row), load.shape, first_expert + expert, request));
    require_close(error, allowed_error(load.shape.dtype), "a row of the experts");
    largest = std::max(largest, error);
  }
  return largest;
}

void verify_sums(const ExpertLayer& layer, const LayerLoad& load,
                 const std::vector<std::int32_t>& row_of_route) {
  const int tokens = load.input_tokens;
  for (const int token : std::set<int>{0, tokens / 2, tokens - 1}) {
    std::vector<float> sum(static_cast<std::size_t>(load.shape.hidden_size));
    for (int choice = 0; choice < load.top_k; ++choice) {
      const auto route = static_cast<std::size_t>(token * load.top_k + choice);
      if (row_of_route[route] < 0) continue;
      const std::vector<float> row = layer.output_row(row_of_route[route]);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += layer.route_weights()[route] * row[i];
    }
    require_close(relative_error(layer.token(token), sum), 0.005, "the sum of a token");
  }
}

}  // namespace

double verify_layer(const ExpertLayer& layer, const LayerLoad& load, const SubjectRequest& request,
                    int first_expert) {
  const std::vector<std::int32_t> rows = layer.row_of_route();
  if (rows != expected_rows(load))
    throw std::runtime_error("the permutation differs from the reference");
  verify_sums(layer, load, rows);
  return verify_rows(layer, load, request, first_expert);
}

}  // namespace moesim::kernels
