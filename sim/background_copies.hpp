// What goes on beside the steps when experts move: a plan is made, then layer after layer is
// copied.
//
// Served steps are simulated one at a time, and the engine comes to rest between two. There
// (`pace`) copies are given to the engine only while a step is under way, a plan takes its time of
// the steps to come, and a copy that outlasts its step arrives, and lets the next begin, when
// steps have taken that long. Time in which nothing is served does not count.
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

  void pace() { paced_ = true; }
  // Of paced copies: a step begins, when earlier ones took `served` together and the engine's clock
  // shows `clock`.
  void step_begins(Seconds served, Seconds clock) {
    served_ = served;
    ahead_ = served - clock;
    under_step_ = true;
  }
  // Nothing more begins before the next step.
  void step_ends() { under_step_ = false; }
  // Steps, and what everybody waited for between them, took `served` so far.
  void serve_until(Seconds served) { served_ = served; }

  void plan(Compute planning) {
    if (paced_) {
      free_from_ = std::max(free_from_, served_) + longest(planning);
      return;
    }
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
    arrivals_.clear();
    free_from_ = {};
    std::fill(given_.begin(), given_.end(), false);
  }
  int take_arrived() {
    int arrived = 0;
    for (; !arrivals_.empty() && (!paced_ || arrivals_.front() <= served_); ++arrived)
      arrivals_.pop_front();
    return arrived;
  }

  std::optional<TaskGraph> next() override {
    if (stopped_ || queue_.empty()) return std::nullopt;
    if (paced_ && (!under_step_ || free_from_ > served_)) return std::nullopt;
    Piece piece = std::move(queue_.front());
    queue_.pop_front();
    given_.push_back(piece.is_copy);
    return std::move(piece.graph);
  }
  void done(int, int, GpuId, Seconds) override {}
  void fragment_done(int, Seconds time) override {
    if (given_.front()) {
      arrivals_.push_back(time + ahead_);
      if (!under_step_) free_from_ = arrivals_.back();
    }
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
  static Seconds longest(const Compute& planning) {
    Seconds most;
    for (const KernelTime& time : planning.time) most = std::max(most, time.total());
    return most;
  }

  std::function<void(const Span&)> span_;
  std::deque<Piece> queue_;
  std::deque<bool> given_;        // under way: is it a copy
  std::deque<Seconds> arrivals_;  // copies since they were last asked for
  bool stopped_ = false;
  // Of paced copies, in time that steps took.
  bool paced_ = false, under_step_ = false;
  Seconds served_;
  Seconds ahead_;      // of the engine's clock
  Seconds free_from_;  // no copy begins before
};

}  // namespace moesim
