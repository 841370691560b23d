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
  found_.clear();
  for (const int id : completing) found_[state_.life(id).rank] += state_.life(id).found;
  take_room(now);
}

void Handover::take_room(double now) {
  while (!kept_.empty() && take_room_for(kept_.front(), now)) {
    const int id = kept_.front();
    kept_.pop_front();
    state_.record(id).kv_waited += now - state_.life(id).since;
    depart(id, now + prefill_.kv_time(state_.life(id).computed));
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
  life.since = prefill_.end();
  if (life.next_rank < 0) {
    std::erase(coming_, id);
    kept_.push_back(id);
    return;
  }
  // What the prefix cache had of the rank's prompts can leave when the step begins.
  const double begin = prefill_.begin();
  const double beside =
      std::max(prefill_.outcome().kv_sent.value, prefill_.kv_time(found_[life.rank]));
  const double ready =
      life.room_since > begin ? life.room_since + prefill_.kv_time(life.computed) : begin + beside;
  depart(id, std::max(prefill_.end(), ready));
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
