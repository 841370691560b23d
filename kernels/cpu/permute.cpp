// Permutation in chunks: each counts its routes, the counts give where each starts, each places.
#include "kernels/permute.hpp"

#include <algorithm>
#include <vector>

#include "kernels/cpu/cpu.hpp"
#include "kernels/cpu/device.hpp"

namespace moesim::kernels {
namespace {

class Planner {
 public:
  Planner(const PlanArguments& arguments, std::shared_ptr<Threads> threads)
      : arguments_(arguments),
        threads_(std::move(threads)),
        routes_(arguments.shape.tokens * arguments.shape.top_k),
        chunks_(std::max(1, std::min(threads_->count(), routes_ / 1024))),
        next_(static_cast<std::size_t>(chunks_) * arguments.shape.experts) {}

  void run() {
    threads_->each(chunks_, [&](int chunk) { count(chunk); });
    start_chunks();
    threads_->ranges(rows_bound(arguments_.shape), 1 << 14, [&](long begin, long end) {
      std::fill(arguments_.route_of_row + begin, arguments_.route_of_row + end, -1);
    });
    threads_->each(chunks_, [&](int chunk) { place(chunk); });
  }

 private:
  int begin_of(int chunk) const {
    return static_cast<int>(static_cast<long>(routes_) * chunk / chunks_);
  }
  // The row that the chunk's next route of each expert takes: [experts].
  int* next_of(int chunk) { return next_.data() + chunk * arguments_.shape.experts; }
  bool has_row(int route) const {
    return arguments_.ids[route] >= 0 && arguments_.ids[route] < arguments_.shape.experts;
  }

  void count(int chunk) {
    int* counts = next_of(chunk);
    std::fill_n(counts, arguments_.shape.experts, 0);
    for (int route = begin_of(chunk); route < begin_of(chunk + 1); ++route)
      if (has_row(route)) ++counts[arguments_.ids[route]];
  }

  void start_chunks() {
    int row = 0;
    for (int expert = 0; expert < arguments_.shape.experts; ++expert) {
      arguments_.offsets[expert] = row;
      int used = 0;
      for (int chunk = 0; chunk < chunks_; ++chunk) {
        const int counted = next_of(chunk)[expert];
        next_of(chunk)[expert] = row + used;
        used += counted;
      }
      arguments_.counts[expert] = used;
      row += round_up(used, arguments_.shape.tile);
    }
    arguments_.offsets[arguments_.shape.experts] = row;
  }

  void place(int chunk) {
    int* next = next_of(chunk);
    for (int route = begin_of(chunk); route < begin_of(chunk + 1); ++route) {
      const int row = has_row(route) ? next[arguments_.ids[route]]++ : -1;
      arguments_.row_of_route[route] = row;
      if (row >= 0) arguments_.route_of_row[row] = route;
    }
  }

  PlanArguments arguments_;
  std::shared_ptr<Threads> threads_;
  int routes_ = 0;
  int chunks_ = 0;
  std::vector<int> next_;  // [chunks x experts]
};

class CpuPermute : public PermuteKernels {
 public:
  explicit CpuPermute(std::shared_ptr<Threads> threads)
      : threads_(threads), pack_(make_cpu_pack(threads)) {}

  std::unique_ptr<Work> plan(const PlanArguments& arguments) override {
    check(arguments);
    return call([planner = std::make_shared<Planner>(arguments, threads_)] { planner->run(); });
  }
  std::unique_ptr<Work> scatter(const ScatterArguments& arguments) override {
    return pack_->pack(as_pack(arguments));
  }
  std::unique_ptr<Work> unpermute(const UnpermuteArguments& arguments) override {
    return pack_->combine(as_combine(arguments));
  }

 private:
  std::shared_ptr<Threads> threads_;
  std::shared_ptr<PackKernels> pack_;
};

}  // namespace

std::shared_ptr<PermuteKernels> make_cpu_permute(std::shared_ptr<Threads> threads) {
  return std::make_shared<CpuPermute>(std::move(threads));
}

}  // namespace moesim::kernels
