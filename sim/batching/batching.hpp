// Which requests a rank computes in its next step.
//
// A policy sees how many requests a rank has and says what the next step may hold; who runs the
// steps (sim/serving) takes requests from the queue in its order, as long as the plan and the KV
// cache have room. So a policy knows neither the cache nor the order.
#pragma once

#include "sim/base/registry.hpp"

namespace moesim {

// A data-parallel rank before a step.
struct RankView {
  Seconds now;
  int waiting = 0;        // requests in its queue
  Seconds oldest;         // since when the first of them has waited
  int prompts = 0;        // requests that were admitted, and whose prompts are not computed yet
  int answers = 0;        // requests whose answers are under way
  int answer_tokens = 1;  // new tokens of each of those in a step: the next one and its drafts
  bool no_more = false;   // nothing else will arrive before this rank has computed something
};

struct BatchPlan {
  int requests = 0;       // admit while fewer are there: prompts and answers together
  int prompt_tokens = 0;  // new tokens of prompts in the step
  // A prompt is cut where prompt_tokens end. Otherwise it waits for a step that holds all of it;
  // but one that is longer than `longest`, which no step holds, is a step's only prompt.
  bool cut = false;
  int longest = 0;
  // Requests are admitted, up to `requests`, also when there are no tokens left for them.
  bool ahead = false;
  bool answers = true;       // take part; false: only where no prompt does
  Seconds until = kForever;  // where nothing is computed: plan again then, or when one arrives
};

class Batching {
 public:
  static constexpr const char* kRole = "batching";
  virtual ~Batching() = default;
  virtual BatchPlan plan(const RankView& rank) const = 0;
  // The most new tokens of a rank in a step, with so many of each answer; a prompt that is longer
  // than prompt_tokens and may not be cut is not counted.
  virtual int most_tokens(int answer_tokens) const = 0;
};

// `requests`: the most that run at a time.
Parameter batch_requests_parameter(const std::string& fallback, const std::string& doc);
// `tokens`: the most new tokens in a step.
Parameter batch_tokens_parameter(const std::string& fallback, const std::string& doc);

}  // namespace moesim
