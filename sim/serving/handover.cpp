#include "sim/serving/handover.hpp"

#include <algorithm>

#include "sim/base/check.hpp"

namespace moesim {

bool Handover::take_room_for(int id, double now) {
  Life& life = state_.life(id);
  const int rank = decode_.choose_rank(life, true);
  if (rank < 0) return false;
  Rank& target = decode_.rank(rank);
  const bool taken =
      target.cache().take(*life.request, target.admission_tokens(life), life.next_held);
  MOESIM_CHECK(taken, "the router chooses among ranks with room");
  ++target.coming;
  life.next_rank = rank;
  life.room_since = now;
  return true;
}

void Handover::begin_prefill(double now) {
  const std::vector<int> completing = prefill_.completing();
  coming_.assign(completing.begin(), completing.end());
  take_room(now);
}

void Handover::take_room(double now) {
  while (!kept_.empty() && take_room_for(kept_.front(), now)) {
    const int id = kept_.front();
    kept_.pop_front();
    state_.record(id).kv_waited += now - state_.life(id).since;
    depart(id, now + state_.life(id).late);
  }
  while (kept_.empty() && !coming_.empty() && take_room_for(coming_.front(), now))
    coming_.pop_front();
}

void Handover::depart(int id, double ready) {
  Life& life = state_.life(id);
  life.stage = Stage::kTravelling;
  life.ready = ready;
  travelling_.emplace(ready, id);
}

void Handover::prompt_done(int id) {
  Life& life = state_.life(id);
  const StepOutcome& step = prefill_.outcome();
  life.since = prefill_.end();
  life.late = std::max({0.0, step.kv_late.value, step.kv_sent.value - step.time.value});
  if (life.next_rank < 0) {
    std::erase(coming_, id);
    kept_.push_back(id);
    return;
  }
  double ready = std::max(prefill_.end(), prefill_.begin() + step.kv_sent.value);
  if (life.room_since > prefill_.begin()) ready = std::max(ready, life.room_since + life.late);
  depart(id, ready);
}

void Handover::land(double now) {
  while (next() <= now) {
    const int id = travelling_.begin()->second;
    travelling_.erase(travelling_.begin());
    Life& life = state_.life(id);
    prefill_.rank(life.rank).cache().release(*life.request, life.held);
    life.held = std::exchange(life.next_held, {});
    Rank& rank = decode_.rank(std::exchange(life.next_rank, -1));
    --rank.coming;
    rank.queue(id, Stage::kArrived, now);
  }
}

void Handover::forget(int id) {
  Life& life = state_.life(id);
  std::erase(kept_, id);
  std::erase(coming_, id);
  travelling_.erase({life.ready, id});
  if (life.next_rank < 0) return;
  Rank& rank = decode_.rank(std::exchange(life.next_rank, -1));
  --rank.coming;
  rank.cache().release(*life.request, life.next_held);
}

void Handover::lose_room(int id, double now) {
  Life& life = state_.life(id);
  life.next_rank = -1;
  life.next_held = {};
  if (life.stage == Stage::kPrompt) return coming_.push_back(id);
  travelling_.erase({life.ready, id});
  life.stage = Stage::kKept;
  life.since = now;
  ++state_.record(id).retries;
  kept_.push_back(id);
}

}  // namespace moesim
