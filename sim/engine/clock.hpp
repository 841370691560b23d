// Events in the order of simulated time; those of one instant in the order of their urgency, then
// of their making. SimGrid's timers are underneath: one is armed, for the next event.
#pragma once

#include <cstdint>
#include <functional>
#include <simgrid/kernel/Timer.hpp>
#include <vector>

#include "sim/base/units.hpp"

namespace moesim {

// What an event says to its handler; the meaning is the handler's.
struct Event {
  int kind = 0, a = 0, b = 0;
};

class EventHandler {
 public:
  virtual ~EventHandler() = default;
  virtual void handle(const Event& event) = 0;
};

enum class Urgency { kHigh, kNormal, kLow };

class Clock {
 public:
  // `settle` is called after every event: the place for what follows from it at the same instant.
  explicit Clock(std::function<void()> settle) : settle_(std::move(settle)) {}

  Seconds now() const;
  // `handler` must live until then. A date that is past counts as now.
  void at(Seconds date, EventHandler& handler, const Event& event,
          Urgency urgency = Urgency::kNormal);

 private:
  struct Entry {
    double date = 0;  // seconds
    Urgency urgency = Urgency::kNormal;
    std::uint64_t sequence = 0;
    EventHandler* handler = nullptr;
    Event event;
    bool operator>(const Entry& other) const;
  };
  void arm();
  void fire();

  std::function<void()> settle_;
  std::vector<Entry> heap_;
  std::uint64_t sequence_ = 0;
  simgrid::kernel::timer::Timer* timer_ = nullptr;
  bool firing_ = false;
};

}  // namespace moesim
