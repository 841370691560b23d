#include "sim/engine/streams.hpp"

#include <algorithm>

namespace moesim {

Streams::Streams(int gpus, int sms, Clock& clock, KernelListener& listener)
    : sms_(sms), clock_(clock), listener_(listener), gpus_(gpus) {}

void Streams::launch(const Task& task, int stream, KernelTime time) {
  MOESIM_CHECK(stream >= 0, "compute streams count from 0");
  std::vector<Stream>& streams = gpus_[task.gpu].streams;
  const auto index = static_cast<std::size_t>(stream);
  if (streams.size() <= index) streams.resize(index + 1);
  const bool idle = streams[index].idle();
  streams[index].queue.push_back({.task = task, .time = time});
  if (idle) start(task.gpu, stream);
}

void Streams::start(GpuId gpu, int index) {
  Stream& stream = gpus_[gpu].streams[static_cast<std::size_t>(index)];
  stream.begin = stream.updated = clock_.now();
  stream.left = 1;
  schedule(gpu, index);
}

void Streams::schedule(GpuId gpu, int index) {
  Stream& stream = gpus_[gpu].streams[static_cast<std::size_t>(index)];
  const Seconds whole = duration(gpu, stream.queue[stream.head].time);
  clock_.at(clock_.now() + whole * stream.left, *this,
            {.kind = index, .a = gpu.value, .b = ++stream.generation});
}

Seconds Streams::duration(GpuId gpu, KernelTime time) const {
  if (sms_ == 0) return time.total();
  // One SM is always left to compute.
  const int free_sms = std::max(1, sms_ - gpus_[gpu].sms_taken);
  return time.compute * (static_cast<double>(sms_) / free_sms) + time.memory;
}

void Streams::take_sms(GpuId gpu, int sms) {
  if (sms == 0) return;
  Gpu& on = gpus_[gpu];
  for (Stream& stream : on.streams) {
    if (stream.idle()) continue;
    const Seconds whole = duration(gpu, stream.queue[stream.head].time);
    stream.left = std::max(0.0, stream.left - (clock_.now() - stream.updated) / whole);
    stream.updated = clock_.now();
  }
  on.sms_taken += sms;
  for (std::size_t index = 0; index < on.streams.size(); ++index)
    if (!on.streams[index].idle()) schedule(gpu, static_cast<int>(index));
}

void Streams::handle(const Event& event) {
  const GpuId gpu(event.a);
  Stream& stream = gpus_[gpu].streams[static_cast<std::size_t>(event.kind)];
  if (event.b != stream.generation) return;
  const Kernel ended = stream.queue[stream.head++];
  const Seconds begin = stream.begin;
  if (stream.idle()) {
    stream.queue.clear();
    stream.head = 0;
  } else {
    start(gpu, event.kind);
  }
  listener_.kernel_ended(ended.task, event.kind, begin);
}

}  // namespace moesim
