// Which link of a fill is full next: links by their level, the lowest first.
//
// What is stored may be lower than the level is by now, because levels grow while other links
// freeze: who takes the first link raises it and, if it is still first, goes on.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace moesim {

// With four children to each, the heap is half as deep as a binary one, and the lowest of them is
// found without guessing branches.
class LevelHeap {
 public:
  // A link is known by its place, below `places`.
  void clear(std::size_t places) {
    place_mask_ = std::bit_ceil(places) - 1;
    heap_.clear();
  }
  void add(std::size_t place, double rate) { heap_.push_back(level_of(rate, place)); }
  // After all were added.
  void start() {
    for (std::size_t at = (heap_.size() + 2) / 4; at-- > 0;) sift_down(at);
  }
  bool empty() const { return heap_.empty(); }
  std::size_t first() const { return heap_.front() & place_mask_; }
  double level_of_first() const { return std::bit_cast<double>(heap_.front() & ~place_mask_); }
  // Whether it rose, so that another may be the first.
  bool raise_first(double rate) {
    const std::uint64_t grown = level_of(rate, first());
    if (grown <= heap_.front()) return false;
    heap_.front() = grown;
    sift_down(0);
    return true;
  }
  void remove_first() {
    heap_.front() = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sift_down(0);
  }

 private:
  // The bits of a rate, which order like rates, with the place in the last ones.
  std::uint64_t level_of(double rate, std::uint64_t place) const {
    return (std::bit_cast<std::uint64_t>(rate) & ~place_mask_) | place;
  }
  // Lets a level sink to its place.
  void sift_down(std::size_t at) {
    const std::uint64_t moving = heap_[at];
    const std::size_t size = heap_.size();
    for (std::size_t child; (child = 4 * at + 1) < size; at = child) {
      if (child + 3 < size) {
        const std::size_t low = child + (heap_[child + 1] < heap_[child]);
        const std::size_t high = child + 2 + (heap_[child + 3] < heap_[child + 2]);
        child = heap_[high] < heap_[low] ? high : low;
      } else {
        for (std::size_t other = child + 1; other < size; ++other)
          if (heap_[other] < heap_[child]) child = other;
      }
      if (heap_[child] >= moving) break;
      heap_[at] = heap_[child];
    }
    heap_[at] = moving;
  }

  std::vector<std::uint64_t> heap_;
  std::uint64_t place_mask_ = 0;
};

}  // namespace moesim
