// Gates on all cores: scores by vector instructions, the k best by insertion.
#include "kernels/gate.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "kernels/cpu/blas.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/cpu/device.hpp"
#include "kernels/cpu/score_row.hpp"
#include "kernels/gate_math.hpp"

namespace moesim::kernels {
namespace {

struct Candidate {
  float value = -std::numeric_limits<float>::infinity();
  int id = -1;
};

// The best few of what is offered in order of ids; on ties the lower id stays in front.
class Best {
 public:
  explicit Best(int wanted) : wanted_(wanted) {}

  void offer(float value, int id) {
    if (count_ == wanted_ && !(value > kept_[count_ - 1].value)) return;
    int at = count_ < wanted_ ? count_++ : count_ - 1;
    for (; at > 0 && value > kept_[at - 1].value; --at) kept_[at] = kept_[at - 1];
    kept_[at] = Candidate{.value = value, .id = id};
  }
  const Candidate& operator[](int i) const { return kept_[i]; }
  int count() const { return count_; }

 private:
  std::array<Candidate, 32> kept_{};  // enough for kMaxTopK experts and for 32 groups
  int wanted_ = 0;
  int count_ = 0;
};

float score_of_group(GroupScore kind, const float* values, int size) {
  Best best(2);
  for (int i = 0; i < size; ++i) best.offer(values[i], i);
  const bool one = kind == GroupScore::kMax || size == 1;
  return one ? best[0].value : best[0].value + best[1].value;
}

// One token after the other, with room for a row's scores.
class Router {
 public:
  explicit Router(const RouteArguments& arguments)
      : arguments_(arguments),
        rule_(arguments.rule),
        score_(rule_.experts),
        selection_(rule_.experts) {}

  void route(long token) {
    const long row = token * rule_.experts;
    score_row(rule_.kind, arguments_.logits + row, at_row(arguments_.noise_logits, row),
              at_row(arguments_.normals, row), rule_.experts, score_.data());
    selection_ = score_;
    if (weighs_by_score(rule_.kind) && arguments_.bias != nullptr)
      for (int e = 0; e < rule_.experts; ++e) selection_[e] += arguments_.bias[e];
    const Best chosen = choose();
    std::array<float, kMaxTopK> weights = weigh(chosen);
    float total = 0;
    for (int j = 0; j < rule_.top_k; ++j) total += weights[j];
    const float divisor = rule_.renormalize ? total + 1e-20f : 1.0f;
    for (int j = 0; j < rule_.top_k; ++j) {
      arguments_.ids[token * rule_.top_k + j] = chosen[j].id;
      arguments_.weights[token * rule_.top_k + j] = weights[j] / divisor * rule_.scaling_factor;
    }
  }

 private:
  static const float* at_row(const float* values, long row) {
    return values == nullptr ? nullptr : values + row;
  }

  Best choose() const {
    Best chosen(rule_.top_k);
    const int size = rule_.experts / rule_.groups;
    std::array<bool, 32> kept{};
    Best groups(rule_.groups_kept);
    for (int group = 0; group < rule_.groups; ++group)
      groups.offer(score_of_group(rule_.group_score, selection_.data() + group * size, size),
                   group);
    for (int i = 0; i < groups.count(); ++i) kept[groups[i].id] = true;
    for (int group = 0; group < rule_.groups; ++group)
      for (int e = group * size; kept[group] && e < (group + 1) * size; ++e)
        chosen.offer(selection_[e], e);
    return chosen;
  }

  std::array<float, kMaxTopK> weigh(const Best& chosen) {
    std::array<float, kMaxTopK> weights{};
    for (int j = 0; j < rule_.top_k; ++j) weights[j] = score_[chosen[j].id];
    if (weighs_by_score(rule_.kind)) return weights;
    float total = 0, largest = weights[0];
    for (int j = 0; j < rule_.top_k; ++j) largest = std::max(largest, weights[j]);
    if (weighs_the_chosen(rule_.kind)) {
      total = exponentials(weights.data(), largest, rule_.top_k, weights.data());
    } else {
      for (const float value : score_) largest = std::max(largest, value);
      total = exponentials(score_.data(), largest, rule_.experts, selection_.data());
      for (int j = 0; j < rule_.top_k; ++j) weights[j] = selection_[chosen[j].id];
    }
    for (int j = 0; j < rule_.top_k; ++j) weights[j] /= total;
    return weights;
  }

  const RouteArguments& arguments_;
  const GateRule& rule_;
  std::vector<float> score_, selection_;  // [experts]
};

// A block of tokens against a block of experts.
void multiply_block(const LogitsArguments& arguments, int token, int expert, int block) {
  thread_local std::vector<float> hidden, router;
  const std::size_t depth = arguments.hidden_size;
  const int tokens = std::min(block, arguments.tokens - token);
  const int experts = std::min(block, arguments.experts - expert);
  hidden.resize(std::max(hidden.size(), block * depth));
  router.resize(std::max(router.size(), block * depth));
  widen(arguments.hidden + token * depth, tokens * depth, hidden.data());
  widen(arguments.router + expert * depth, experts * depth, router.data());
  float* out = arguments.logits + static_cast<std::size_t>(token) * arguments.experts + expert;
  multiply_transposed(tokens, experts, arguments.hidden_size, hidden.data(), router.data(), out,
                      arguments.experts);
}

class CpuGate : public GateKernels {
 public:
  explicit CpuGate(std::shared_ptr<Threads> threads) : threads_(std::move(threads)) {}

  std::unique_ptr<Work> logits(const LogitsArguments& arguments) override {
    check(arguments);
    return call([arguments, threads = threads_] {
      constexpr int kBlock = 128;
      const int across = ceil_div(arguments.experts, kBlock);
      threads->each(ceil_div(arguments.tokens, kBlock) * across, [&](int task) {
        multiply_block(arguments, task / across * kBlock, task % across * kBlock, kBlock);
      });
    });
  }
  std::unique_ptr<Work> route(const RouteArguments& arguments) override {
    check(arguments);
    return call([arguments, threads = threads_] {
      threads->ranges(arguments.tokens, 16, [&](long begin, long end) {
        Router router(arguments);
        for (long token = begin; token < end; ++token) router.route(token);
      });
    });
  }

 private:
  std::shared_ptr<Threads> threads_;
};

}  // namespace

std::shared_ptr<GateKernels> make_cpu_gate(std::shared_ptr<Threads> threads) {
  return std::make_shared<CpuGate>(std::move(threads));
}

}  // namespace moesim::kernels
