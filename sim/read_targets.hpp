// Reads from the section `serving` which latencies count as served well, and which requests count.
#pragma once

#include <vector>

#include "sim/base/parameter.hpp"
#include "sim/model/request.hpp"
#include "sim/model/service_targets.hpp"

namespace moesim {

// The keys of the section that are of targets.
const std::vector<Parameter>& target_parameters();

// What a class does not say of its own is as for all.
ServiceTargets read_targets(const Arguments& section, Mistakes& mistakes);

// Targets of a class that no request has are mistakes.
void check_targets(const ServiceTargets& targets, const std::vector<RequestClass>& classes,
                   Mistakes& mistakes);

}  // namespace moesim
