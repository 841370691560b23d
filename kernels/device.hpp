// A device: its memory, its streams of work, graphs of that work, and its clock.
//
// Written once for all backends. On `cuda` work is asynchronous and streams overlap. On the CPU
// backends every stream runs work at once, in the calling thread, so nothing overlaps
// (`facts().streams_overlap`), and a graph is the recorded calls.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace moesim::kernels {

struct DeviceFacts {
  std::string backend;       // "cuda", "cpu" or "cpu_reference"
  std::string name;          // "NVIDIA H200", or the processor's model name
  std::string architecture;  // "sm_90", "x86_64"
  std::string driver;        // CUDA driver version "13.0"; empty on a CPU
  std::string library;  // what multiplies matrices: "cuBLAS 13.0.2", "OpenBLAS 0.3.21", "loops"
  int processors = 0;   // multiprocessors of a GPU, threads used on a CPU
  std::size_t memory_bytes = 0;
  std::size_t cache_bytes = 0;  // the last-level cache; 0: not known
  bool streams_overlap = false;
  bool has_fp8 = false;  // Dtype::kFp8Block runs
};

// What may spoil a measurement, as seen at the moment of asking. Unknown figures stay 0.
struct DeviceHealth {
  double clock_hz = 0;          // of the multiprocessors, now
  double largest_clock_hz = 0;  // that the device can run at
  double memory_clock_hz = 0;   // now
  double temperature_celsius = 0;
  double power_watts = 0;
  int other_processes = 0;                // with work on this device
  std::vector<std::string> throttled_by;  // "power cap", "thermal slowdown", …
};

enum class Stream { kMain, kSide };

// Work with its arguments bound: run as often as wanted, in a stream or captured in a graph. Makes
// no allocation when run. The buffers it names must outlive it.
class Work {
 public:
  virtual ~Work() = default;
  virtual void run(Stream stream) = 0;
};

// Memory of the device, or of the host near it. Not initialised.
class Buffer {
 public:
  Buffer() = default;
  Buffer(std::shared_ptr<void> memory, std::size_t bytes)
      : memory_(std::move(memory)), bytes_(bytes) {}

  // An address on the device: only kernels may follow it.
  template <typename T>
  T* as() const {
    return static_cast<T*>(memory_.get());
  }
  std::size_t bytes() const { return bytes_; }

 private:
  std::shared_ptr<void> memory_;
  std::size_t bytes_ = 0;
};

// A recorded sequence of work that starts with one call.
class Graph {
 public:
  virtual ~Graph() = default;
  virtual void launch(Stream stream) = 0;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual const DeviceFacts& facts() const = 0;
  virtual DeviceHealth health() const = 0;

  // Throws DeviceError when the memory is not there. Aligned to 256 bytes.
  virtual Buffer allocate(std::size_t bytes) = 0;
  // Host memory that copies reach at full speed (pinned, on `cuda`).
  virtual Buffer allocate_host(std::size_t bytes) = 0;
  // Blocking copies between ordinary host memory and the device; they wait for all earlier work.
  virtual void upload(const Buffer& target, std::span<const std::byte> source) = 0;
  virtual void download(std::span<std::byte> target, const Buffer& source) = 0;

  // Work that `waiter` starts later waits for the work that `awaited` has so far.
  virtual void wait(Stream waiter, Stream awaited) = 0;
  // Returns when all work has ended. Throws DeviceError if any of it failed.
  virtual void synchronize() = 0;

  // Records what `body` starts in kMain, and in kSide between wait(kSide, kMain) and
  // wait(kMain, kSide). The body may run any number of times.
  virtual std::unique_ptr<Graph> capture(std::function<void()> body) = 0;
  // Seconds on the device's clock from before the first to after the last work that `body` starts
  // in `stream`. Waits for it.
  virtual double seconds(Stream stream, const std::function<void()>& body) = 0;
  // Seconds of one run of the graph in kMain, without what it takes the host to start it: the
  // device is kept busy until the graph is there. Waits for it.
  virtual double seconds(Graph& graph) = 0;
  // Starts work in `stream` after which the last-level cache holds nothing that was used before.
  virtual void flush_cache(Stream stream) = 0;

  template <typename T>
  Buffer make(std::span<const T> values) {
    Buffer buffer = allocate(values.size_bytes());
    upload(buffer, std::as_bytes(values));
    return buffer;
  }
  template <typename T>
  std::vector<T> read(const Buffer& buffer) {
    std::vector<T> values(buffer.bytes() / sizeof(T));
    download(std::as_writable_bytes(std::span<T>(values)), buffer);
    return values;
  }
};

}  // namespace moesim::kernels
