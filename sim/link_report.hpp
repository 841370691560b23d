// What the links of a cluster carried: by class, by name, by phase.
#pragma once

#include <span>

#include "sim/engine/engine.hpp"
#include "sim/model/run_result.hpp"

namespace moesim {

// Over `time`, in which `steps` steps ran.
LinkReport report_links(const LinkUses& uses, const Cluster& cluster, Seconds time, int steps);
// LinkReport::all of it, for uses of any phases.
std::vector<LinkRecord> all_links(std::span<const LinkUse> uses, const Cluster& cluster,
                                  Seconds time, int steps);

}  // namespace moesim
