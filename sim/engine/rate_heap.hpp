// A binary heap of link levels with the lowest rate on top.
#pragma once

#include <cstddef>
#include <vector>

namespace moesim {

// Lets an element of a heap with the lowest rate on top sink to its place.
template <class Level>
void sift_down(std::vector<Level>& heap, std::size_t at) {
  const Level moving = heap[at];
  for (std::size_t child; (child = 2 * at + 1) < heap.size(); at = child) {
    if (child + 1 < heap.size() && heap[child + 1].rate < heap[child].rate) ++child;
    if (heap[child].rate >= moving.rate) break;
    heap[at] = heap[child];
  }
  heap[at] = moving;
}

}  // namespace moesim
