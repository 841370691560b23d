// Quantities as types: a time cannot be added to a size, and size / rate is a time.
//
// A quantity is a double in SI units (seconds, bytes, floating-point operations) with its dimension
// in the type. A ratio of equal dimensions is a plain double.
#pragma once

#include <cmath>
#include <compare>
#include <limits>

namespace moesim {

template <int TimePower, int BytePower, int FlopPower>
struct Quantity {
  double value = 0;

  constexpr Quantity() = default;
  constexpr explicit Quantity(double v) : value(v) {}

  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity operator-() const { return Quantity(-value); }
  constexpr Quantity& operator+=(Quantity other) { return value += other.value, *this; }
  constexpr Quantity& operator-=(Quantity other) { return value -= other.value, *this; }
  constexpr Quantity& operator*=(double factor) { return value *= factor, *this; }
  constexpr Quantity& operator/=(double factor) { return value /= factor, *this; }

  friend constexpr Quantity operator+(Quantity a, Quantity b) {
    return Quantity(a.value + b.value);
  }
  friend constexpr Quantity operator-(Quantity a, Quantity b) {
    return Quantity(a.value - b.value);
  }
  friend constexpr Quantity operator*(Quantity a, double f) { return Quantity(a.value * f); }
  friend constexpr Quantity operator*(double f, Quantity a) { return Quantity(a.value * f); }
  friend constexpr Quantity operator/(Quantity a, double f) { return Quantity(a.value / f); }
};

template <int T, int B, int F, int T2, int B2, int F2>
constexpr auto operator*(Quantity<T, B, F> a, Quantity<T2, B2, F2> b) {
  if constexpr (T + T2 == 0 && B + B2 == 0 && F + F2 == 0) {
    return a.value * b.value;
  } else {
    return Quantity<T + T2, B + B2, F + F2>(a.value * b.value);
  }
}

template <int T, int B, int F, int T2, int B2, int F2>
constexpr auto operator/(Quantity<T, B, F> a, Quantity<T2, B2, F2> b) {
  if constexpr (T == T2 && B == B2 && F == F2) {
    return a.value / b.value;
  } else {
    return Quantity<T - T2, B - B2, F - F2>(a.value / b.value);
  }
}

using Seconds = Quantity<1, 0, 0>;
using Bytes = Quantity<0, 1, 0>;
using BytesPerSecond = Quantity<-1, 1, 0>;
using Flops = Quantity<0, 0, 1>;
using FlopsPerSecond = Quantity<-1, 0, 1>;

inline constexpr Seconds kForever{std::numeric_limits<double>::infinity()};

}  // namespace moesim
