// The measurements of a sweep: each a line of the measurement file without its results.
//
// Loads are drawn here, with the generators of `trace:`, so that the program that runs kernels is
// told the very tokens-per-expert vector, and so is whoever reads what it wrote.
#pragma once

#include <vector>

#include "analysis/json.hpp"
#include "analysis/profile_axes.hpp"

namespace moesim {

struct ProfileSweep {
  std::vector<Json> points;
  std::vector<std::string> left_out;  // generators that cannot serve a shape, a line each
};

// Every combination of the axes that has a meaning, once. Every beginning of the list is spread
// over the whole grid, so that a sweep that stops at its limit has measured a bit of everything.
//
// Keys of a point: kernel, and as far as they matter to it variant, dtype, cache, gate, mode,
// shape{…}, load (the generator and the seed) and rows [local_experts], the tokens of each expert
// of the GPU. The GPU is the one of its group with most tokens; `input_tokens` of the shape are the
// distinct tokens that it was sent. Throws InputError where a generator serves none of the shapes.
ProfileSweep profile_sweep(const ProfileAxes& axes);

}  // namespace moesim
