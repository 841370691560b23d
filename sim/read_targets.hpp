// Reads the section `slo`: what latencies count as served well.
#pragma once

#include <vector>

#include "sim/base/parameter.hpp"
#include "sim/model/request.hpp"
#include "sim/model/service_targets.hpp"

namespace moesim {

// The keys of the section.
const std::vector<Parameter>& target_parameters();

// What a class does not say of its own is as for all. The warm-up is not read here.
ServiceTargets read_targets(const Arguments& section, Mistakes& mistakes);

// Throws InputError where targets are of a class that no request has.
void check_targets(const ServiceTargets& targets, const std::vector<RequestClass>& classes);

}  // namespace moesim
