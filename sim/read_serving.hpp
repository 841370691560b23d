// Reads the sections of a scenario that serves requests: `requests`, what decides about them, and
// `serving`.
#pragma once

#include <vector>

#include "sim/model/scenario.hpp"

namespace moesim {

// The keys of `serving:`.
std::vector<Parameter> serving_parameters();

// The keys of `workload.step_cache`.
std::vector<Parameter> step_cache_parameters();

// The sections that choose a plug-in, which only a scenario with `requests` has.
std::vector<std::string> serving_roles();

// Reads them all into the scenario and its resolved tree, where `requests` is written; otherwise
// the others of them are mistakes. The model has been read.
void read_serving(const YamlNode& root, Scenario& scenario, Mistakes& mistakes);

// Reads the requests' files once. A mistake in what the requests are is one of the scenario, and so
// is a target of a class that none of them has.
void check_requests(Scenario& scenario, Mistakes& mistakes);

// `workload.tokens_per_gpu`; serving, where it is not written, what batching says, which is then
// written into the resolved tree. 0 where that is a mistake.
int read_tokens(const Arguments& workload, Scenario& scenario, Mistakes& mistakes);

// What fixed batches can and serving cannot.
void check_serving(const Arguments& workload, const Scenario& scenario, Mistakes& mistakes);

// `workload.step_cache`, on unless it is switched off; it is for serving.
void read_step_cache(const Arguments& workload, Scenario& scenario, Mistakes& mistakes);

}  // namespace moesim
