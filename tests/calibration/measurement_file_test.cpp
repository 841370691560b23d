#include "sim/calibration/measurement_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/support/mistakes.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kHeader =
    R"({"schema":"moesim.measurements/1","program":"moesim 0.1.0","device":{"kind":"cuda","name":"NVIDIA H200","sms":132,"peak_flops":{"bf16":989e12},"memory_bandwidth":4800e9}})"
    "\n";
constexpr const char* kExperts =
    R"({"kernel":"experts","variant":"own","dtype":"bf16","shape":{"tokens":64,"hidden":128,"width":256,"experts":8,"local_experts":4,"top_k":2,"matrices":3},"load":{"kind":"lognormal","sigma":0.8,"seed":7},"rows":[10,20,0,30],"cache":"warm","seconds":{"median":1.5e-3,"p10":1e-3,"p90":2e-3},"count":200,"checked":{"max_relative_error":3e-3},"warnings":["the clock fell to 1200 MHz"]})"
    "\n";
constexpr const char* kCopy =
    R"({"kernel":"copy_host_to_device","shape":{"bytes":1048576},"seconds":{"median":5e-5}})"
    "\n";

MeasurementFile read_text(const std::string& text) {
  return read_measurement_files({written(process_folder() / "m.jsonl", text)});
}

std::string mistakes_in(const std::string& lines) {
  return mistake_of([&] { read_text(kHeader + lines); });
}

// The line of experts with one piece of it changed.
std::string changed(const std::string& from, const std::string& to) {
  std::string line = kExperts;
  const std::size_t at = line.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return line.replace(at, from.size(), to);
}

TEST(MeasurementFile, HoldsTheDeviceAndEverySample) {
  const MeasurementFile file = read_text(std::string(kHeader) + kExperts + "\n" + kCopy);
  EXPECT_EQ(file.program, "moesim 0.1.0");
  EXPECT_EQ(file.device.name, "NVIDIA H200");
  EXPECT_EQ(file.device.sms, 132);
  EXPECT_EQ(file.device.peak.at(DType::kBf16).value, 989e12);
  EXPECT_FALSE(file.device.measured_peak);
  ASSERT_EQ(file.samples.size(), 2U);
  const Measurement& experts = file.samples[0];
  EXPECT_EQ(experts.rows, (std::vector<int>{10, 20, 0, 30}));
  EXPECT_EQ(experts.load, "lognormal 0.8");
  EXPECT_EQ(experts.median.value, 1.5e-3);
  EXPECT_EQ(experts.count, 200);
  EXPECT_FALSE(experts.wrong);
  EXPECT_EQ(experts.warnings, std::vector<std::string>{"the clock fell to 1200 MHz"});
  EXPECT_EQ(file.samples[1].at("bytes"), 1048576);
}

TEST(MeasurementFile, ReadsGzippedFiles) {
  const std::filesystem::path path = process_folder() / "m.jsonl.gz";
  gzFile packed = gzopen(path.c_str(), "wb");
  gzputs(packed, (std::string(kHeader) + kCopy).c_str());
  gzclose(packed);
  EXPECT_TRUE(is_measurement_file(path));
  EXPECT_EQ(read_measurement_files({path}).samples.size(), 1U);
}

TEST(MeasurementFile, IsToldFromTablesByItsFirstLine) {
  EXPECT_TRUE(is_measurement_file(written(process_folder() / "a.jsonl", kHeader)));
  EXPECT_FALSE(is_measurement_file(written(process_folder() / "a.csv", "system,m,n,k\n")));
}

TEST(MeasurementFile, PointsToWhereALineIsCutOff) {
  const std::string message = mistakes_in(std::string(kCopy) + R"({"kernel":"gemm","shape":{"m":)");
  EXPECT_THAT(message, AllOf(HasSubstr("m.jsonl:3:31: error: the line is cut off"),
                             HasSubstr("run moesim profile again to go on")));
}

TEST(MeasurementFile, RefusesTimesThatAreNotAboveZero) {
  EXPECT_THAT(mistakes_in(changed("\"median\":1.5e-3", "\"median\":-1e-3")),
              AllOf(HasSubstr("error: median is -0.001; it must be above 0"), HasSubstr("^")));
  EXPECT_THAT(mistakes_in(changed("\"median\":1.5e-3", "\"median\":0")),
              HasSubstr("median is 0; it must be above 0"));
  EXPECT_THAT(mistakes_in(changed("\"p10\":1e-3", "\"p10\":1.9e-3")),
              HasSubstr("p10, median and p90 must ascend"));
}

TEST(MeasurementFile, NamesTheKernelNearestToAnUnknownOne) {
  const std::string message =
      mistakes_in(changed("\"experts\",\"variant\"", "\"expert\",\"variant\""));
  EXPECT_THAT(message, AllOf(HasSubstr("m.jsonl:2:2: error: no kernel is called 'expert'"),
                             HasSubstr("did you mean 'experts'?")));
}

TEST(MeasurementFile, RefusesMeasurementsOfTwoDevices) {
  std::string other = kHeader;
  other.replace(other.find("H200"), 4, "H100");
  EXPECT_THAT(
      mistakes_in(kCopy + other + kCopy),
      AllOf(HasSubstr("m.jsonl:3:"), HasSubstr("measurements of two devices: NVIDIA H200")));
  // An interrupted sweep that went on writes its header again.
  EXPECT_EQ(read_text(std::string(kHeader) + kCopy + kHeader + kCopy).samples.size(), 2U);
}

TEST(MeasurementFile, NeedsTheRowsThatRanAndThatFitTheShape) {
  EXPECT_THAT(mistakes_in(changed("\"rows\":[10,20,0,30],", "")),
              HasSubstr("experts needs rows, the tokens of each local expert that ran"));
  EXPECT_THAT(mistakes_in(changed("[10,20,0,30]", "[10,20,30]")),
              HasSubstr("3 rows for 4 local experts"));
  EXPECT_THAT(mistakes_in(changed("[10,20,0,30]", "[10,-2,0,30]")),
              HasSubstr("rows must be whole numbers from 0"));
  EXPECT_THAT(mistakes_in(changed("[10,20,0,30]", "[0,0,0,0]")), HasSubstr("no expert has a row"));
  EXPECT_THAT(mistakes_in(changed("[10,20,0,30]", "[64,64,0,1]")),
              HasSubstr("129 rows, but 64 tokens choose 2 experts each"));
}

TEST(MeasurementFile, SaysEveryMistakeInOneGo) {
  const std::string message =
      mistakes_in(changed("\"hidden\":128,", "") + changed("\"bf16\"", "\"bf17\"") +
                  R"({"kernel":"gemm","shape":{"m":0,"n":8,"k":8.5},"seconds":{}})" + "\n");
  for (const char* text :
       {"m.jsonl:2:1: error: hidden is missing", "m.jsonl:3:", "no dtype is called 'bf17'",
        "m must be a whole number from 1", "k must be a whole number from 1", "median is missing"})
    EXPECT_THAT(message, HasSubstr(text));
}

TEST(MeasurementFile, NeedsAHeaderAndASample) {
  EXPECT_THAT(mistake_of([] { read_text(kCopy); }),
              HasSubstr("m.jsonl:1:1: error: schema is missing"));
  EXPECT_THAT(mistake_of([] { read_text(kHeader); }), HasSubstr("no measurement, only its header"));
  EXPECT_THAT(mistake_of([] { read_text(""); }), HasSubstr("the file is empty"));
  std::string future = kHeader;
  future.replace(future.find("ments/1"), 7, "ments/9");
  EXPECT_THAT(mistake_of([&] { read_text(future + kCopy); }),
              HasSubstr("schema 'moesim.measurements/9' is not known"));
}

TEST(MeasurementFile, MarksResultsThatDifferFromTheReference) {
  EXPECT_TRUE(read_text(kHeader + changed("3e-3}", "0.7}")).samples[0].wrong);
}

}  // namespace
}  // namespace moesim
