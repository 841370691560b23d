// What the conditions of a step do to its routes, before and after the gate.
#pragma once

#include "sim/base/random.hpp"
#include "sim/model/conditions.hpp"
#include "sim/model/routing.hpp"

namespace moesim {

struct RoutingPlace {
  StepId step;
  LayerId layer;
  Random random{0};
};

// What the gate is to see: fewer routes a token where k is smaller than recorded; logits over the
// temperature, with noise, and −∞ for masked experts (but for those whose routes are dropped).
void apply_before_gate(Routing& routing, const Conditions& conditions, const RoutingPlace& place);

// Of experts that could not be asked for: to another expert, and to none.
struct MaskedRoutes {
  std::int64_t redirected = 0, lost = 0;
};

// No route to a masked expert is left: each goes to the best expert that the token does not have
// yet, where there are logits; else to one drawn by the routes that the source's others have; or it
// is lost. Weights stay.
MaskedRoutes apply_after_gate(Routing& routing, const Conditions& conditions,
                              const RoutingPlace& place);

}  // namespace moesim
