// What `moesim profile` is to measure, as a file of axes says (presets in scenarios/profiles).
#pragma once

#include <string>
#include <vector>

#include "sim/base/registry.hpp"

namespace moesim {

// The MoE layer that a kernel is measured for.
struct ProfileShape {
  int hidden = 0;
  int width = 0;  // of an expert
  int experts = 0;
  int top_k = 0;
  int matrices = 3;
  bool operator==(const ProfileShape&) const = default;
};

struct GemmShape {
  int n = 0, k = 0;  // C[m,n] = A[m,k] · B[k,n]; m is the number of tokens
};

struct ProfileAxes {
  std::vector<std::string> kernels;
  std::vector<ProfileShape> shapes;
  std::vector<GemmShape> gemms;
  std::vector<int> tokens;         // of the whole expert-parallel group
  std::vector<int> local_experts;  // of the GPU; where it does not divide the experts, left out
  std::vector<std::string> dtypes, variants, gates, caches;
  std::vector<Choice> skews;  // generators of `trace:`
  std::vector<Bytes> sizes;   // of copies, memory passes and collectives
  std::vector<int> copy_sms;
  double noise = 0.01;  // half width of the median's 95 % interval to stop at, as a ratio
  Seconds time_limit;   // of the whole sweep
  std::uint64_t seed = 1;
  YamlNode resolved;  // every axis, defaults too
};

// What `kernels` may name; by these names `moesim calibrate` knows the samples.
std::vector<std::string> profile_kernels();

// Declared keys of a file of axes.
std::vector<Parameter> profile_parameters();

// `section` is a preset's name, a path, or a map, which may build on `preset:`. Throws InputError
// with every mistake.
ProfileAxes read_profile_axes(const YamlNode& section);

}  // namespace moesim
