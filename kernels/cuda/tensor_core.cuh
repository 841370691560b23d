// The instructions of the grouped GEMM: asynchronous copies, ldmatrix, mma.
#pragma once

#include <cstdint>

namespace moesim::kernels {

// 16 bytes from global to shared memory, asynchronously; zeros where not `valid` (the source must
// still be an address that exists).
__device__ inline void copy_chunk(std::uint32_t target, const void* source, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(target), "l"(source),
               "r"(valid ? 16 : 0)
               : "memory");
}

__device__ inline void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most `kPending` of this thread's latest groups of copies are under way.
template <int kPending>
__device__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

// Four matrices of 8 rows x 16 bytes; lanes 8 i .. 8 i + 7 name the rows of matrix i.
__device__ inline void load_matrices(std::uint32_t address, std::uint32_t (&registers)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
               : "r"(address)
               : "memory");
}

// sums[16 x 8] += a[16 x 16] b[16 x 8] in bf16. Lane l has sums of row l / 4 (0, 1) and l / 4 + 8
// (2, 3), columns 2 (l % 4) and the next.
__device__ inline void multiply_bf16(const std::uint32_t (&a)[4], std::uint32_t b0,
                                     std::uint32_t b1, float (&sums)[4]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// sums[16 x 8] += a[16 x 32] b[32 x 8] in fp8 e4m3; compute capability 8.9.
__device__ inline void multiply_fp8(const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1,
                                    float (&sums)[4]) {
#if __CUDA_ARCH__ >= 890
  asm volatile(
      "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  __trap();  // the host refuses fp8 on such a device
#endif
}

}  // namespace moesim::kernels
