// Copies of experts to a GPU, and what the CPU computes for it: one after the other, beside the
// steps.
//
// A copy that is under way is finished. Then come those that are asked for, in their order, and
// behind them those that are made ahead, the latest prediction first.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "sim/engine/engine.hpp"

namespace moesim {

using CopyId = int;

class CopyLane final : public Producer {
 public:
  struct Copy {
    CopyId id = -1;
    Bytes size;
    Store from = Store::kHost;
  };
  struct Listener {
    std::function<void(CopyId)> begun, arrived;
    std::function<void(const Span&)> span;  // may be none
  };

  CopyLane(GpuId gpu, Listener listener) : gpu_(gpu), listener_(std::move(listener)) {}

  void attach(Engine& engine) { engine_ = &engine; }
  void ask(const Copy& copy) { asked_.push_back(copy); }
  // Before all that are ahead already; the most wanted first.
  void ask_ahead(const std::vector<Copy>& copies);
  // One that is ahead and has not begun is asked for now, or not wanted any more.
  void promote(CopyId id);
  void cancel(CopyId id) { take_ahead(id); }
  void stop() { stopped_ = true; }

  std::optional<TaskGraph> next() override;
  void done(int, int, GpuId, Seconds) override {}
  void fragment_done(int fragment, Seconds time) override;
  void span(const Span& span) override {
    if (listener_.span) listener_.span(span);
  }

 private:
  Copy take_ahead(CopyId id);

  GpuId gpu_;
  Listener listener_;
  Engine* engine_ = nullptr;
  std::deque<Copy> asked_, ahead_;
  CopyId under_way_ = -1;
  bool stopped_ = false;
};

// The CPU's work for one GPU.
class CpuLane final : public Producer {
 public:
  CpuLane(GpuId gpu, int gpus, std::function<void()> ended)
      : gpu_(gpu), gpus_(gpus), ended_(std::move(ended)) {}

  void ask(Seconds work) { asked_.push_back(work); }

  std::optional<TaskGraph> next() override;
  void done(int, int, GpuId, Seconds) override {}
  void fragment_done(int, Seconds) override { ended_(); }
  void span(const Span&) override {}  // no GPU is busy with it

 private:
  static constexpr int kCpuStream = 6;
  GpuId gpu_;
  int gpus_ = 0;
  std::function<void()> ended_;
  std::deque<Seconds> asked_;
};

}  // namespace moesim
