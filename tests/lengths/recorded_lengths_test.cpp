// Lengths that are those of recorded requests.
#include <gmock/gmock.h>

#include <set>

#include "sim/lengths/lengths.hpp"
#include "tests/support/plugin.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

std::set<double> drawn(const std::string& column) {
  const std::filesystem::path file =
      written(process_folder() / "lengths.csv",
              "arrival_ms,input_tokens,output_tokens\n0,30,1\n1,4000,2\n2,50,300\n");
  const auto lengths =
      plugin<Lengths>("{kind: file, file: " + file.string() + ", column: " + column + "}");
  EXPECT_FALSE(lengths->needs_mean());
  Rng rng = Random(1).stream(Purpose::kLengths);
  std::set<double> values;
  for (int i = 0; i < 100; ++i) values.insert(lengths->draw(7, rng));
  return values;
}

TEST(RecordedLengths, AreThoseOfTheColumnAndNoOthers) {
  EXPECT_EQ(drawn("input"), (std::set<double>{30, 50, 4000}));
  EXPECT_EQ(drawn("output"), (std::set<double>{1, 2, 300}));
  EXPECT_EQ(drawn("total"), (std::set<double>{31, 350, 4002}));
}

}  // namespace
}  // namespace moesim
