// What offloading knows of routes that are not this layer's: of the profiling window before the
// run, of the next layers' gates, and, for a bound, of the whole run.
#pragma once

#include "sim/cache/expert_cache.hpp"
#include "sim/gated_trace.hpp"
#include "sim/model/scenario.hpp"
#include "sim/prefetch/prefetch.hpp"
#include "sim/trace/trace.hpp"

namespace moesim {

// From steps apart from those that are replayed.
PrefetchProfile offload_profile(const Scenario& scenario, const Trace& trace,
                                const PrefetchNeeds& needs);

// Routes as the gate has them, before the capacity: [source × expert].
ExpertCounts gate_counts(const Scenario& scenario, const GatedTrace& gates,
                         const Placement& placement, StepId step, LayerId layer,
                         RoutingDetail detail);

// Looked up in the routes of all steps.
ExpertCache::NextUse next_uses(const Scenario& scenario, const GatedTrace& gates,
                               const Placement& placement, RoutingDetail detail);

}  // namespace moesim
