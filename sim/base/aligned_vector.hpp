// Arrays that begin on a cache line, so that loops over vectors of numbers never straddle two.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace moesim {

inline constexpr std::size_t kCacheLine = 64;  // bytes

template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t(kCacheLine)));
  }
  void deallocate(T* at, std::size_t) { ::operator delete(at, std::align_val_t(kCacheLine)); }
  bool operator==(const AlignedAllocator&) const { return true; }
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

}  // namespace moesim
