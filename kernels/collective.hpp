// Collectives between the GPUs of this machine, through NCCL: what a calibration of exchanges and
// all-reduces needs where more than one GPU is there.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace moesim::kernels {

enum class CollectiveKind {
  kAllReduce,  // float32 sums; bytes: of the buffer of each rank
  kAllToAll,   // bytes: that each rank sends to all ranks together, itself included
};

// All visible GPUs, one rank each, driven by this process.
class CollectiveWorld {
 public:
  virtual ~CollectiveWorld() = default;
  virtual int ranks() const = 0;
  // Seconds of one collective, of the slowest rank, mean of `repetitions` that run back to back.
  // Checks the result of the first. bytes: a multiple of 4 x ranks. Throws DeviceError.
  virtual double seconds(CollectiveKind kind, std::size_t bytes, int repetitions) = 0;
};

// Null where moesim was built without NCCL or fewer than two GPUs are visible; `why` then says so.
std::unique_ptr<CollectiveWorld> make_collective_world(std::string* why = nullptr);

}  // namespace moesim::kernels
