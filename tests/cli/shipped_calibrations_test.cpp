// Shipped calibrations come out of the commands that scenarios/calibrations/README.md gives.
#include <gtest/gtest.h>

#include <charconv>
#include <sstream>

#include "sim/calibration/measured_table.hpp"
#include "tests/support/program.hpp"
#include "tests/support/shared_data.hpp"

namespace moesim {
namespace {

std::vector<std::string> words(std::string text) {
  for (char& c : text)
    if (c == ',' || c == '[' || c == ']' || c == '{' || c == '}') c = ' ';
  std::istringstream stream(text);
  std::vector<std::string> all;
  for (std::string word; stream >> word;) all.push_back(word);
  return all;
}

std::optional<double> number(const std::string& word) {
  double value = 0;
  const char* const end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, value);
  return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

// Word by word; another machine's mathematics may end in other last digits.
void expect_alike(const std::string& shipped, const std::string& made) {
  const std::vector<std::string> expected = words(shipped), found = words(made);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::optional<double> value = number(expected[i]), other = number(found[i]);
    if (!value || !other) {
      EXPECT_EQ(found[i], expected[i]) << "after " << expected[i > 0 ? i - 1 : 0];
      continue;
    }
    EXPECT_NEAR(*other, *value, 0.02 * std::abs(*value)) << "after " << expected[i > 0 ? i - 1 : 0];
  }
}

// The text of a key of the file, without its quotes; of the first note where it is a list.
std::string said(const std::string& file, const std::string& key) {
  const std::size_t from = file.find('"', file.find("\n" + key + ":")) + 1;
  return file.substr(from, file.find('"', from) - from);
}

std::string shipped(const std::string& name) {
  return file_text(std::filesystem::path(MOESIM_SOURCE_DIR) / "scenarios/calibrations" /
                   (name + ".yaml"));
}

void expect_made_by(const std::string& name, std::vector<std::string> flags,
                    const std::string& table) {
  MOESIM_NEEDS_SHARED(file, table);
  const std::string as_shipped = shipped(name);
  const TemporaryDirectory folder;
  std::vector<std::string> command = {"calibrate", "-q",       "-o",
                                      "made.yaml", "--source", said(as_shipped, "source")};
  if (as_shipped.find("\nnotes:") != std::string::npos)
    command.insert(command.end(), {"--note", said(as_shipped, "notes")});
  command.insert(command.end(), flags.begin(), flags.end());
  command.insert(command.end(), {"--import", file.string()});
  const Session session = run_program(command, folder.path());
  ASSERT_EQ(session.exit_code, 0) << session.err;
  expect_alike(as_shipped, file_text(folder / "made.yaml"));
}

TEST(ShippedCalibrations, OfGatesAndPermutesComeFromTheirTable) {
  expect_made_by("h800-sxm-vllm-gate",
                 {"--system", "H800", "--framework", "VLLM", "--only", "gate", "--only", "permute"},
                 "moe_op_breakdown_frontier.csv.gz");
}

TEST(ShippedCalibrations, OfExchangesComeFromTheirTable) {
  expect_made_by("h800-sxm-network", {"--system", "H800"}, "deepep_readme_tables.csv");
}

// A kernel of few rows, without the folds, which take a minute for the whole file.
TEST(ShippedCalibrations, OfExpertsComeFromTheirTable) {
  MOESIM_NEEDS_SHARED(file, "moe_kernel_h200_trtllm.csv.gz");
  const MeasuredTable table = MeasuredTable::read(file);
  std::string text;
  const auto add_line = [&](const auto& cell) {
    for (const std::string& column : table.columns())
      text += (column == table.columns().front() ? "" : ",") + cell(column);
    text += "\n";
  };
  add_line([](const std::string& column) { return column; });
  for (std::size_t row = 0; row < table.rows(); ++row)
    if (table.text(row, "dtype") == "w4a16_mxfp4")
      add_line([&](const std::string& column) { return table.text(row, column); });
  const TemporaryDirectory folder;
  write_file(folder / "mxfp4.csv", text);
  const Session session =
      run_program({"calibrate", "-q", "--folds", "1", "-o", "made.yaml", "--import", "mxfp4.csv"},
                  folder.path());
  ASSERT_EQ(session.exit_code, 0) << session.err;
  const auto kernel = [](const std::string& calibration) {
    const std::size_t from = calibration.find("dtype: mxfp4");
    return calibration.substr(from, calibration.find("held_out", from) - from);
  };
  expect_alike(kernel(shipped("h200-sxm")), kernel(file_text(folder / "made.yaml")));
}

}  // namespace
}  // namespace moesim
