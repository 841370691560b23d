#include "kernels/profile/expert_layer.hpp"

#include <algorithm>
#include <numeric>

#include "kernels/error.hpp"
#include "kernels/profile/rank_load.hpp"

namespace moesim::kernels {
namespace {

Dtype dtype_of(const std::string& name) {
  require(name == "bf16" || name == "fp8_block", "experts run in bf16 or fp8_block, not " + name);
  return name == "bf16" ? Dtype::kBf16 : Dtype::kFp8Block;
}

// The one that the point asks for, or else the library's where it has one.
Multiplier multiplier_of(const SubjectRequest& request, const ExpertShape& shape) {
  const auto all = request.backend.experts->multipliers(shape);
  require(!all.empty(), request.point.at("dtype").get<std::string>() + " experts do not run here");
  const std::string wanted = request.point.at("variant");
  const auto has = [&](Multiplier one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  };
  if (wanted == "usual") return has(Multiplier::kLibrary) ? Multiplier::kLibrary : all.front();
  for (const Multiplier one : all)
    if (variant_name(one, request.backend.device->facts()) == wanted) return one;
  throw UnsupportedError("variant '" + wanted + "' does not run here");
}

}  // namespace

std::size_t LayerLoad::pairs() const {
  return static_cast<std::size_t>(std::accumulate(rows.begin(), rows.end(), std::int64_t{0}));
}

std::string variant_name(Multiplier multiplier, const DeviceFacts& facts) {
  if (facts.backend == "cpu_reference") return "reference";
  if (multiplier == Multiplier::kOwn) return "own";
  return facts.backend == "cuda" ? "cublas" : "blas";
}

LayerLoad layer_load(const SubjectRequest& request) {
  LayerLoad load{.shape = {.experts = request.size("local_experts"),
                           .hidden_size = request.size("hidden"),
                           .intermediate = request.size("width"),
                           .gated = request.size("matrices") == 3,
                           .dtype = dtype_of(request.point.at("dtype"))},
                 .top_k = request.size("top_k"),
                 .input_tokens = request.size("input_tokens"),
                 .rows = request.point.at("rows").get<std::vector<int>>()};
  load.ids = routes_of(load.rows, load.input_tokens, load.top_k);
  load.multiplier = multiplier_of(request, load.shape);
  return load;
}

ExpertLayer::ExpertLayer(const SubjectRequest& request, const LayerLoad& load,
                         const WeightBuffers& weights, int first_expert, int number)
    : device_(*request.backend.device), hidden_(load.shape.hidden_size) {
  const PermuteShape shape = load.permute();
  const auto tokens = static_cast<std::size_t>(shape.tokens), routes = load.ids.size(),
             hidden = static_cast<std::size_t>(hidden_),
             bound = static_cast<std::size_t>(rows_bound(shape)),
             experts = static_cast<std::size_t>(shape.experts);
  const auto values =
      request.inputs.bf16(tokens * hidden, 1, static_cast<std::size_t>(number) * 7919);
  route_weights_ = request.inputs.floats(routes, 1.0f / static_cast<float>(shape.top_k));
  hidden_in_ = device_.make(std::span(values));
  ids_ = device_.make(std::span(load.ids));
  weights_ = device_.make(std::span<const float>(route_weights_));
  counts_ = device_.allocate(experts * sizeof(std::int32_t));
  offsets_ = device_.allocate((experts + 1) * sizeof(std::int32_t));
  row_of_route_ = device_.allocate(routes * sizeof(std::int32_t));
  route_of_row_ = device_.allocate(bound * sizeof(std::int32_t));
  rows_ = device_.allocate(bound * hidden * sizeof(Bf16));
  output_ = device_.allocate(bound * hidden * sizeof(Bf16));
  hidden_out_ = device_.allocate(tokens * hidden * sizeof(Bf16));
  PermuteKernels& permute = *request.backend.permute;
  plan_ = permute.plan({.shape = shape,
                        .ids = ids_.as<std::int32_t>(),
                        .counts = counts_.as<std::int32_t>(),
                        .offsets = offsets_.as<std::int32_t>(),
                        .row_of_route = row_of_route_.as<std::int32_t>(),
                        .route_of_row = route_of_row_.as<std::int32_t>()});
  scatter_ = permute.scatter({.shape = shape,
                              .hidden_size = hidden_,
                              .hidden = hidden_in_.as<Bf16>(),
                              .route_of_row = route_of_row_.as<std::int32_t>(),
                              .offsets = offsets_.as<std::int32_t>(),
                              .rows = rows_.as<Bf16>()});
  ffn_ = request.backend.experts->run({.shape = load.shape,
                                       .weights = weights.from(first_expert),
                                       .multiplier = load.multiplier,
                                       .tokens_per_expert = load.rows,
                                       .rows = rows_.as<Bf16>(),
                                       .output = output_.as<Bf16>()});
  unpermute_ = permute.unpermute({.shape = shape,
                                  .hidden_size = hidden_,
                                  .rows = output_.as<Bf16>(),
                                  .row_of_route = row_of_route_.as<std::int32_t>(),
                                  .weights = weights_.as<float>(),
                                  .hidden = hidden_out_.as<Bf16>()});
}

void ExpertLayer::permute() {
  plan_->run(Stream::kMain);
  scatter_->run(Stream::kMain);
}

std::vector<std::int32_t> ExpertLayer::row_of_route() const {
  return device_.read<std::int32_t>(row_of_route_);
}

std::vector<float> ExpertLayer::row_of(const Buffer& buffer, int row) const {
  const std::size_t bytes = static_cast<std::size_t>(hidden_) * sizeof(Bf16);
  std::vector<float> values;
  for (const Bf16 value :
       device_.read<Bf16>(slice(buffer, static_cast<std::size_t>(row) * bytes, bytes)))
    values.push_back(to_float(value));
  return values;
}

std::vector<float> ExpertLayer::input_row(int row) const { return row_of(rows_, row); }
std::vector<float> ExpertLayer::output_row(int row) const { return row_of(output_, row); }
std::vector<float> ExpertLayer::token(int token) const { return row_of(hidden_out_, token); }

}  // namespace moesim::kernels
