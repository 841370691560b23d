// The largest batch whose memory fits, found without simulating.
#pragma once

#include "sim/model/memory.hpp"

namespace moesim {

struct LargestBatch {
  int tokens_per_gpu = 0;  // 0: not even one fits
  int unit = 1;  // the answer's steps in tokens: a prompt in prefill, if one fits; else an answer's
                 // token, with its drafts
  int fixed = 0;          // tokens that are not of these units: of prompts in a mixed batch
  bool fits_now = false;  // the scenario's own batch
  GpuId gpu;              // the fullest at that batch, or with one token if none fits
  MemoryUse use;          // its memory
  MemoryUse next;         // with one unit more
  std::string way_out;    // what would fit where not one token does
};

// `scenario` with any tokens_per_gpu in place of its own; maps, buffers and events as a run has
// them. No batch above 2²⁴ tokens is looked at. Throws InputError as simulate does.
LargestBatch largest_batch(const Scenario& scenario);

}  // namespace moesim
