// Where a request is on its way through a deployment, and what all parts of the serving loop know.
#pragma once

#include <utility>
#include <vector>

#include "sim/model/serving_result.hpp"
#include "sim/serving/kv_cache.hpp"
#include "sim/serving/serving.hpp"
#include "sim/serving/token_gaps.hpp"

namespace moesim {

enum class Stage {
  kUnsent,
  kHomeless,    // no rank is alive that could have it
  kQueued,      // at a rank, which has nothing of it yet
  kPrompt,      // admitted; its prompt is being computed
  kKept,        // its prompt is computed, and there is no room for it where answers are
  kTravelling,  // its KV cache is on the way there
  kArrived,     // it is there, and not yet in a step
  kAnswer,      // its answer is under way
  kSwapped,     // its KV cache is in host memory
  kReturning,   // it is on the way back from there
  kDone
};

struct Life {
  const Request* request = nullptr;
  Stage stage = Stage::kUnsent;
  int pool = 0, rank = 0;  // that has it
  int answered = 0;        // tokens of its answer that are out; behind while it is in `answers`
  int computed = 0;        // tokens in its KV cache, but for an answer under way
  int found = 0;           // of them, tokens that were in the prefix cache
  bool begun = false;      // it was in a step
  HeldKv held;             // on its rank
  int next_rank = -1;      // of the second pool, on which there is room for it; −1: none yet
  HeldKv next_held;        // there
  double room_since = 0;   // when it got that room
  double since = 0;        // when it was queued; kept: when its prompt was computed
  double ready = 0;        // travelling, swapped, returning: when the copy ends
  double last_token = 0;   // when its last one came out
  double key = 0;          // of its place in the queue
  std::int64_t waiting_tokens = 0, waiting_pairs = 0;  // its part of the rank's RankLoad
  // Tokens to be computed before its next one comes out: its prompt and what it was answered.
  int target() const { return request->input + answered; }
};

// A request's place among those that were sent, and its id.
using SentAt = std::pair<double, int>;

// What the ranks of all pools share.
struct ServingState {
  const RequestList& list;
  const ServingSetup& setup;
  std::vector<Life> lives = {};  // [requests]
  ServingResult result = {};
  TokenGaps gaps = {};

  Life& life(int id) { return lives[static_cast<std::size_t>(id)]; }
  RequestRecord& record(int id) { return result.requests[static_cast<std::size_t>(id)]; }
  // Requests by the time at which they were sent, the first first: in a closed loop that is not the
  // order of their ids.
  SentAt sent_at(int id) const {
    return {result.requests[static_cast<std::size_t>(id)].arrival, id};
  }
  int answer_tokens() const { return 1 + setup.draft_tokens; }
  bool two_pools() const { return setup.pools.size() > 1; }
};

}  // namespace moesim
