// The part of `moesim validate` that predicts published deployments.
#pragma once

#include <string>
#include <vector>

#include "sim/cli/flags.hpp"

namespace moesim {

// `files`: validation cases, or none for all that are shipped. Prints predicted, published, error,
// and what is not modelled; with `markdown` the table of README. The exit code: 1 where a point is
// further off than its case allows.
int validate_published(const std::vector<std::string>& files, bool json, bool markdown, int jobs);

}  // namespace moesim
