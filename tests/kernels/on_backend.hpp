// A test that runs on each fast backend and compares it with cpu_reference: instantiated as Cpu for
// every machine and as Gpu, which skips where there is no GPU.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/backend.hpp"

namespace moesim::kernels {

class OnBackend : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::string why;
    if (std::string(GetParam()) == "cuda" && !has_gpu(&why)) GTEST_SKIP() << why;
    fast_ = make_backend(GetParam());
    reference_ = make_backend("cpu_reference");
  }

  Backend fast_, reference_;
};

// Independent normal numbers with the deviation.
inline std::vector<float> normals(std::size_t count, unsigned seed, float deviation = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

inline std::vector<Bf16> bf16_normals(std::size_t count, unsigned seed, float deviation = 1) {
  std::vector<Bf16> values;
  for (const float value : normals(count, seed, deviation)) values.push_back(to_bf16(value));
  return values;
}

inline std::vector<float> widened(const std::vector<Bf16>& values) {
  std::vector<float> floats;
  for (const Bf16 value : values) floats.push_back(to_float(value));
  return floats;
}

// k different experts for each token, none where `dropped` says so: [tokens x k].
inline std::vector<std::int32_t> random_ids(int tokens, int top_k, int experts, unsigned seed,
                                            double dropped = 0) {
  std::mt19937 generator(seed);
  std::vector<std::int32_t> deck(experts), ids;
  for (int e = 0; e < experts; ++e) deck[e] = e;
  for (int token = 0; token < tokens; ++token)
    for (int j = 0; j < top_k; ++j) {
      std::swap(deck[j], deck[j + generator() % (experts - j)]);
      ids.push_back(generator() % 1000 < dropped * 1000 ? -1 : deck[j]);
    }
  return ids;
}

template <typename T>
Buffer upload(const Backend& backend, const std::vector<T>& values) {
  return backend.device->make(std::span<const T>(values));
}

template <typename T>
Buffer room_for(const Backend& backend, std::size_t count) {
  return backend.device->allocate(count * sizeof(T));
}

inline std::string backend_case(const testing::TestParamInfo<const char*>& info) {
  return info.param;
}

}  // namespace moesim::kernels

#define MOESIM_ON_ALL_BACKENDS(suite)                                                            \
  INSTANTIATE_TEST_SUITE_P(Cpu, suite, testing::Values("cpu"), ::moesim::kernels::backend_case); \
  INSTANTIATE_TEST_SUITE_P(Gpu, suite, testing::Values("cuda"), ::moesim::kernels::backend_case)
