#include "sim/engine/clock.hpp"

#include <algorithm>
#include <simgrid/s4u/Engine.hpp>
#include <tuple>

namespace moesim {

bool Clock::Entry::operator>(const Entry& other) const {
  return std::tie(date, urgency, sequence) > std::tie(other.date, other.urgency, other.sequence);
}

Seconds Clock::now() const { return Seconds(simgrid::s4u::Engine::get_clock()); }

void Clock::at(Seconds date, EventHandler& handler, const Event& event, Urgency urgency) {
  heap_.push_back({.date = std::max(date, now()).value,
                   .urgency = urgency,
                   .sequence = sequence_++,
                   .handler = &handler,
                   .event = event});
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  if (!firing_) arm();
}

void Clock::arm() {
  if (heap_.empty()) return;
  const double date = heap_.front().date;
  if (timer_ != nullptr) {
    if (timer_->get_date() <= date) return;
    timer_->remove();
  }
  timer_ = simgrid::kernel::timer::Timer::set(date, [this] { fire(); });
}

void Clock::fire() {
  timer_ = nullptr;
  firing_ = true;
  // SimGrid adds time steps up, so that its clock may miss a date by the last bit.
  const double due = now().value * (1 + 4e-16);
  while (!heap_.empty() && heap_.front().date <= due) {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const Entry entry = heap_.back();
    heap_.pop_back();
    entry.handler->handle(entry.event);
    settle_();
  }
  firing_ = false;
  arm();
}

}  // namespace moesim
