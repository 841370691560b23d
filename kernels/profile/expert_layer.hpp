// The MoE layer of one GPU after the dispatch: tokens that arrived are permuted to expert order, go
// through the experts, and are summed up again for each token.
#pragma once

#include <memory>
#include <vector>

#include "kernels/profile/expert_weights.hpp"
#include "kernels/profile/subject.hpp"

namespace moesim::kernels {

// What a point of the plan asks for.
struct LayerLoad {
  ExpertShape shape;  // experts = those of the GPU
  int top_k = 0;
  int input_tokens = 0;
  std::vector<int> rows;          // [experts]
  std::vector<std::int32_t> ids;  // [input_tokens × top_k], −1 = elsewhere
  Multiplier multiplier = Multiplier::kLibrary;

  PermuteShape permute() const {
    return {.tokens = input_tokens, .top_k = top_k, .experts = shape.experts};
  }
  std::size_t pairs() const;
};

// Throws UnsupportedError for a dtype or variant that does not run on the device.
LayerLoad layer_load(const SubjectRequest& request);
// "own", "cublas", "blas" or "reference".
std::string variant_name(Multiplier multiplier, const DeviceFacts& facts);

// One set of buffers and the work on it.
class ExpertLayer {
 public:
  ExpertLayer(const SubjectRequest& request, const LayerLoad& load, const WeightBuffers& weights,
              int first_expert, int number);

  void permute();
  void ffn() { ffn_->run(Stream::kMain); }
  void unpermute() { unpermute_->run(Stream::kMain); }

  // Rows of the checks below; they read what the last run left.
  std::vector<std::int32_t> row_of_route() const;
  std::vector<float> input_row(int row) const;   // [hidden]
  std::vector<float> output_row(int row) const;  // [hidden], before the weighted sum
  std::vector<float> token(int token) const;     // [hidden], after it
  const std::vector<float>& route_weights() const { return route_weights_; }

 private:
  std::vector<float> row_of(const Buffer& buffer, int row) const;

  Device& device_;
  int hidden_ = 0;
  std::vector<float> route_weights_;
  Buffer hidden_in_, ids_, counts_, offsets_, row_of_route_, route_of_row_, rows_, output_,
      weights_, hidden_out_;
  std::unique_ptr<Work> plan_, scatter_, ffn_, unpermute_;
};

// Compares a layer that has run with the plain loops: the order of its rows exactly, rows of its
// busiest and its idlest active expert, and the sums of a few tokens. The largest relative error;
// throws std::runtime_error where it is too large.
double verify_layer(const ExpertLayer& layer, const LayerLoad& load, const SubjectRequest& request,
                    int first_expert);

}  // namespace moesim::kernels
