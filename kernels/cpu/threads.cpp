#include "kernels/cpu/threads.hpp"

#include <algorithm>

namespace moesim::kernels {

Threads::Threads(int count) {
  for (int i = 1; i < count; ++i) workers_.emplace_back([this] { serve(); });
}

Threads::~Threads() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  start_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Threads::each(int tasks, const std::function<void(int)>& body) {
  {
    const std::lock_guard lock(mutex_);
    body_ = &body;
    tasks_ = tasks;
    next_ = 0;
    working_ = static_cast<int>(workers_.size());
    ++loop_;
  }
  start_.notify_all();
  work();
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return working_ == 0; });
}

void Threads::ranges(long items, long least, const std::function<void(long, long)>& body) {
  const long wanted = std::max(least, (items + 4 * count() - 1) / (4 * count()));
  const long tasks = (items + wanted - 1) / wanted;
  each(static_cast<int>(tasks),
       [&](int task) { body(task * wanted, std::min(items, (task + 1) * wanted)); });
}

void Threads::work() {
  for (int task = next_++; task < tasks_; task = next_++) (*body_)(task);
}

void Threads::serve() {
  int seen = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    start_.wait(lock, [&] { return stop_ || loop_ != seen; });
    if (stop_) return;
    seen = loop_;
    lock.unlock();
    work();
    lock.lock();
    if (--working_ == 0) done_.notify_one();
  }
}

}  // namespace moesim::kernels
