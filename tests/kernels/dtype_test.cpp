#include "kernels/dtype.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace moesim::kernels {
namespace {

TEST(Bf16Conversion, KeepsEveryBf16) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const Bf16 value{static_cast<std::uint16_t>(bits)};
    if (std::isnan(to_float(value)))
      EXPECT_TRUE(std::isnan(to_float(to_bf16(to_float(value)))));
    else
      EXPECT_EQ(to_bf16(to_float(value)).bits, bits);
  }
}

TEST(Bf16Conversion, RoundsHalvesToEven) {
  EXPECT_EQ(to_float(to_bf16(1.0f + 1.0f / 256)), 1.0f);               // half way, even below
  EXPECT_EQ(to_float(to_bf16(1.0f + 3.0f / 256)), 1.0f + 2.0f / 128);  // half way, even above
  EXPECT_EQ(to_float(to_bf16(1.0f + 1.5f / 256)), 1.0f + 1.0f / 128);
  EXPECT_EQ(to_float(to_bf16(-3.4e38f)), -std::numeric_limits<float>::infinity());
}

TEST(Fp8Conversion, KeepsEveryFp8) {
  for (unsigned bits = 0; bits < 0x100; ++bits) {
    const Fp8 value{static_cast<std::uint8_t>(bits)};
    if ((bits & 0x7f) == 0x7f)
      EXPECT_TRUE(std::isnan(to_float(value)));
    else
      EXPECT_EQ(to_fp8(to_float(value)).bits, bits);
  }
}

TEST(Fp8Conversion, HasTheValuesOfE4m3) {
  EXPECT_EQ(to_float(Fp8{0x01}), std::ldexp(1.0f, -9));  // smallest subnormal
  EXPECT_EQ(to_float(Fp8{0x08}), std::ldexp(1.0f, -6));  // smallest normal
  EXPECT_EQ(to_float(Fp8{0x38}), 1.0f);
  EXPECT_EQ(to_float(Fp8{0x7e}), 448.0f);  // largest
  EXPECT_EQ(to_float(Fp8{0xfe}), -448.0f);
}

// Every value between two neighbours goes to the nearer one, to the even one from the middle.
TEST(Fp8Conversion, RoundsToNearestEven) {
  for (unsigned bits = 0; bits < 0x7e; ++bits) {
    const float low = to_float(Fp8{static_cast<std::uint8_t>(bits)});
    const float high = to_float(Fp8{static_cast<std::uint8_t>(bits + 1)});
    const float middle = (low + high) / 2;
    EXPECT_EQ(to_fp8(std::nextafter(middle, low)).bits, bits);
    EXPECT_EQ(to_fp8(middle).bits, bits % 2 == 0 ? bits : bits + 1);
    EXPECT_EQ(to_fp8(std::nextafter(middle, high)).bits, bits + 1);
    EXPECT_EQ(to_fp8(-std::nextafter(middle, high)).bits, 0x80 | (bits + 1));
  }
}

TEST(Fp8Conversion, SaturatesAtTheLargestValue) {
  EXPECT_EQ(to_fp8(1e9f).bits, 0x7e);
  EXPECT_EQ(to_fp8(-std::numeric_limits<float>::infinity()).bits, 0xfe);
  EXPECT_EQ(to_fp8(464.1f).bits, 0x7e);
  EXPECT_EQ(to_fp8(std::numeric_limits<float>::quiet_NaN()).bits & 0x7f, 0x7f);
}

}  // namespace
}  // namespace moesim::kernels
