// A few threads that share loops.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace moesim::kernels {

// The caller is one of the threads. One loop at a time; loops do not nest.
class Threads {
 public:
  explicit Threads(int count);
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  int count() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(0) … body(tasks - 1), each once, in no order. Bodies do not throw.
  void each(int tasks, const std::function<void(int)>& body);

  // Calls body(begin, end) for consecutive ranges that cover 0 .. items, a few for each thread and
  // each at least `least` items long (the last may be shorter).
  void ranges(long items, long least, const std::function<void(long, long)>& body);

 private:
  void work();   // takes tasks until none is left
  void serve();  // a worker's life

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable start_, done_;
  const std::function<void(int)>* body_ = nullptr;
  int tasks_ = 0;
  int loop_ = 0;     // number of the present loop
  int working_ = 0;  // workers inside it
  bool stop_ = false;
  std::atomic<int> next_{0};
};

}  // namespace moesim::kernels
