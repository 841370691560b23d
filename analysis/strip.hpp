// strip.csv: what a few GPUs did during one step, small enough to be drawn on a page. All of it is
// in timeline.json.
//
// Columns: gpu, track ("compute", "network", "host", or "stream 1", …), phase, begin_s and end_s
// since the step began. The GPUs are those with the most and the least load, and some evenly
// between in that order. Spans of one track and phase that follow each other are one. Of a step
// with more than kMostSpans the beginning is there.
#pragma once

#include <string>
#include <vector>

#include "sim/engine/engine.hpp"
#include "sim/model/run_result.hpp"

namespace moesim {

class StripRecorder {
 public:
  // `step` as in Span: warm-up steps count.
  explicit StripRecorder(int step) : step_(step) {}
  void add(const Span& span);
  std::string csv(const RunResult& result) const;

  static constexpr std::size_t kMostSpans = 8000;
  static constexpr std::size_t kMostGpus = 4;

 private:
  struct Piece {
    int gpu = 0, stream = 0;
    Phase phase = Phase::kWait;
    double begin = 0, end = 0;  // seconds
  };
  std::vector<Piece> pieces_of(const std::vector<int>& gpus) const;

  int step_ = 0;
  std::vector<Piece> pieces_;
};

}  // namespace moesim
