// Rows to send and rows come back, a range of them on each core.
#include "kernels/pack.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/cpu/blas.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/cpu/device.hpp"
#include "kernels/cpu/quantize.hpp"

namespace moesim::kernels {
namespace {

void name_destinations(const DestinationArguments& arguments, long token) {
  std::int32_t* out = arguments.destinations + token * arguments.top_k;
  const std::int32_t* ids = arguments.ids + token * arguments.top_k;
  std::int32_t ranks[kMaxTopK];
  for (int j = 0; j < arguments.top_k; ++j) {
    ranks[j] = ids[j] < 0 ? -1 : ids[j] / arguments.experts_per_rank;
    const bool repeated =
        arguments.once_per_rank && std::find(ranks, ranks + j, ranks[j]) != ranks + j;
    out[j] = repeated ? -1 : ranks[j];
  }
}

void pack_row(const PackArguments& arguments, long row, std::vector<float>& values) {
  const int width = arguments.hidden_size, route = arguments.route_of_row[row];
  const Bf16* hidden =
      route < 0 ? nullptr
                : arguments.hidden + static_cast<long>(route / arguments.shape.top_k) * width;
  if (arguments.rows != nullptr) {
    Bf16* out = arguments.rows + row * width;
    if (hidden == nullptr)
      std::fill_n(out, width, Bf16{});
    else
      std::memcpy(out, hidden, width * sizeof *out);
    return;
  }
  if (hidden == nullptr)
    std::fill(values.begin(), values.end(), 0.0f);
  else
    widen(hidden, width, values.data());
  quantize(values.data(), width, arguments.fp8_rows + row * width,
           arguments.scales + row * (width / kScaleBlock));
}

// One row of a sum, added to `total`.
void add_row(const CombineArguments& arguments, long row, float weight, std::vector<float>& total) {
  const int width = arguments.hidden_size;
  if (arguments.rows != nullptr) {
    const Bf16* from = arguments.rows + row * width;
    for (int h = 0; h < width; ++h) total[h] += weight * to_float(from[h]);
    return;
  }
  const Fp8* from = arguments.fp8_rows + row * width;
  const float* scales = arguments.scales + row * (width / kScaleBlock);
  for (int h = 0; h < width; ++h)
    total[h] += weight * (to_float(from[h]) * scales[h / kScaleBlock]);
}

void combine_token(const CombineArguments& arguments, long token, std::vector<float>& total) {
  std::fill(total.begin(), total.end(), 0.0f);
  for (int j = 0; j < arguments.shape.top_k; ++j) {
    const long route = token * arguments.shape.top_k + j;
    const int row = arguments.row_of_route[route];
    const float weight = arguments.weights == nullptr ? 1.0f : arguments.weights[route];
    if (row >= 0) add_row(arguments, row, weight, total);
  }
  narrow(total.data(), total.size(), arguments.hidden + token * arguments.hidden_size);
}

class CpuPack : public PackKernels {
 public:
  explicit CpuPack(std::shared_ptr<Threads> threads) : threads_(std::move(threads)) {}

  std::unique_ptr<Work> destinations(const DestinationArguments& arguments) override {
    check(arguments);
    return call([arguments, threads = threads_] {
      threads->ranges(arguments.tokens, 1024, [&](long begin, long end) {
        for (long token = begin; token < end; ++token) name_destinations(arguments, token);
      });
    });
  }
  std::unique_ptr<Work> pack(const PackArguments& arguments) override {
    check(arguments);
    return call([arguments, threads = threads_] {
      const int rows = arguments.offsets[arguments.shape.experts];
      threads->ranges(rows, 16, [&](long begin, long end) {
        std::vector<float> values(arguments.hidden_size);
        for (long row = begin; row < end; ++row) pack_row(arguments, row, values);
      });
    });
  }
  std::unique_ptr<Work> combine(const CombineArguments& arguments) override {
    check(arguments);
    return call([arguments, threads = threads_] {
      threads->ranges(arguments.shape.tokens, 16, [&](long begin, long end) {
        std::vector<float> total(arguments.hidden_size);
        for (long token = begin; token < end; ++token) combine_token(arguments, token, total);
      });
    });
  }

 private:
  std::shared_ptr<Threads> threads_;
};

}  // namespace

std::shared_ptr<PackKernels> make_cpu_pack(std::shared_ptr<Threads> threads) {
  return std::make_shared<CpuPack>(std::move(threads));
}

}  // namespace moesim::kernels
