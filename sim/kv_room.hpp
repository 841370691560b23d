// Room for the KV cache of requests: what weights, buffers, activations and the reserve leave.
#pragma once

#include <cstdint>

#include "sim/stretch.hpp"

namespace moesim {

// Tokens that the KV cache of each rank of the pool has room for, where sequences have a mean of
// `mean_tokens`: the fullest GPU decides, with the workload's most tokens in a step. Throws
// InputError where there is none.
std::int64_t kv_room(const Stretch& stretch, double mean_tokens);

}  // namespace moesim
