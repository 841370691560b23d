// What a link has carried too little or too much, in windows (fluid_solver.hpp).
#pragma once

#include <algorithm>

namespace moesim {

// How long a fill holds.
struct FillWindow {
  explicit FillWindow(double length) : seconds(length), per_second(length > 0 ? 1 / length : 0) {}
  double seconds = 0;
  double per_second = 0;  // its inverse; 0 if it has no length
};

// Bytes/s by which a link of this capacity is wider in the window that begins, or narrower if below
// 0, so that its credit is used up by the end. Not by more than half, to keep rates sane. `credit`
// in bytes; below 0 = debt.
inline double take_credit(double& credit, double capacity, const FillWindow& window) {
  const double extra = std::clamp(credit * window.per_second, -0.5 * capacity, 0.5 * capacity);
  // A window without length forgives what it cannot give.
  credit = (window.seconds > 0 ? credit : std::min(credit, 0.0)) - extra * window.seconds;
  return extra;
}

// Bytes that a flow carried before it was admitted: what its link did not have to spare, `idle`, it
// owes.
inline void charge(double bytes, double& idle, double& credit) {
  const double spared = std::min(idle, bytes);
  idle -= spared;
  credit -= bytes - spared;
}

// Bytes.
inline double take_debt(double& credit) {
  if (credit >= 0) return 0;
  const double debt = -credit;
  credit = 0;
  return debt;
}

}  // namespace moesim
