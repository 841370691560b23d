// IEEE 754 half precision, for compilers and processors that have no such type.
#pragma once

#include <cstdint>

namespace moesim {

float half_to_float(std::uint16_t half);   // exact
std::uint16_t float_to_half(float value);  // rounds to nearest, ties to even

}  // namespace moesim
