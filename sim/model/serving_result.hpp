// What a serving run measured, before anybody derives a metric.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/model/request.hpp"

namespace moesim {

// A request's life. Times are seconds since the start of the run.
struct RequestRecord {
  int id = 0, kind = 0;  // `kind`: its RequestClass
  double arrival = 0;    // closed loop: when it was sent
  double admitted = 0;   // first token of it in a step begins
  double first_token = 0, end = 0;
  int input = 0, output = 0;
  int cached = 0;  // tokens of the prompt that the prefix cache had
  int preemptions = 0, retries = 0;
  int prefill_rank = 0, decode_rank = 0;  // of its pool; the last that served it
  // Seconds for which its KV cache, all computed, waited for room on a GPU that decodes.
  double kv_waited = 0;
  bool finished = false;  // false: the run ended before
  bool refused = false;   // longer than what a rank can hold: it was never served
};

// Inter-token latency: so many gaps between two successive tokens of a request were so long. Those
// of a step that are alike are one entry.
struct TokenGap {
  double seconds = 0;
  std::int64_t count = 0;
  double end = 0;  // when the later token was there
  int kind = 0;    // the requests' RequestClass
};

// A step of a pool, and how the pool stood when it began.
struct ServingStep {
  double begin = 0, end = 0;
  int prompt_tokens = 0, answer_tokens = 0;  // new ones, of all ranks
  int running = 0, waiting = 0;              // requests
  double kv_use = 0;                         // share of the KV pages that requests hold
  double gpu_max_over_mean = 1;              // expert load
  double stall = 0;                          // seconds of it
  double rank_tokens_max = 0;                // new tokens of the rank with the most
  int preemptions = 0;                       // of requests, when it was planned
};

struct PoolRecord {
  std::string name;  // "prefill", "decode", or "all"
  int gpus = 0, ranks = 0;
  std::int64_t kv_tokens = 0;  // that a rank's KV cache has room for
  std::vector<ServingStep> steps;
};

// What interpolated steps cost, and how far they are off.
struct StepCacheRecord {
  std::int64_t steps = 0;  // that were asked for
  int simulated = 0;       // for that
  // Of the steps that were simulated to see it: interpolated time over simulated time, minus 1; the
  // cell that they fall into is divided after that.
  std::vector<double> errors;
};

struct ServingResult {
  std::vector<RequestRecord> requests;  // [requests]
  std::vector<RequestClass> classes;
  std::vector<TokenGap> gaps;  // in the order of their ends
  std::vector<PoolRecord> pools;
  double seconds = 0;              // from 0 to the end of the last step
  std::vector<std::string> notes;  // things to read before trusting the numbers
};

}  // namespace moesim
