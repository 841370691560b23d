// Tensors in the safetensors format: the length of a JSON header as 8 bytes, the header with the
// type, shape and place of each tensor, and the numbers (huggingface/safetensors, README).
#pragma once

#include <map>
#include <string>

#include "sim/base/error.hpp"
#include "sim/trace/npy.hpp"

namespace moesim {

// By name; bfloat16 becomes float32. Throws InputError at `spot`: cut off, damaged, or numbers of a
// type that we do not read.
std::map<std::string, NpyArray> parse_safetensors(std::string_view bytes, const Spot& spot);

}  // namespace moesim
