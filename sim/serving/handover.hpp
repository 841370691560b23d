// The way of a KV cache from the pool that computes prompts to the pool that computes answers.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <utility>

#include "sim/serving/pool.hpp"

namespace moesim {

class Handover {
 public:
  Handover(ServingState& state, Pool& prefill, Pool& decode)
      : state_(state), prefill_(prefill), decode_(decode) {}

  // The prefill pool has begun a step: room is taken for the prompts that it completes.
  void begin_prefill(double now);
  // Its step has completed the prompt of a request.
  void prompt_done(int id);
  // Takes room for those that wait for it, in their order, as far as there is any now.
  void take_room(double now);
  // What has arrived until now waits for its next step.
  void land(double now);
  double next() const { return travelling_.empty() ? kForever.value : travelling_.begin()->first; }
  int kept() const { return static_cast<int>(kept_.size()); }

  // The request's rank of the prefill pool has failed: it travels no more, and its room is free.
  void forget(int id);
  // The rank of the decode pool on which it had room has failed.
  void lose_room(int id, double now);

 private:
  bool take_room_for(int id, double now);
  void depart(int id, double ready);

  ServingState& state_;
  Pool& prefill_;
  Pool& decode_;
  std::deque<int> kept_;    // computed, and there is no room for them
  std::deque<int> coming_;  // likewise, but the step that completes them is not over
  // Of the prompts that the step completes, tokens that the prefix cache of their rank had.
  std::map<int, double> found_;
  std::set<std::pair<double, int>> travelling_;  // by the time at which they are there
};

}  // namespace moesim
