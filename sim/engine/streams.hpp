// The compute streams of every GPU: kernels of one stream run one at a time, in the order they
// come.
//
// A kernel's compute and memory parts advance together. While communication holds `taken` of a
// GPU's SMs, the compute part of whatever runs there takes SMs / (SMs − taken) times as long.
#pragma once

#include <vector>

#include "sim/base/ids.hpp"
#include "sim/engine/clock.hpp"
#include "sim/model/cost_model.hpp"

namespace moesim {

struct FragmentRun;

// One node of a fragment on one GPU.
struct Task {
  FragmentRun* fragment = nullptr;
  int node = 0;
  GpuId gpu;
};

class KernelListener {
 public:
  virtual ~KernelListener() = default;
  virtual void kernel_ended(const Task& task, int stream, Seconds begin) = 0;
};

class Streams final : public EventHandler {
 public:
  // `sms` of each GPU; 0 = not known: taking SMs then slows nothing.
  Streams(int gpus, int sms, Clock& clock, KernelListener& listener);

  // `time` above 0.
  void launch(const Task& task, int stream, KernelTime time);
  void take_sms(GpuId gpu, int sms);
  void return_sms(GpuId gpu, int sms) { take_sms(gpu, -sms); }

  void handle(const Event& event) final;

 private:
  struct Kernel {
    Task task;
    KernelTime time;
  };
  struct Stream {
    std::vector<Kernel> queue;  // the first one from `head` on runs
    std::size_t head = 0;
    Seconds begin;       // of the running kernel
    Seconds updated;     // date of `left`
    double left = 0;     // share of the running kernel that is still to do
    int generation = 0;  // events of earlier ones are stale
    bool idle() const { return head == queue.size(); }
  };
  struct Gpu {
    std::vector<Stream> streams;
    int sms_taken = 0;
  };
  void start(GpuId gpu, int stream);
  void schedule(GpuId gpu, int stream);
  Seconds duration(GpuId gpu, KernelTime time) const;

  int sms_ = 0;
  Clock& clock_;
  KernelListener& listener_;
  IdVector<GpuId, Gpu> gpus_;
};

}  // namespace moesim
