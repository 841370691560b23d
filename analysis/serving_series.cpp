#include "analysis/serving_series.hpp"

#include <algorithm>

#include "analysis/metrics.hpp"

namespace moesim {
namespace {

SeriesPart part_of(const ServingStep& step) {
  return {.begin = step.begin,
          .end = step.end,
          .steps = 1,
          .step_time_max = step.end - step.begin,
          .running = static_cast<double>(step.running),
          .waiting = static_cast<double>(step.waiting),
          .kv_use = step.kv_use,
          .prompt_tokens = static_cast<double>(step.prompt_tokens),
          .answer_tokens = static_cast<double>(step.answer_tokens),
          .gpu_max_over_mean = step.gpu_max_over_mean,
          .stall = step.stall,
          .preemptions = step.preemptions};
}

// Adds what of the step lies in the part; means are sums until all steps are there.
void add_share(SeriesPart& part, double& in_steps, const ServingStep& step) {
  const double time = std::min(part.end, step.end) - std::max(part.begin, step.begin);
  if (!(time > 0)) return;
  const double share = time / (step.end - step.begin);
  in_steps += time;
  part.running += time * step.running;
  part.waiting += time * step.waiting;
  part.kv_use += time * step.kv_use;
  part.gpu_max_over_mean += time * step.gpu_max_over_mean;
  part.prompt_tokens += share * step.prompt_tokens;
  part.answer_tokens += share * step.answer_tokens;
  part.stall += share * step.stall;
}

class SeriesParts {
 public:
  SeriesParts(double seconds, std::size_t count) : width_(seconds / static_cast<double>(count)) {
    for (std::size_t i = 0; i < count; ++i)
      parts_.push_back({.begin = width_ * static_cast<double>(i),
                        .end = i + 1 == count ? seconds : width_ * static_cast<double>(i + 1)});
    in_steps_.resize(count);
  }

  void add(const ServingStep& step) {
    const std::size_t first = index_of(step.begin), last = index_of(step.end);
    SeriesPart& home = parts_[first];
    ++home.steps;
    home.step_time_max = std::max(home.step_time_max, step.end - step.begin);
    home.preemptions += step.preemptions;
    for (std::size_t i = first; i <= last; ++i) add_share(parts_[i], in_steps_[i], step);
  }

  std::vector<SeriesPart> finish() {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      SeriesPart& part = parts_[i];
      const double time = part.end - part.begin;
      part.running /= time;
      part.waiting /= time;
      part.kv_use /= time;
      part.gpu_max_over_mean = ratio(part.gpu_max_over_mean, in_steps_[i]);
    }
    return std::move(parts_);
  }

 private:
  std::size_t index_of(double time) const {
    return std::min(static_cast<std::size_t>(time / width_), parts_.size() - 1);
  }

  double width_ = 0;
  std::vector<SeriesPart> parts_;
  std::vector<double> in_steps_;  // seconds of each part
};

}  // namespace

std::vector<SeriesPart> pool_series(const PoolRecord& pool, double seconds) {
  if (pool.steps.size() <= static_cast<std::size_t>(kMostParts)) {
    std::vector<SeriesPart> parts;
    for (const ServingStep& step : pool.steps) parts.push_back(part_of(step));
    return parts;
  }
  SeriesParts parts(seconds, kMostParts);
  for (const ServingStep& step : pool.steps) parts.add(step);
  return parts.finish();
}

}  // namespace moesim
