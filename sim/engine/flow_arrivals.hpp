// Flows by the date of their first byte: each by its slot, or by its cell in the plane of a grid.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "sim/engine/flow_table.hpp"

namespace moesim {

// Where the flows of a leg lie that are kept as a matrix; −1: they are not.
struct GridPlane {
  int grid = -1, plane = -1;
};

class FlowArrivals {
 public:
  bool empty() const { return heap_.empty(); }
  Seconds next_date() const { return Seconds(heap_.front().date); }

  void add(std::span<const FlowId> flows, Seconds date, GridPlane plane = {}) {
    if (flows.empty()) return;
    Arrival arrival{
        .date = date.value, .sequence = sequence_++, .flow = flows.front(), .plane = plane};
    if (flows.size() > 1) {
      if (free_lists_.empty()) {
        free_lists_.push_back(static_cast<int>(lists_.size()));
        lists_.emplace_back();
      }
      arrival.list = free_lists_.back();
      free_lists_.pop_back();
      lists_[static_cast<std::size_t>(arrival.list)].assign(flows.begin(), flows.end());
    }
    heap_.push_back(arrival);
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  // Takes out what arrives first and tells it, with its plane.
  template <class Tell>
  void take_next(const Tell& tell) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Arrival arrival = heap_.back();
    heap_.pop_back();
    if (arrival.list < 0) return tell(std::span(&arrival.flow, 1), arrival.plane);
    tell(std::span(std::as_const(lists_[static_cast<std::size_t>(arrival.list)])), arrival.plane);
    free_lists_.push_back(arrival.list);
  }

  // Takes out the flows that are `wanted`, in no order; tells each with its date. Those of planes
  // are not.
  template <class Wanted, class Tell>
  void withdraw(const Wanted& wanted, const Tell& tell) {
    std::erase_if(heap_, [&](const Arrival& arrival) {
      if (arrival.plane.grid >= 0) return false;
      const auto take = [&](FlowId flow) {
        if (!wanted(flow)) return false;
        tell(flow, Seconds(arrival.date));
        return true;
      };
      if (arrival.list < 0) return take(arrival.flow);
      std::vector<FlowId>& list = lists_[static_cast<std::size_t>(arrival.list)];
      std::erase_if(list, take);
      if (list.empty()) free_lists_.push_back(arrival.list);
      return list.empty();
    });
    std::make_heap(heap_.begin(), heap_.end(), later);
  }

 private:
  struct Arrival {
    double date = 0;  // seconds
    std::uint64_t sequence = 0;
    FlowId flow = 0;  // if there is no list
    int list = -1;
    GridPlane plane;
  };
  static bool later(const Arrival& a, const Arrival& b) {
    return a.date != b.date ? a.date > b.date : a.sequence > b.sequence;
  }

  std::vector<Arrival> heap_;
  std::vector<std::vector<FlowId>> lists_;
  std::vector<int> free_lists_;
  std::uint64_t sequence_ = 0;
};

}  // namespace moesim
