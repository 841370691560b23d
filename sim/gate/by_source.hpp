// Gates that work on the tokens of one source GPU at a time.
#pragma once

#include <functional>

#include "sim/gate/logit_gate.hpp"

namespace moesim {

// `gate` of each source's logits, put together: as wide as the widest.
Gating gate_by_source(const GateInput& input, const std::function<Gating(const Logits&)>& gate);

}  // namespace moesim
