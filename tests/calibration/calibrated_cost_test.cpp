#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/presets.hpp"
#include "tests/calibration/cost_models.hpp"

namespace moesim {
namespace {
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kWide = "kind: pnorm_experts, exponent: 1, compute_efficiency: 0.5, ";

std::string message_of(const std::string& text) {
  try {
    read_calibrations(yaml(text));
  } catch (const InputError& error) {
    return error.what();
  }
  return "no mistake";
}

double gemm_us(const CostModel& cost) {
  return 1e6 * cost.gemm({.m = 1, .n = 8, .k = 8, .dtype = DType::kBf16}).total().value;
}

TEST(CalibratedCost, TakesTheLaterCalibrationKernelByKernel) {
  const auto indented = [](const std::string& rest) {
    std::string text = "- ";
    for (const char c : round_calibration(rest))
      text += c == '\n' ? std::string("\n  ") : std::string(1, c);
    return text + "\n";
  };
  const std::string first = indented(
      "kernels:\n- {kernel: gemm, dtype: bf16, form: {kind: affine, start_up: 7 us}}\n"
      "- {kernel: memory_pass, form: {kind: affine, start_up: 3 us}}");
  const std::string second =
      indented("kernels:\n- {kernel: gemm, dtype: bf16, form: {kind: affine, start_up: 9 us}}");
  const auto cost = make_cost_model(yaml(first + second), round_gpu());
  EXPECT_NEAR(gemm_us(*cost), 9, 1e-9);
  EXPECT_NEAR(1e6 * cost->memory_pass(Bytes(1)).total().value, 3, 1e-9);
  const auto reversed = make_cost_model(yaml(second + first), round_gpu());
  EXPECT_NEAR(gemm_us(*reversed), 7, 1e-9);
  EXPECT_THAT(cost->warnings(), IsEmpty());
}

TEST(CalibratedCost, FillsAGapWithTheDatasheetRooflineAndSaysSo) {
  const auto cost = round_cost("kernels: []\n");
  const KernelTime time = cost->gemm({.m = 4096, .n = 4096, .k = 4096, .dtype = DType::kBf16});
  EXPECT_NEAR(time.total().value, 2.0 * 4096 * 4096 * 4096 / 1e14, 1e-9);
  cost->gemm({.m = 1, .n = 1, .k = 1, .dtype = DType::kBf16});
  EXPECT_THAT(
      cost->warnings(),
      ElementsAre("gemm bf16: no calibration has it; a datasheet roofline of Round stands in"));
  ASSERT_EQ(cost->errors().size(), 1U);
  EXPECT_FALSE(cost->errors()[0].measured);
}

TEST(CalibratedCost, ReportsTheHeldOutErrorOfWhatItUsed) {
  const auto cost = round_cost(
      "kernels:\n- {kernel: gemm, dtype: bf16, form: {kind: affine}, held_out: {mape: 0.06}}\n"
      "- {kernel: memory_pass, form: {kind: affine}, held_out: {mape: 0.5}}\n");
  EXPECT_THAT(cost->errors(), IsEmpty());
  gemm_us(*cost);
  ASSERT_EQ(cost->errors().size(), 1U);
  EXPECT_EQ(cost->errors()[0].kernel, "gemm bf16");
  EXPECT_DOUBLE_EQ(cost->errors()[0].mape, 0.06);
  EXPECT_TRUE(cost->errors()[0].measured);
}

TEST(CalibratedCost, WidensTheErrorOfKernelsThatWereMoved) {
  const std::string calibration = round_calibration(
                                      "kernels:\n- {kernel: gemm, dtype: bf16, form: {kind: "
                                      "affine}, held_out: {mape: 0.06}}\n") +
                                  "transfer: datasheet\n";
  GpuSpec other_memory = round_gpu();
  other_memory.name = "Other memory";
  other_memory.memory_bandwidth *= 2;
  GpuSpec other_generation = other_memory;
  other_generation.sms += 16;
  for (const auto& [gpu, error] : {std::pair{round_gpu(), 0.06}, std::pair{other_memory, 0.14},
                                   std::pair{other_generation, 0.46}}) {
    const auto cost = make_cost_model(yaml(calibration), gpu);
    gemm_us(*cost);
    EXPECT_NEAR(cost->errors()[0].mape, error, 1e-12) << gpu.name;
  }
}

TEST(CalibratedCost, WarnsOnceOfSizesThatWereNotMeasured) {
  const auto cost = round_cost(
      "kernels: [{kernel: experts, dtype: bf16, range: {hidden: [2000, 7000], slots: [1, 8]}, "
      "form: {" +
      std::string(kWide) + "memory_efficiency: 0.5}}]\n");
  const std::vector<int> rows = {1, 2};
  cost->experts(round_work(rows));
  cost->experts(round_work(rows));
  EXPECT_THAT(cost->warnings(),
              ElementsAre("experts bf16: hidden outside 2000 to 7000, the range that calibration "
                          "inline was measured on"));
}

TEST(CalibratedCost, UsesCoefficientsAsMeasuredOnAnotherGpuUnlessTransferred) {
  GpuSpec faster = round_gpu();
  faster.name = "Faster";
  faster.memory_bandwidth = BytesPerSecond(2e12);
  faster.peak[DType::kBf16] = FlopsPerSecond(4e14);
  const std::string calibration = round_calibration(
      experts_with(std::string(kWide) + "memory_efficiency: 0.5, route_hidden: 10 ns"));
  const std::vector<int> rows = {1};
  // 3.84 compute + 6 memory + 1000 columns of 10 ns.
  const auto as_measured = make_cost_model(yaml(calibration), faster);
  EXPECT_NEAR(1e6 * as_measured->experts(round_work(rows)).total().value, 3.84 + 6 + 10, 1e-9);
  EXPECT_THAT(as_measured->warnings(), Contains(HasSubstr("used as measured")));
  const auto moved = make_cost_model(yaml(calibration + "transfer: datasheet\n"), faster);
  EXPECT_NEAR(1e6 * moved->experts(round_work(rows)).total().value, 3.84 / 4 + 6.0 / 2 + 10.0 / 2,
              1e-9);
  EXPECT_THAT(moved->warnings(), Contains(HasSubstr("moved from Round to Faster")));
  EXPECT_THAT(moved->warnings(), Contains(HasSubstr("22 to 59 % (A100 to H100)")));
}

TEST(CalibratedCost, PrefersExpertsWithOtherMatricesToARoofline) {
  const auto cost = round_cost("kernels: [{kernel: experts, dtype: bf16, matrices: 3, form: {" +
                               std::string(kWide) + "memory_efficiency: 0.5}}]\n");
  const std::vector<int> rows = {1};
  ExpertWork plain = round_work(rows);
  plain.matrices = 2;
  EXPECT_NEAR(1e6 * cost->experts(plain).total().value, (3.84 + 6) * 2 / 3, 1e-9);
  EXPECT_THAT(cost->warnings(), ElementsAre("experts in bf16 with 2 matrices: calibration inline "
                                            "has only 3"));
}

TEST(CalibratedCost, FindsAnExchangeByLibraryPhaseAndScope) {
  const auto cost = round_cost(
      "exchanges:\n- {library: lib, phase: dispatch, scope: local, start_up: 11 us}\n"
      "- {library: lib, phase: dispatch, scope: network, start_up: 20 us, notify: 30 us, "
      "network_efficiency: 0.9}\n");
  EXPECT_DOUBLE_EQ(cost->exchange("lib", "dispatch", false).start_up.value, 11e-6);
  const ExchangeCost network = cost->exchange("lib", "dispatch", true);
  EXPECT_DOUBLE_EQ(network.notify.value, 30e-6);
  EXPECT_DOUBLE_EQ(network.network_efficiency, 0.9);
  EXPECT_THAT(cost->warnings(), IsEmpty());
  EXPECT_EQ(cost->exchange("lib", "combine", true).start_up.value, 0);
  EXPECT_THAT(cost->warnings(), ElementsAre("lib combine over the network: no calibration has it; "
                                            "datasheet rates without any start-up"));
}

TEST(Calibration, NamesEveryMistakeWithItsPlace) {
  const std::string message = message_of(
      "schema: moesim.calibration/1\n"
      "gpu: {name: X, memory_bandwidth: 1 TB/s, sms: 1, peak: {bf17: 1 TFLOP/s}}\n"
      "kernels:\n"
      "- {kernel: gemm, form: {kind: affin}}\n"
      "- {kernel: gemm, form: {kind: affine, start_up: 5}}\n"
      "- {kernel: gemm, form: {kind: pnorm_experts, compute_efficiency: 1, memory_efficiency: 1, "
      "exponent: 2}}\n");
  EXPECT_THAT(message, HasSubstr("test.yaml:2:57: error: no dtype is called 'bf17'"));
  EXPECT_THAT(message, HasSubstr("did you mean 'bf16'?"));
  EXPECT_THAT(message, HasSubstr("no cost_form is called 'affin'"));
  EXPECT_THAT(message, HasSubstr("'5' has no unit"));
  EXPECT_THAT(message, HasSubstr("pnorm_experts stands only under kernel: experts"));
}

TEST(Calibration, TakesOverTheExchangesOfIncludedOnes) {
  const auto cost = round_cost(
      "include: [h200-sxm-network]\n"
      "exchanges:\n- {library: deepep_normal, phase: dispatch, scope: local, start_up: 11 us}\n");
  EXPECT_DOUBLE_EQ(cost->exchange("deepep_normal", "dispatch", false).start_up.value, 11e-6);
  EXPECT_GT(cost->exchange("deepep_normal", "combine", false).start_up.value, 0);
  EXPECT_THAT(message_of(round_calibration("include: [h200-sxm]\n")),
              HasSubstr("'h200-sxm' includes others itself"));
  EXPECT_THAT(message_of(round_calibration("include: [h200-sx-network]\n")),
              HasSubstr("did you mean 'h200-sxm-network'?"));
}

TEST(Calibration, RefusesAnUnknownPresetAndAnUnknownTransfer) {
  EXPECT_THAT(message_of("h200-sx"), HasSubstr("no preset 'h200-sx' in calibrations"));
  EXPECT_THAT(message_of("{preset: h200-sxm, transfer: magic}"),
              HasSubstr("transfer cannot be 'magic'"));
  EXPECT_THAT(message_of("{preset: h200-sxm, speed: 2}"), HasSubstr("has no key 'speed'"));
}

TEST(Calibration, EveryShippedOneIsReadAndSaysHowGoodItIs) {
  const std::vector<std::string> names = preset_names("calibrations");
  EXPECT_THAT(names, ::testing::IsSupersetOf({"a100-sxm", "h100-sxm", "h200-sxm"}));
  for (const std::string& name : names) {
    const Calibration calibration = read_calibration_file(name, {});
    for (const KernelEntry& kernel : calibration.kernels) {
      EXPECT_TRUE(kernel.held_out_mape) << name << " " << kernel.kernel_source;
      EXPECT_GT(kernel.samples, 0) << name;
    }
  }
}

TEST(KernelsOf, AreScaledToTheGpuThatTakesThemOver) {
  const Calibration h200 = read_calibration_file("h200-sxm", {});
  const Calibration b200 = read_calibration_file("b200-sxm", {});
  EXPECT_EQ(b200.kernels.size(), h200.kernels.size());
  EXPECT_NEAR(*b200.kernels[0].held_out_mape, *h200.kernels[0].held_out_mape + 0.4, 1e-12);
  const auto slow = make_cost_model({h200}, h200.gpu);
  const auto fast = make_cost_model({b200}, b200.gpu);
  const GemmWork large{.m = 8192, .n = 8192, .k = 8192, .dtype = DType::kBf16};
  const double ratio = slow->gemm(large).total() / fast->gemm(large).total();
  EXPECT_GT(ratio, 1.8);  // 2250 / 989 of the peak, fewer waves and the same start-up
  EXPECT_LT(ratio, 2.6);
  // The same SMs and memory: an H800 runs the kernels of an H100.
  const Calibration h800 = read_calibration_file("h800-sxm", {});
  const Calibration h100 = read_calibration_file("h100-sxm", {});
  EXPECT_EQ(make_cost_model({h800}, h800.gpu)->gemm(large).total(),
            make_cost_model({h100}, h100.gpu)->gemm(large).total());
}

TEST(KernelsOf, AreNotTakenFromACalibrationThatTookThem) {
  EXPECT_THAT(
      message_of("schema: moesim.calibration/1\nkernels_of: b200-sxm\n"
                 "gpu: {name: G, memory_bandwidth: 1 TB/s, sms: 1, peak: {bf16: 1 TFLOP/s}}\n"),
      HasSubstr("'b200-sxm' takes its kernels over itself"));
}

}  // namespace
}  // namespace moesim
