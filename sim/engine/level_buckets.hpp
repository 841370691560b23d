// What level_heap.hpp does, in a few operations a link: links whose levels differ by less than a
// 500th are in one bucket, and come in any order.
//
// Buckets are numbered by the first bits of a level, from that of the lowest one on. The last one
// is for all that are far above: when it is reached, its links are spread over the buckets anew.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace moesim {

class LevelBuckets {
 public:
  static constexpr double kWidth = 1.0 / 512;  // of a bucket, at most; a ratio of levels

  void clear(std::size_t places) {
    left_ = 0;
    added_.clear();
    next_.resize(std::max(next_.size(), places));
    bands_.resize(std::max(bands_.size(), places));
  }
  void add(std::size_t place, double rate) {
    bands_[place] = band_of(rate);
    added_.push_back(static_cast<std::uint32_t>(place));
  }
  void start() {
    left_ = added_.size();
    spread();
  }
  bool empty() const { return left_ == 0; }
  std::size_t first() {
    while (full_[bucket_ / 64] >> (bucket_ % 64) == 0) bucket_ = bucket_ / 64 * 64 + 64;
    bucket_ += static_cast<std::size_t>(std::countr_zero(full_[bucket_ / 64] >> (bucket_ % 64)));
    if (bucket_ < kLast) return heads_[bucket_];
    while (full_[kLast / 64] >> (kLast % 64) != 0) added_.push_back(take_head());
    spread();
    return first();
  }
  double level_of_first() const {
    return std::bit_cast<double>(bands_[heads_[bucket_]] << kDropped);
  }
  bool raise_first(double rate) {
    const std::uint64_t band = band_of(rate);
    if (band <= lowest_ + bucket_) return false;
    const std::uint32_t place = take_head();
    bands_[place] = band;
    put(place);
    return true;
  }
  void remove_first() {
    take_head();
    --left_;
  }

 private:
  static constexpr int kDropped = 43;  // bits of a double, so that nine of its fraction are left
  static constexpr std::size_t kLast = (1u << 12) - 1;  // eight octaves
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  static std::uint64_t band_of(double rate) {
    return rate > 0 ? std::bit_cast<std::uint64_t>(rate) >> kDropped : 0;
  }
  // Puts all that were added into buckets.
  void spread() {
    full_.fill(0);
    bucket_ = 0;
    lowest_ = ~std::uint64_t{0};
    for (const std::uint32_t place : added_) lowest_ = std::min(lowest_, bands_[place]);
    for (const std::uint32_t place : added_) put(place);
    added_.clear();
  }
  void put(std::uint32_t place) {
    const std::size_t bucket = std::min<std::uint64_t>(bands_[place] - lowest_, kLast);
    std::uint64_t& full = full_[bucket / 64];
    // Nobody could guess a branch here.
    const std::uint32_t head = heads_[bucket];
    next_[place] = (full >> (bucket % 64) & 1) != 0 ? head : kNone;
    heads_[bucket] = place;
    full |= std::uint64_t{1} << (bucket % 64);
  }
  // Out of the bucket that is reached, which is not empty.
  std::uint32_t take_head() {
    const std::uint32_t place = heads_[bucket_], next = next_[place];
    heads_[bucket_] = next;
    full_[bucket_ / 64] ^= std::uint64_t{next == kNone} << (bucket_ % 64);
    return place;
  }

  std::vector<std::uint32_t> added_;  // and still to be put into a bucket
  std::vector<std::uint64_t> bands_;  // [places] first bits of the level
  std::vector<std::uint32_t> next_;   // [places] in the same bucket
  std::array<std::uint32_t, kLast + 1> heads_{};
  std::array<std::uint64_t, (kLast + 1) / 64> full_{};  // a bit for each bucket
  std::size_t bucket_ = 0;                              // the first that may be full
  std::uint64_t lowest_ = 0;                            // band of bucket 0
  std::size_t left_ = 0;                                // links
};

}  // namespace moesim
