// The report of a sweep, from its SQLite file (analysis/sweep/sweep_store.hpp).
#pragma once

#include <filesystem>

#include "analysis/json.hpp"

namespace moesim {

// The report document; report_page() makes the page of it. Throws InputError where the file is no
// sweep's.
Json sweep_report(const std::filesystem::path& path);

}  // namespace moesim
