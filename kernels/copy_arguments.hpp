// Moving bytes, and what a launch costs: the probes that bound every other kernel.
//
// The arguments only: nothing here is slow to compile, since every CUDA file reads it.
#pragma once

#include <cstddef>

namespace moesim::kernels {

enum class CopyPath {
  kDeviceToDevice,
  kHostToDevice,  // an expert's weights fetched from host memory
  kDeviceToHost,
};

// By the copy engine (cudaMemcpyAsync), which takes no multiprocessor from other work.
struct CopyArguments {
  CopyPath path = CopyPath::kDeviceToDevice;
  std::size_t bytes = 0;  // above 0
  const void* source = nullptr;
  void* target = nullptr;  // does not overlap the source
};

// By multiprocessors: one thread block on each of `processors` of them. What a communication kernel
// does to compute beside it. On a CPU: that many threads.
struct ProcessorCopyArguments {
  std::size_t bytes = 0;  // a multiple of 16, above 0; both ends 16-byte aligned
  int processors = 0;     // 1 .. facts().processors
  const void* source = nullptr;
  void* target = nullptr;
};

enum class MemoryPass { kRead, kWrite, kCopy };

// One pass over device memory with the whole device: what bandwidth the memory really has. Bytes
// moved: `bytes` for kRead and kWrite, twice that for kCopy.
struct MemoryPassArguments {
  MemoryPass pass = MemoryPass::kRead;
  std::size_t bytes = 0;         // a multiple of 16, above 0; both ends 16-byte aligned
  const void* source = nullptr;  // kRead, kCopy
  // kCopy, kWrite (zeros): [bytes]. kRead: 16 bytes, of which the first four are combined by
  // exclusive or with every 32-bit word of the source, so that no read can be left out.
  void* target = nullptr;
};

}  // namespace moesim::kernels
