// A heap of link levels with the lowest on top. With four children to each, it is half as deep as a
// binary one, and the lowest of them is found without guessing branches.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace moesim {

// Lets a level of a heap sink to its place.
inline void sift_down(std::vector<std::uint64_t>& heap, std::size_t at) {
  const std::uint64_t moving = heap[at];
  const std::size_t size = heap.size();
  for (std::size_t child; (child = 4 * at + 1) < size; at = child) {
    if (child + 3 < size) {
      const std::size_t low = child + (heap[child + 1] < heap[child]);
      const std::size_t high = child + 2 + (heap[child + 3] < heap[child + 2]);
      child = heap[high] < heap[low] ? high : low;
    } else {
      for (std::size_t other = child + 1; other < size; ++other)
        if (heap[other] < heap[child]) child = other;
    }
    if (heap[child] >= moving) break;
    heap[at] = heap[child];
  }
  heap[at] = moving;
}

inline void make_heap(std::vector<std::uint64_t>& heap) {
  for (std::size_t at = (heap.size() + 2) / 4; at-- > 0;) sift_down(heap, at);
}

}  // namespace moesim
