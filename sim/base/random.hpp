// Counter-based random streams: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011).
//
// A stream is named by (seed, purpose, a, b, c), e.g. (1, routing, step, layer, gpu), and depends
// on nothing else. So two policies that are compared see the same draws, and the order in which
// streams are used, or by which process, does not matter.
#pragma once

#include <array>
#include <cstdint>

namespace moesim {

enum class Purpose : std::uint32_t {
  kPopularity = 1,  // which experts are hot
  kRouting = 2,     // routes of one (step, layer, source)
  kPlacement = 3,
  kReplica = 4,
  kCapacity = 5,
  kGate = 6,
  kJitter = 7,
  kValidation = 8,  // Monte Carlo over a documented load generator
  kPeerOrder = 9,   // of an all-to-all's senders
  kPrefetch = 11,
  kLengths = 12,  // of sequences
  kArrivals = 13,
  kRequests = 14,  // classes and lengths of requests
  kServing = 15,   // drafts that are right, order and routing of requests
};

// One stream of numbers.
class Rng {
 public:
  Rng(std::uint64_t seed, Purpose purpose, std::uint32_t a = 0, std::uint32_t b = 0,
      std::uint32_t c = 0);

  // Uniform over all 32-bit values.
  std::uint32_t next() {
    if (used_ == kBuffered) refill();
    return buffer_[used_++];
  }
  double uniform();               // [0, 1), 53 bits
  double normal();                // N(0, 1), ziggurat
  int below(int count);           // uniform over 0 .. count-1, unbiased; count > 0
  int binomial(int n, double p);  // successes in n trials

 private:
  static constexpr std::size_t kBuffered = 16;  // a few blocks at a time are cheaper
  void refill();

  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, kBuffered> buffer_{};
  std::size_t used_ = kBuffered;
};

// The seed of a run, from which every stream is made.
class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  Rng stream(Purpose purpose, int a = 0, int b = 0, int c = 0) const {
    return Rng(seed_, purpose, static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(c));
  }
  std::uint64_t seed() const { return seed_; }

 private:
  std::uint64_t seed_ = 0;
};

// One block of Philox 4x32-10, for tests against the published vectors.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

}  // namespace moesim
