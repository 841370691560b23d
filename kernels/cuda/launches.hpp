// What the .cu files offer to the host: each call puts kernels in the stream. Arguments are those
// of the API, already checked. Failures show in cudaGetLastError.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/copy_arguments.hpp"
#include "kernels/gate_arguments.hpp"
#include "kernels/pack_arguments.hpp"
#include "kernels/permute_arguments.hpp"

namespace moesim::kernels {

// gate.cu
void launch_route(const RouteArguments& arguments, cudaStream_t stream);

// permute.cu. `starts`: [plan_blocks x experts] integers of room (plan_share.hpp).
void launch_plan(const PlanArguments& arguments, std::int32_t* starts, cudaStream_t stream);

// dispatch_pack.cu. `processors`: multiprocessors of the device.
void launch_destinations(const DestinationArguments& arguments, cudaStream_t stream);
void launch_pack(const PackArguments& arguments, int processors, cudaStream_t stream);
// rows [count x width] to fp8 with a scale for each 1 x 128.
void launch_quantize(const Bf16* rows, long count, int width, Fp8* fp8_rows, float* scales,
                     cudaStream_t stream);

// combine_pack.cu
void launch_combine(const CombineArguments& arguments, cudaStream_t stream);

// copy.cu. `shared_bytes`: of a block at most.
cudaError_t prepare_processor_copy(int shared_bytes);
void launch_processor_copy(const ProcessorCopyArguments& arguments, int shared_bytes,
                           cudaStream_t stream);
void launch_memory_pass(const MemoryPassArguments& arguments, int processors, cudaStream_t stream);
void launch_nothing(cudaStream_t stream);
// Keeps the stream busy for about a tenth of a millisecond, and touches no memory.
void launch_hold(cudaStream_t stream);

}  // namespace moesim::kernels
