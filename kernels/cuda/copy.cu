// Copies and passes over memory: what bandwidth there really is, and what a launch costs.
//
// What it computes. A copy by a chosen number of multiprocessors; a read, write or copy of memory
// by all of them; nothing at all. CPU reference. reference/copy.cpp. Simple version. One number a
// thread: too few bytes in flight to fill the memory's pipeline. Fast version (here). 16 bytes an
// access, four in flight for each thread, marked as read and written once (ld.cs, st.cs). The copy
// takes whole multiprocessors: each block asks for all shared memory of one, so that no two blocks,
// and no other kernel that uses shared memory, sit beside it. What limits it. Memory bandwidth; for
// few multiprocessors, the bytes that each has in flight.
#include "kernels/cuda/launches.hpp"
#include "kernels/dtype.hpp"

namespace moesim::kernels {
namespace {

constexpr int kThreads = 1024;
constexpr int kInFlight = 4;

template <MemoryPass kPass>
__device__ unsigned pass_over(const uint4* source, uint4* target, std::size_t count) {
  const std::size_t threads = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  unsigned mix = 0;
  for (std::size_t begin = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       begin < count; begin += kInFlight * threads) {
    uint4 values[kInFlight];
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) {
      values[i] = make_uint4(0, 0, 0, 0);
      const std::size_t at = begin + i * threads;
      if (kPass != MemoryPass::kWrite && at < count) values[i] = __ldcs(source + at);
    }
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) {
      const std::size_t at = begin + i * threads;
      if (kPass == MemoryPass::kRead)
        mix ^= values[i].x ^ values[i].y ^ values[i].z ^ values[i].w;
      else if (at < count)
        __stcs(target + at, values[i]);
    }
  }
  return mix;
}

__global__ void __launch_bounds__(kThreads)
    copy_kernel(const uint4* source, uint4* target, std::size_t count) {
  pass_over<MemoryPass::kCopy>(source, target, count);
}

template <MemoryPass kPass>
__global__ void __launch_bounds__(kThreads)
    pass_kernel(const uint4* source, uint4* target, std::size_t count) {
  const unsigned mix = pass_over<kPass>(source, target, count);
  if (kPass != MemoryPass::kRead) return;
  const unsigned of_warp = __reduce_xor_sync(0xffffffffu, mix);
  if (threadIdx.x % 32 == 0) atomicXor(reinterpret_cast<unsigned*>(target), of_warp);
}

__global__ void nothing_kernel() {}

__global__ void hold_kernel(long long cycles) {
  const long long begin = clock64();
  while (clock64() - begin < cycles) {
  }
}

}  // namespace

cudaError_t prepare_processor_copy(int shared_bytes) {
  return cudaFuncSetAttribute(copy_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                              shared_bytes);
}

void launch_processor_copy(const ProcessorCopyArguments& arguments, int shared_bytes,
                           cudaStream_t stream) {
  copy_kernel<<<arguments.processors, kThreads, shared_bytes, stream>>>(
      static_cast<const uint4*>(arguments.source), static_cast<uint4*>(arguments.target),
      arguments.bytes / sizeof(uint4));
}

void launch_memory_pass(const MemoryPassArguments& arguments, int processors, cudaStream_t stream) {
  const std::size_t count = arguments.bytes / sizeof(uint4);
  const std::size_t needed = (count + kThreads - 1) / kThreads;
  const std::size_t most = 2 * static_cast<std::size_t>(processors);
  const unsigned blocks = static_cast<unsigned>(needed < most ? needed : most);
  const auto* source = static_cast<const uint4*>(arguments.source);
  auto* target = static_cast<uint4*>(arguments.target);
  if (arguments.pass == MemoryPass::kRead)
    pass_kernel<MemoryPass::kRead><<<blocks, kThreads, 0, stream>>>(source, target, count);
  else if (arguments.pass == MemoryPass::kWrite)
    pass_kernel<MemoryPass::kWrite><<<blocks, kThreads, 0, stream>>>(source, target, count);
  else
    pass_kernel<MemoryPass::kCopy><<<blocks, kThreads, 0, stream>>>(source, target, count);
}

void launch_nothing(cudaStream_t stream) { nothing_kernel<<<1, 1, 0, stream>>>(); }

void launch_hold(cudaStream_t stream) { hold_kernel<<<1, 1, 0, stream>>>(200000); }

}  // namespace moesim::kernels
