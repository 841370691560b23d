// A recorded trace, the whole of it, as the window that a placement is made for.
#pragma once

#include <string>

#include "sim/model/load_window.hpp"

namespace moesim {

// Of a trace in any form (sim/trace/convert.hpp). Tokens of a rank are those of the GPU with its
// number (modulo `gpus`); where ranks were not recorded, each GPU has a stretch of a step's tokens.
// What the recording does not tell (pairs and sources where there are only counts) stays empty.
// Throws InputError.
LoadWindow read_trace_window(const std::string& path, const WindowNeeds& needs, int gpus);

}  // namespace moesim
