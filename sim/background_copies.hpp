// What goes on beside the steps when experts move: a plan is made, then layer after layer is
// copied.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <utility>

#include "sim/engine/engine.hpp"

namespace moesim {

// Copies layer after layer, in the order in which they wait to take effect.
class BackgroundCopies final : public Producer {
 public:
  explicit BackgroundCopies(std::function<void(const Span&)> span) : span_(std::move(span)) {}

  void plan(Compute planning) {
    planning.stream = kPlanningStream;  // the CPU: it holds up no kernel
    TaskGraph graph;
    graph.add(std::move(planning));
    queue_.push_back({std::move(graph), false});
  }
  void copy(Exchange exchange, int step) {
    TaskGraph graph{.step = step};
    graph.add(std::move(exchange), {}, "migration");
    queue_.push_back({std::move(graph), true});
  }
  void stop() { stopped_ = true; }
  // What has been given and has not arrived comes for nobody.
  void forget() {
    queue_.clear();
    arrived_ = 0;
    std::fill(given_.begin(), given_.end(), false);
  }
  int take_arrived() { return std::exchange(arrived_, 0); }

  std::optional<TaskGraph> next() override {
    if (stopped_ || queue_.empty()) return std::nullopt;
    Piece piece = std::move(queue_.front());
    queue_.pop_front();
    given_.push_back(piece.is_copy);
    return std::move(piece.graph);
  }
  void done(int, int, GpuId, Seconds) override {}
  void fragment_done(int, Seconds) override {
    if (given_.front()) ++arrived_;
    given_.pop_front();
  }
  // A plan is made on the CPU: no GPU is busy with it.
  void span(const Span& span) override {
    if (span.stream < 0) span_(span);
  }

 private:
  static constexpr int kPlanningStream = 7;
  struct Piece {
    TaskGraph graph;
    bool is_copy = false;
  };
  std::function<void(const Span&)> span_;
  std::deque<Piece> queue_;
  std::deque<bool> given_;  // under way: is it a copy
  int arrived_ = 0;         // copies since they were last asked for
  bool stopped_ = false;
};

}  // namespace moesim
