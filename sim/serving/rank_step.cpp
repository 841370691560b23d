// What a step brings to the requests of a rank.
#include "sim/serving/rank.hpp"

namespace moesim {

void Rank::end_step(double begin, double end, Departures& departures) {
  end_answers(begin, end, departures);
  end_prompts(end, departures);
}

void Rank::finish(int id, double end, Departures& departures) {
  Life& life = state_.life(id);
  cache_.release(*life.request, life.held);
  life.stage = Stage::kDone;
  life.answered = life.request->output;
  state_.record(id).end = end;
  state_.record(id).finished = true;
  departures.ended.push_back(id);
}

// Of the drafts that were computed with the answer's next token, those that are right. The draw
// belongs to the request and the token, so that it does not depend on who schedules it; a whole
// stream for each would take longer than the rest of the step.
int Rank::accepted(const Answer& answer) const {
  const int drafts = state_.setup.draft_tokens;
  if (drafts == 0) return 0;
  const double share = state_.setup.draft_acceptance;
  const std::uint64_t seed = state_.setup.random.seed();
  const auto bits =
      philox4x32({static_cast<std::uint32_t>(answer.id), static_cast<std::uint32_t>(answer.left),
                  static_cast<std::uint32_t>(Purpose::kServing), 0},
                 {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  const double draw = bits[0] * 0x1p-32;
  int right = 0;
  for (double chance = share; right < drafts && draw < chance; chance *= share) ++right;
  return right;
}

void Rank::end_answers(double begin, double end, Departures& departures) {
  if (!answering_) return;
  std::size_t kept = 0;
  // Of answers of a class that were in the step before.
  TokenGap usual{.seconds = end - begin, .end = end};
  for (std::size_t i = 0; i < answers_.size(); ++i) {
    Answer& answer = answers_[i];
    const int tokens = std::min(1 + accepted(answer), answer.left);
    if (answer.kind != usual.kind) {
      state_.gaps.add(usual);
      usual.count = 0;
      usual.kind = answer.kind;
    }
    if (answer.last == begin)
      ++usual.count;
    else
      state_.gaps.add({.seconds = end - answer.last, .count = 1, .end = end, .kind = answer.kind});
    // Drafts that are right come out with the answer's next token.
    if (tokens > 1)
      state_.gaps.add({.seconds = 0, .count = tokens - 1, .end = end, .kind = answer.kind});
    answer.last = end;
    answer.held += tokens;
    answer.left -= tokens;
    if (answer.left == 0)
      finish(answer.id, end, departures);
    else if (kept++ != i)
      answers_[kept - 1] = answer;
  }
  answers_.resize(kept);
  state_.gaps.add(usual);
}

void Rank::end_prompts(double end, Departures& departures) {
  for (const Part& part : parts_) {
    Life& life = state_.life(part.id);
    life.computed += part.tokens;
    cache_.share(*life.request, life.computed, life.held);
    count(life, life.computed);
    if (life.computed == life.target()) end_prompt(part.id, end, departures);
  }
  std::erase_if(prompts_, [&](int id) { return state_.life(id).stage != Stage::kPrompt; });
}

// The next token of the answer comes out of the last one of the prompt.
void Rank::end_prompt(int id, double end, Departures& departures) {
  Life& life = state_.life(id);
  if (life.answered == 0)
    state_.record(id).first_token = end;
  else
    state_.gaps.add(
        {.seconds = end - life.last_token, .count = 1, .end = end, .kind = life.request->kind});
  ++life.answered;
  life.last_token = end;
  if (life.answered == life.request->output) {
    finish(id, end, departures);
  } else if (kind_ == PoolKind::kPrefill) {
    life.stage = Stage::kKept;
    departures.prefixed.push_back(id);
  } else {
    start_answer(id, life.computed);
  }
}

std::vector<int> Rank::completing() const {
  std::vector<int> ids;
  for (const Part& part : parts_) {
    const Life& life = state_.lives[static_cast<std::size_t>(part.id)];
    if (life.computed + part.tokens == life.target() && life.answered + 1 < life.request->output)
      ids.push_back(part.id);
  }
  return ids;
}

void Rank::add_classes(std::vector<std::int64_t>& tokens) const {
  const auto at = [&](int kind) -> std::int64_t& { return tokens[static_cast<std::size_t>(kind)]; };
  if (answering_)
    for (const Answer& answer : answers_) at(answer.kind) += state_.answer_tokens();
  for (const Part& part : parts_)
    at(state_.lives[static_cast<std::size_t>(part.id)].request->kind) += part.tokens;
}

}  // namespace moesim
