#include "sim/engine/grid_kernels.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace moesim {
namespace {

bool widen_portable(std::size_t ports, const FillWindow& window, const PortArrays& of) {
  bool any = false;
  for (std::size_t port = 0; port < ports; ++port) {
    double credit = of.flows[port] + of.others[port] > 0 ? of.credit[port] : 0;
    const double extra = take_credit(credit, of.capacity[port], window);
    of.credit[port] = credit;
    of.spare[port] = of.capacity[port] + extra;
    any = any || extra != 0;
  }
  return any;
}

void take_portable(std::size_t ports, const std::uint8_t* flows, double rate, double* spare,
                   double* open) {
  for (std::size_t port = 0; port < ports; ++port) {
    if ((flows[port / kLanes] >> (port % kLanes) & 1) == 0) continue;
    spare[port] -= rate;
    open[port] -= 1;
  }
}

std::size_t move_portable(std::size_t ports, const double* levels, double level, double reach,
                          double step, double* left, int* ending) {
  std::size_t ends = 0;
  for (std::size_t port = 0; port < ports; ++port) {
    const double rate = std::min(level, levels[port]);
    if (left[port] > rate * reach) {
      left[port] -= rate * step;
    } else if (left[port] > 0) {
      ending[ends++] = static_cast<int>(port);
    }
  }
  return ends;
}

#if defined(__x86_64__)

// Appends `first` + the place of each bit that is set.
std::size_t list_bits(unsigned bits, std::size_t first, std::size_t ends, int* ending) {
  for (; bits != 0; bits &= bits - 1)
    ending[ends++] = static_cast<int>(first) + std::countr_zero(bits);
  return ends;
}

// The most credit that a window does not forgive.
double most_kept(const FillWindow& window) {
  return window.seconds > 0 ? std::numeric_limits<double>::infinity() : 0;
}

__attribute__((target("avx2"))) bool widen_avx2(std::size_t ports, const FillWindow& window,
                                                const PortArrays& of) {
  const __m256d none = _mm256_setzero_pd(), most = _mm256_set1_pd(most_kept(window));
  const __m256d seconds = _mm256_set1_pd(window.seconds);
  const __m256d per_second = _mm256_set1_pd(window.per_second);
  __m256d any = none;
  for (std::size_t port = 0; port < ports; port += 4) {
    const __m256d flows =
        _mm256_add_pd(_mm256_load_pd(of.flows + port), _mm256_load_pd(of.others + port));
    const __m256d capacity = _mm256_load_pd(of.capacity + port);
    const __m256d credit =
        _mm256_and_pd(_mm256_load_pd(of.credit + port), _mm256_cmp_pd(flows, none, _CMP_GT_OQ));
    const __m256d limit = _mm256_mul_pd(_mm256_set1_pd(0.5), capacity);
    const __m256d wanted = _mm256_mul_pd(credit, per_second);
    const __m256d extra = _mm256_min_pd(_mm256_max_pd(wanted, _mm256_sub_pd(none, limit)), limit);
    _mm256_store_pd(of.credit + port,
                    _mm256_sub_pd(_mm256_min_pd(credit, most), _mm256_mul_pd(extra, seconds)));
    _mm256_store_pd(of.spare + port, _mm256_add_pd(capacity, extra));
    any = _mm256_or_pd(any, _mm256_cmp_pd(extra, none, _CMP_NEQ_OQ));
  }
  return _mm256_movemask_pd(any) != 0;
}

// For each number of four bits, a lane all ones for each bit that is set.
struct FourLanes {
  std::int64_t lanes[16][4] = {};
  constexpr FourLanes() {
    for (int bits = 0; bits < 16; ++bits)
      for (int lane = 0; lane < 4; ++lane) lanes[bits][lane] = -(bits >> lane & 1);
  }
};
alignas(64) constexpr FourLanes kFourLanes;

__attribute__((target("avx2"))) void take_avx2(std::size_t ports, const std::uint8_t* flows,
                                               double rate, double* spare, double* open) {
  const __m256d rates = _mm256_set1_pd(rate), ones = _mm256_set1_pd(1);
  for (std::size_t port = 0; port < ports; port += 4) {
    const unsigned bits = flows[port / kLanes] >> (port % kLanes) & 15u;
    const __m256d has = _mm256_load_pd(reinterpret_cast<const double*>(kFourLanes.lanes[bits]));
    const __m256d used = _mm256_and_pd(rates, has), one = _mm256_and_pd(ones, has);
    _mm256_store_pd(spare + port, _mm256_sub_pd(_mm256_load_pd(spare + port), used));
    _mm256_store_pd(open + port, _mm256_sub_pd(_mm256_load_pd(open + port), one));
  }
}

__attribute__((target("avx2"))) std::size_t move_avx2(std::size_t ports, const double* levels,
                                                      double level, double reach, double step,
                                                      double* left, int* ending) {
  const __m256d own = _mm256_set1_pd(level), steps = _mm256_set1_pd(step);
  const __m256d reaches = _mm256_set1_pd(reach), none = _mm256_setzero_pd();
  std::size_t ends = 0;
  for (std::size_t port = 0; port < ports; port += 4) {
    const __m256d rate = _mm256_min_pd(own, _mm256_load_pd(levels + port));
    const __m256d bytes = _mm256_load_pd(left + port);
    const __m256d goes_on = _mm256_cmp_pd(bytes, _mm256_mul_pd(rate, reaches), _CMP_GT_OQ);
    const __m256d flows = _mm256_cmp_pd(bytes, none, _CMP_GT_OQ);
    const __m256d moved = _mm256_and_pd(_mm256_mul_pd(rate, steps), goes_on);
    _mm256_store_pd(left + port, _mm256_sub_pd(bytes, moved));
    const int bits = _mm256_movemask_pd(_mm256_andnot_pd(goes_on, flows));
    ends = list_bits(static_cast<unsigned>(bits), port, ends, ending);
  }
  return ends;
}

__attribute__((target("avx512f"))) bool widen_avx512(std::size_t ports, const FillWindow& window,
                                                     const PortArrays& of) {
  const __m512d none = _mm512_setzero_pd(), most = _mm512_set1_pd(most_kept(window));
  const __m512d seconds = _mm512_set1_pd(window.seconds);
  const __m512d per_second = _mm512_set1_pd(window.per_second);
  unsigned any = 0;
  for (std::size_t port = 0; port < ports; port += 8) {
    const __m512d flows =
        _mm512_add_pd(_mm512_load_pd(of.flows + port), _mm512_load_pd(of.others + port));
    const __m512d capacity = _mm512_load_pd(of.capacity + port);
    const __m512d credit =
        _mm512_maskz_load_pd(_mm512_cmp_pd_mask(flows, none, _CMP_GT_OQ), of.credit + port);
    const __m512d limit = _mm512_mul_pd(_mm512_set1_pd(0.5), capacity);
    const __m512d wanted = _mm512_mul_round_pd(credit, per_second, _MM_FROUND_CUR_DIRECTION);
    const __m512d extra = _mm512_min_pd(_mm512_max_pd(wanted, _mm512_sub_pd(none, limit)), limit);
    const __m512d given = _mm512_mul_round_pd(extra, seconds, _MM_FROUND_CUR_DIRECTION);
    _mm512_store_pd(of.credit + port, _mm512_sub_pd(_mm512_min_pd(credit, most), given));
    _mm512_store_pd(of.spare + port, _mm512_add_pd(capacity, extra));
    any |= _mm512_cmp_pd_mask(extra, none, _CMP_NEQ_OQ);
  }
  return any != 0;
}

__attribute__((target("avx512f"))) void take_avx512(std::size_t ports, const std::uint8_t* flows,
                                                    double rate, double* spare, double* open) {
  const __m512d rates = _mm512_set1_pd(rate), ones = _mm512_set1_pd(1);
  for (std::size_t port = 0; port < ports; port += 8) {
    const __mmask8 has = flows[port / kLanes];
    const __m512d left = _mm512_load_pd(spare + port), count = _mm512_load_pd(open + port);
    _mm512_store_pd(spare + port, _mm512_mask_sub_pd(left, has, left, rates));
    _mm512_store_pd(open + port, _mm512_mask_sub_pd(count, has, count, ones));
  }
}

__attribute__((target("avx512f"))) std::size_t move_avx512(std::size_t ports, const double* levels,
                                                           double level, double reach, double step,
                                                           double* left, int* ending) {
  const __m512d own = _mm512_set1_pd(level), steps = _mm512_set1_pd(step);
  const __m512d reaches = _mm512_set1_pd(reach), none = _mm512_setzero_pd();
  std::size_t ends = 0;
  for (std::size_t port = 0; port < ports; port += 8) {
    const __m512d rate = _mm512_min_pd(own, _mm512_load_pd(levels + port));
    const __m512d bytes = _mm512_load_pd(left + port);
    const __m512d limit = _mm512_mul_round_pd(rate, reaches, _MM_FROUND_CUR_DIRECTION);
    const __mmask8 goes_on = _mm512_cmp_pd_mask(bytes, limit, _CMP_GT_OQ);
    const __mmask8 flows = _mm512_cmp_pd_mask(bytes, none, _CMP_GT_OQ);
    const __m512d moved = _mm512_mul_round_pd(rate, steps, _MM_FROUND_CUR_DIRECTION);
    _mm512_mask_store_pd(left + port, goes_on, _mm512_sub_pd(bytes, moved));
    ends = list_bits(flows & ~static_cast<unsigned>(goes_on), port, ends, ending);
  }
  return ends;
}

#endif

std::vector<GridKernels> choose() {
  std::vector<GridKernels> kernels;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") > 0)
    kernels.push_back({.widen = widen_avx512, .take = take_avx512, .move = move_avx512});
  if (__builtin_cpu_supports("avx2") > 0)
    kernels.push_back({.widen = widen_avx2, .take = take_avx2, .move = move_avx2});
#endif
  kernels.push_back({.widen = widen_portable, .take = take_portable, .move = move_portable});
  return kernels;
}

}  // namespace

std::span<const GridKernels> grid_kernels() {
  static const std::vector<GridKernels> kernels = choose();
  return kernels;
}

}  // namespace moesim
