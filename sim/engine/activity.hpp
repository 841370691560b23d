// The stretches of time in which each GPU is busy with an exchange: a start-up, or flows from or to
// it.
#pragma once

#include <algorithm>
#include <functional>

#include "sim/base/ids.hpp"
#include "sim/base/units.hpp"

namespace moesim {

class Activity {
 public:
  using Tell = std::function<void(GpuId gpu, Seconds begin, Seconds end)>;

  void reset(int gpus) { states_.raw().assign(static_cast<std::size_t>(gpus), State{}); }

  // `count` things begin on `gpu` at `date`, which may be ahead of the clock. A stretch that ended
  // before is told now.
  void begin(GpuId gpu, Seconds date, const Tell& tell, int count = 1) {
    State& state = states_[gpu];
    state.count += count;
    if (state.count > count) {
      state.begin = std::max(state.told, std::min(state.begin, date));
      return;
    }
    if (state.open && date <= state.end) return;
    if (state.open) tell(gpu, state.begin, state.end);
    if (state.open) state.told = state.end;
    state.open = true;
    state.begin = state.end = date;
  }

  // Something ends on `gpu` at `date`, which may be ahead of the clock.
  void end(GpuId gpu, Seconds date) {
    State& state = states_[gpu];
    --state.count;
    state.end = std::max(state.end, date);
  }

  // Nothing will begin on `gpu` any more.
  void close(GpuId gpu, const Tell& tell) {
    State& state = states_[gpu];
    if (state.open && state.begin < state.end) tell(gpu, state.begin, state.end);
    state.open = false;
  }

 private:
  struct State {
    Seconds begin, end;
    Seconds told;  // the end of the last stretch that was told
    int count = 0;
    bool open = false;
  };
  IdVector<GpuId, State> states_;
};

}  // namespace moesim
