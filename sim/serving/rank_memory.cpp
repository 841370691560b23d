// What a rank does when its KV cache is full.
#include <algorithm>

#include "sim/base/check.hpp"
#include "sim/serving/rank.hpp"

namespace moesim {

// Pages for the next tokens of all answers, for which requests may have to go; false if some did.
bool Rank::grow_answers(double now, Departures& departures) {
  const int tokens = state_.answer_tokens();
  bool all_stay = true;
  for (std::size_t i = 0; i < answers_.size();) {
    Answer& answer = answers_[i];
    HeldKv& held = state_.life(answer.id).held;
    if (answer.held + tokens <= answer.room) {
      ++i;
    } else if (cache_.grow(answer.held + tokens, held)) {
      answer.room = cache_.room(held);
      ++i;
    } else {
      displace_last(i, now, departures);
      all_stay = false;
    }
  }
  return all_stay;
}

void Rank::displace_last(std::size_t& growing, double now, Departures& departures) {
  MOESIM_CHECK(state_.setup.options.preemption != KvPolicy::kReserve,
               "room for whole answers was reserved");
  ++preempted;
  const auto answer =
      std::max_element(answers_.begin(), answers_.end(), [&](const Answer& a, const Answer& b) {
        return state_.sent_at(a.id) < state_.sent_at(b.id);
      });
  const auto prompt = std::max_element(prompts_.begin(), prompts_.end(), [&](int a, int b) {
    return state_.sent_at(a) < state_.sent_at(b);
  });
  if (prompt != prompts_.end() && state_.sent_at(*prompt) > state_.sent_at(answer->id)) {
    const int id = *prompt;
    prompts_.erase(prompt);
    ++state_.record(id).preemptions;
    return requeue(id, now, departures);
  }
  const Answer last = *answer;
  if (answer - answers_.begin() < static_cast<std::ptrdiff_t>(growing)) --growing;
  answers_.erase(answer);
  write_back(last);
  ++state_.record(last.id).preemptions;
  if (state_.setup.options.preemption == KvPolicy::kSwap) return swap_out(last.id, last.held, now);
  requeue(last.id, now, departures);
}

void Rank::requeue(int id, double now, Departures& departures) {
  Life& life = state_.life(id);
  cache_.release(*life.request, life.held);
  life.computed = 0;
  if (kind_ == PoolKind::kDecode)
    departures.displaced.push_back(id);
  else
    queue(id, Stage::kQueued, now);
}

// When a copy of so many tokens' KV cache ends that may begin at `from`; copies wait for each
// other.
double Rank::copy(double from, int tokens) {
  const Seconds time = tokens * state_.setup.kv_token / state_.setup.options.host_rate;
  host_free_ = std::max(from, host_free_) + time.value;
  return host_free_;
}

// Its pages are free at once: the copy runs ahead of the step that writes to them.
void Rank::swap_out(int id, int held, double now) {
  Life& life = state_.life(id);
  life.stage = Stage::kSwapped;
  life.computed = held;
  life.ready = copy(now, held);
  cache_.release(*life.request, life.held);
  swapped_.insert(state_.sent_at(id));
}

void Rank::swap_in(double now) {
  while (!swapped_.empty()) {
    const int id = swapped_.begin()->second;
    Life& life = state_.life(id);
    const int tokens = life.computed + state_.answer_tokens();
    if (!cache_.take(*life.request, tokens, life.held)) return;
    life.stage = Stage::kReturning;
    // What others share of its prompt is there.
    life.ready = copy(std::max(now, life.ready), life.computed - life.held.blocks * kPrefixBlock);
    swapped_.erase(swapped_.begin());
    returning_.insert(id);
  }
}

void Rank::take_returned(double now) {
  for (auto id = returning_.begin(); id != returning_.end();) {
    if (state_.life(*id).ready > now) {
      ++id;
      continue;
    }
    start_answer(*id, state_.life(*id).computed);
    id = returning_.erase(id);
  }
}

}  // namespace moesim
