// Three requests in ten seconds, of two classes, on one pool of four GPUs: small enough to work out
// by hand.
#pragma once

#include "sim/model/serving_result.hpp"

namespace moesim {

inline ServingResult three_requests() {
  ServingResult result{.classes = {{.name = "chat"}, {.name = "batch"}}, .seconds = 10};
  result.requests = {{.id = 0,
                      .kind = 0,
                      .arrival = 0,
                      .admitted = 0,
                      .first_token = 1,
                      .end = 3,
                      .input = 100,
                      .output = 3,
                      .finished = true},
                     {.id = 1,
                      .kind = 0,
                      .arrival = 1,
                      .admitted = 1,
                      .first_token = 3,
                      .end = 9,
                      .input = 200,
                      .output = 4,
                      .cached = 50,
                      .preemptions = 1,
                      .decode_rank = 1,
                      .kv_waited = 0.5,
                      .finished = true},
                     {.id = 2,
                      .kind = 1,
                      .arrival = 2,
                      .admitted = 4,
                      .first_token = 5,
                      .end = 5,
                      .input = 100,
                      .output = 1,
                      .retries = 2,
                      .finished = true}};
  for (const double end : {2.0, 3.0}) result.gaps.push_back({.seconds = 1, .count = 1, .end = end});
  for (const double end : {5.0, 7.0, 9.0})
    result.gaps.push_back({.seconds = 2, .count = 1, .end = end});
  result.pools = {{.name = "all",
                   .gpus = 4,
                   .ranks = 2,
                   .steps = {{.begin = 0,
                              .end = 1,
                              .prompt_tokens = 100,
                              .running = 1,
                              .kv_use = 0.1,
                              .gpu_max_over_mean = 1},
                             {.begin = 1,
                              .end = 3,
                              .prompt_tokens = 150,
                              .answer_tokens = 2,
                              .running = 2,
                              .waiting = 1,
                              .kv_use = 0.4,
                              .gpu_max_over_mean = 2,
                              .stall = 0.5,
                              .preemptions = 1},
                             {.begin = 5,
                              .end = 9,
                              .answer_tokens = 3,
                              .running = 1,
                              .kv_use = 0.2,
                              .gpu_max_over_mean = 1.5}}}};
  return result;
}

}  // namespace moesim
