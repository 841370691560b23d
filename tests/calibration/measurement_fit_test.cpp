// Sweeps of an imaginary device whose kernels follow the forms exactly, or nearly.
#include "sim/calibration/measurement_fit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "sim/base/random.hpp"
#include "sim/calibration/pnorm_parameters.hpp"

namespace moesim {
namespace {
using ::testing::Contains;
using ::testing::HasSubstr;

// A GPU of no datasheet: its experts and GEMMs come in tiles.
MeasuredDevice device(double memory_bandwidth = 100e9) {
  return {.kind = "cuda",
          .name = "Imaginary 16-core CPU",
          .sms = 16,
          .peak = {{DType::kFloat32, FlopsPerSecond(1e12)}},
          .memory_bandwidth = BytesPerSecond(memory_bandwidth),
          .measured_peak = true};
}

constexpr double kMemoryOfExperts = 25e9;  // so slow that few rows wait for their weights

GpuSpec device_gpu(double memory_bandwidth = 100e9) {
  const MeasuredDevice d = device(memory_bandwidth);
  return {.name = d.name, .memory_bandwidth = d.memory_bandwidth, .peak = d.peak, .sms = d.sms};
}

const std::function<void(const std::string&)> kQuiet = [](const std::string&) {};

PnormCoefficients<double> true_coefficients() {
  PnormCoefficients<double> truth = pnorm_start();
  const auto set = [&](Pnorm which, double value) {
    truth[static_cast<std::size_t>(which)] = value;
  };
  set(Pnorm::kBase, 40e-6);
  set(Pnorm::kComputeEfficiency, 0.7);
  set(Pnorm::kMemoryEfficiency, 0.8);
  set(Pnorm::kRouteHidden, 30e-12);
  return truth;
}

Measurement experts(int tokens, int hidden, int width, std::vector<int> rows, std::string load) {
  Measurement sample{.kernel = "experts",
                     .variant = "blas",
                     .dtype = DType::kFloat32,
                     .shape = {{"tokens", tokens},
                               {"hidden", hidden},
                               {"width", width},
                               {"experts", 16},
                               {"local_experts", static_cast<double>(rows.size())},
                               {"top_k", 2},
                               {"matrices", 3}},
                     .rows = std::move(rows),
                     .load = std::move(load),
                     .cache = "cold"};
  const ExpertWork work{.hidden = hidden,
                        .width = width,
                        .dtype = DType::kFloat32,
                        .top_k = 2,
                        .tokens = sample.rows,
                        .input_tokens = static_cast<double>(tokens),
                        .routed_experts = 16,
                        .usual_rows = tokens * 2.0 / 16};
  const PnormSample exact =
      pnorm_sample(work, {sample.rows}, device_gpu(kMemoryOfExperts), Seconds(1), "", "");
  sample.median = Seconds(pnorm_seconds(true_coefficients(), exact));
  return sample;
}

MeasurementFile sweep_of_experts() {
  MeasurementFile file{.device = device(kMemoryOfExperts)};
  for (const auto& [hidden, width] :
       {std::pair{512, 1024}, std::pair{2048, 512}, std::pair{1024, 1024}, std::pair{1024, 4096}})
    for (const int tokens : {1, 8, 32, 64, 256, 1024, 4096}) {
      const int each = std::max(1, tokens * 2 / 16);
      file.samples.push_back(experts(tokens, hidden, width, std::vector<int>(8, each), "balanced"));
      file.samples.push_back(experts(tokens, hidden, width,
                                     {std::min(tokens, 4 * each), each, each, each, 0, 0, 0, 0},
                                     "lognormal 0.8"));
    }
  return file;
}

// 2 % of noise, and every `odd`-th sample 3 times too slow.
void spoil(MeasurementFile& file, std::size_t odd) {
  Rng rng(5, Purpose::kValidation);
  for (std::size_t i = 0; i < file.samples.size(); ++i) {
    file.samples[i].median *= std::exp(0.02 * rng.normal());
    if (i % odd == odd - 1) file.samples[i].median *= 3;
  }
}

double coefficient(const FittedKernel& kernel, Pnorm which) {
  return kernel.fit.coefficients[static_cast<std::size_t>(which)];
}

// On the vector that ran, not on its mean: the skewed one has the rows of the balanced one and
// less.
void expect_found(const MeasurementFits& fits, double tolerance) {
  ASSERT_EQ(fits.kernels.size(), 1U);
  const FittedKernel& kernel = fits.kernels.front();
  EXPECT_EQ(kernel.kernel_source, "blas");
  // Eight slots of 16 experts in every sample: their share of the start cannot be told from it.
  const auto start = [](const auto& of) {
    return of(Pnorm::kBase) + 8 * of(Pnorm::kSlot) + 16 * of(Pnorm::kExpert);
  };
  const PnormCoefficients<double> truth = true_coefficients();
  const double true_start =
      start([&](Pnorm which) { return truth[static_cast<std::size_t>(which)]; });
  EXPECT_NEAR(start([&](Pnorm which) { return coefficient(kernel, which); }), true_start,
              true_start * 2 * tolerance);
  EXPECT_NEAR(coefficient(kernel, Pnorm::kComputeEfficiency), 0.7, 0.7 * tolerance);
  // Wider slices and lower efficiency look alike.
  EXPECT_NEAR(coefficient(kernel, Pnorm::kMemoryEfficiency), 0.8, 0.8 * 3 * tolerance);
  for (const Measurement& unseen : {experts(128, 1536, 768, {40, 10, 20, 16, 16, 0, 3, 7}, ""),
                                    experts(2048, 768, 2048, std::vector<int>(8, 256), "")}) {
    const ExpertWork work{.hidden = static_cast<int>(unseen.at("hidden")),
                          .width = static_cast<int>(unseen.at("width")),
                          .dtype = DType::kFloat32,
                          .top_k = 2,
                          .tokens = unseen.rows,
                          .input_tokens = unseen.at("tokens"),
                          .routed_experts = 16,
                          .usual_rows = unseen.at("tokens") * 2.0 / 16};
    const PnormSample sample = pnorm_sample(work, {unseen.rows}, fits.gpu, unseen.median, "", "");
    EXPECT_NEAR(pnorm_seconds(kernel.fit.coefficients, sample) / unseen.median.value, 1, tolerance);
  }
}

TEST(FitMeasurements, FindsTheCoefficientsOfExpertsFromTheirRows) {
  const MeasurementFits fits = fit_measurements(sweep_of_experts(), 4, kQuiet);
  expect_found(fits, 0.03);
  EXPECT_LT(fits.kernels.front().fit.fitted.mape, 0.005);
  EXPECT_LT(fits.kernels.front().fit.held_out.mape, 0.05);
}

TEST(FitMeasurements, FindsThemThroughNoiseAndFailedSamples) {
  MeasurementFile file = sweep_of_experts();
  spoil(file, 14);
  expect_found(fit_measurements(file, 1, kQuiet), 0.1);
}

Measurement plain(const std::string& kernel, std::map<std::string, double> shape, double seconds) {
  return {.kernel = kernel,
          .variant = "own",
          .dtype = DType::kFloat32,
          .shape = std::move(shape),
          .median = Seconds(seconds)};
}

const FittedForm& form_of(const MeasurementFits& fits, const std::string& kernel) {
  for (const FittedForm& form : fits.forms)
    if (form.kernel == kernel) return form;
  throw std::runtime_error("no fit of " + kernel);
}

double value_of(const FittedForm& form, const std::string& name) {
  for (std::size_t i = 0; i < form.fit.values.size(); ++i)
    if (name == form.fit.model->coefficients[i].name) return form.fit.values[i];
  throw std::runtime_error("no coefficient " + name);
}

TEST(FitMeasurements, FindsBandwidthsAndStartUps) {
  MeasurementFile file{.device = device()};
  for (double bytes = 4096; bytes < 2e9; bytes *= 8) {
    file.samples.push_back(plain("copy_host_to_device", {{"bytes", bytes}}, 8e-6 + bytes / 25e9));
    file.samples.push_back(plain("memory_pass", {{"bytes", bytes}}, 3e-6 + bytes / 80e9));
  }
  for (int kernels = 1; kernels <= 64; kernels *= 4)
    for (const std::string mode : {"stream", "graph"}) {
      file.samples.push_back(plain("launch", {{"kernels", kernels}},
                                   mode == "graph" ? 6e-6 + kernels * 1e-6 : kernels * 4e-6));
      file.samples.back().mode = mode;
    }
  const MeasurementFits fits = fit_measurements(file, 1, kQuiet);
  EXPECT_NEAR(value_of(form_of(fits, "copy_host_to_device"), "start_up"), 8e-6, 0.1e-6);
  EXPECT_NEAR(value_of(form_of(fits, "copy_host_to_device"), "rate"), 25e9, 0.3e9);
  EXPECT_NEAR(value_of(form_of(fits, "memory_pass"), "rate"), 80e9, 1e9);
  const FittedForm& graph = form_of(fits, "launch");
  EXPECT_EQ(graph.kernel_source, "graph");
  EXPECT_NEAR(value_of(graph, "per_token"), 1e-6, 0.03e-6);
  EXPECT_EQ(value_of(graph, "rate"), 0);
}

TEST(FitMeasurements, FindsGatesAndTheTrafficOfPermutes) {
  MeasurementFile file{.device = device()};
  for (const int tokens : {1, 64, 512, 4096, 16384})
    for (const auto& [count, top_k] : {std::pair{64, 2}, std::pair{256, 8}, std::pair{512, 4}})
      file.samples.push_back(plain("gate",
                                   {{"tokens", tokens}, {"experts", count}, {"top_k", top_k}},
                                   4e-6 + tokens * (1e-9 + top_k * 0.5e-9 + count * 20e-12)));
  for (const int rows : {16, 256, 4096})
    for (const int hidden : {512, 4096}) {
      file.samples.push_back(plain("permute",
                                   {{"tokens", 4096},
                                    {"hidden", hidden},
                                    {"experts", 16},
                                    {"local_experts", 2},
                                    {"top_k", 2}},
                                   5e-6 + 2.0 * rows * hidden * 2 * 4 / 50e9));
      file.samples.back().rows = {rows, rows};
    }
  const MeasurementFits fits = fit_measurements(file, 1, kQuiet);
  EXPECT_LT(form_of(fits, "gate").fit.fitted.mape, 0.01);
  EXPECT_NEAR(value_of(form_of(fits, "gate"), "score"), 20e-12, 1e-12);
  EXPECT_NEAR(value_of(form_of(fits, "permute"), "rate"), 50e9, 1e9);
}

Measurement gemm(double m, double n, double k, std::span<const double> truth) {
  const GemmWork work{m, n, k, DType::kFloat32};
  const double seconds =
      gemm_tiles_model().time(truth, kernel_work(work), {.spec = device_gpu()}).total().value;
  return plain("gemm", {{"m", m}, {"n", n}, {"k", k}}, seconds);
}

TEST(FitMeasurements, FindsTheEfficienciesOfGemmsWithTheRouterAmongThem) {
  std::vector<double> truth;
  for (const Coefficient& coefficient : gemm_tiles_model().coefficients)
    truth.push_back(coefficient.start);
  truth[1] = 0.6;  // compute_efficiency
  truth[2] = 0.5;  // memory_efficiency
  MeasurementFile file{.device = device()};
  for (const double m : {1, 16, 128, 1000, 4000})
    for (const auto& [n, k] : {std::pair{1024, 1024}, std::pair{4096, 512}, std::pair{512, 4096}})
      file.samples.push_back(gemm(m, n, k, truth));
  Measurement router = gemm(64, 256, 2048, truth);
  router.kernel = "router";
  router.shape = {{"tokens", 64}, {"experts", 256}, {"hidden", 2048}};
  file.samples.push_back(router);
  const MeasurementFits fits = fit_measurements(file, 1, kQuiet);
  ASSERT_EQ(fits.forms.size(), 1U);
  EXPECT_EQ(fits.forms[0].fit.fitted.rows, 16);
  EXPECT_LT(fits.forms[0].fit.fitted.mape, 0.02);
  EXPECT_NEAR(value_of(fits.forms[0], "compute_efficiency"), 0.6, 0.03);
  EXPECT_NEAR(value_of(fits.forms[0], "memory_efficiency"), 0.5, 0.03);
}

TEST(FitMeasurements, PutsTheFasterVariantFirstAndLeavesOutWrongAndWarmSamples) {
  MeasurementFile file{.device = device()};
  for (const double bytes : {1e6, 1e7, 1e8})
    for (const auto& [variant, rate] : {std::pair{"a_slow", 10e9}, std::pair{"b_fast", 40e9}})
      for (const std::string cache : {"cold", "warm"}) {
        file.samples.push_back(plain("copy_device", {{"bytes", bytes}}, 1e-6 + bytes / rate));
        file.samples.back().variant = variant;
        file.samples.back().cache = cache;
        if (cache == "warm") file.samples.back().median /= 3;
      }
  file.samples.push_back(plain("copy_device", {{"bytes", 1e6}}, 1));
  file.samples.back().wrong = true;
  const MeasurementFits fits = fit_measurements(file, 1, kQuiet);
  ASSERT_EQ(fits.forms.size(), 2U);
  EXPECT_EQ(fits.forms[0].kernel_source, "b_fast");
  EXPECT_NEAR(value_of(fits.forms[0], "rate"), 40e9, 1e9);
  EXPECT_THAT(fits.left_out, Contains(HasSubstr("its result differed from the reference")));
  EXPECT_THAT(fits.left_out, Contains(HasSubstr("6 samples of copy_device: with warm caches")));
}

TEST(FitMeasurements, TakesTheDatasheetOfAGpuThatItKnows) {
  MeasurementFile file{.device = {.kind = "cuda",
                                  .name = "NVIDIA H100 80GB HBM3",
                                  .sms = 132,
                                  .peak = {{DType::kBf16, FlopsPerSecond(989e12)}},
                                  .memory_bandwidth = BytesPerSecond(3350e9)}};
  file.samples.push_back(plain("memory_pass", {{"bytes", 1e6}}, 1e-5));
  const MeasurementFits fits = fit_measurements(file, 1, kQuiet);
  EXPECT_EQ(fits.gpu.name, "H100 SXM");
  EXPECT_EQ(fits.system, "H100");
  EXPECT_EQ(fit_measurements({.device = device(), .samples = file.samples}, 1, kQuiet).gpu.name,
            "Imaginary 16-core CPU");
}

TEST(FitMeasurements, TakesARowOfACpuForARowAndItsGemmsForASum) {
  MeasurementFile file{.device = device()};
  file.device.kind = "cpu";
  for (const double m : {1, 3, 64, 1000})
    for (const double n : {128, 1024, 4096})
      file.samples.push_back(plain(
          "gemm", {{"m", m}, {"n", n}, {"k", 512}},
          2e-6 + 4 * (m * 512 + n * 512) / 50e9 + 2 * m * n / 50e9 + 2 * m * n * 512 / 800e9));
  for (const int tokens : {8, 64, 512})
    file.samples.push_back(experts(tokens, 512, 1024, std::vector<int>(8, tokens / 8), ""));
  const MeasurementFits fits = fit_measurements(file, 1, kQuiet);
  const FittedForm& gemm = form_of(fits, "gemm");
  EXPECT_STREQ(gemm.fit.model->name, "affine");
  EXPECT_NEAR(value_of(gemm, "speed"), 800e9, 80e9);
  EXPECT_LT(gemm.fit.fitted.mape, 0.05);
  ASSERT_EQ(fits.kernels.size(), 1U);
  EXPECT_EQ(fits.kernels[0].tile, 1);
}

}  // namespace
}  // namespace moesim
