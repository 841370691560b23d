#include "sim/calibration/measurement_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "sim/calibration/measured_table.hpp"
#include "sim/calibration/measurement_line.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;

constexpr const char* kSchema = "moesim.measurements/1";
constexpr double kWrong = 0.1;  // relative error of a result that is no rounding

// What the shape of each kernel must say.
struct KernelShape {
  const char* kernel;
  std::vector<std::string> keys;
  bool has_rows = false;
};

const std::vector<KernelShape>& kernel_shapes() {
  const std::vector<std::string> ffn = {"tokens",        "hidden", "width",   "experts",
                                        "local_experts", "top_k",  "matrices"};
  const std::vector<std::string> permute = {"tokens", "hidden", "experts", "local_experts",
                                            "top_k"};
  static const std::vector<KernelShape> shapes = {{"experts", ffn, true},
                                                  {"ffn", ffn, true},
                                                  {"experts_with_copy", ffn, true},
                                                  {"permute", permute, true},
                                                  {"unpermute", permute, true},
                                                  {"gate", {"tokens", "experts", "top_k"}},
                                                  {"router", {"tokens", "hidden", "experts"}},
                                                  {"gemm", {"m", "n", "k"}},
                                                  {"memory_pass", {"bytes"}},
                                                  {"copy_device", {"bytes"}},
                                                  {"copy_host_to_device", {"bytes"}},
                                                  {"copy_device_to_host", {"bytes"}},
                                                  {"launch", {"kernels"}},
                                                  {"dispatch_pack", {"tokens", "hidden"}},
                                                  {"combine_pack", {"tokens", "hidden"}},
                                                  {"all_reduce", {"bytes", "ranks"}},
                                                  {"all_to_all", {"bytes", "ranks"}}};
  return shapes;
}

bool is_true(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

MeasuredDevice read_device(MeasurementLine& line, const Json& device) {
  MeasuredDevice read{.kind = line.text(device, "kind"),
                      .name = line.text(device, "name"),
                      .sms = line.whole(device, "sms", 1),
                      .memory_bandwidth = BytesPerSecond(line.positive(device, "memory_bandwidth")),
                      .measured_peak = is_true(device, "measured_peak")};
  if (!read.kind.empty() && read.kind != "cuda" && read.kind != "cpu")
    line.mistake("kind", fmt::format("no device is of the kind '{}'", read.kind),
                 hint_for(read.kind, {"cuda", "cpu"}));
  const auto peaks = device.find("peak_flops");
  if (peaks == device.end() || !peaks->is_object() || peaks->empty()) {
    line.mistake("peak_flops", "peak_flops must name at least one dtype",
                 "such as {\"bf16\": 989e12}, in floating-point operations per second");
    return read;
  }
  for (const auto& [name, value] : peaks->items())
    if (const std::optional<DType> dtype = line.dtype(name, name))
      read.peak[*dtype] = FlopsPerSecond(line.positive(*peaks, name));
  return read;
}

void read_shape(MeasurementLine& line, const KernelShape& kernel, Measurement& sample) {
  const Json* shape = line.part("shape");
  if (shape == nullptr) return;
  for (const auto& [key, value] : shape->items())
    if (value.is_number()) sample.shape[key] = value.get<double>();
  for (const std::string& key : kernel.keys) sample.shape[key] = line.whole(*shape, key, 1);
  if (sample.kernel == "launch") sample.mode = line.text(*shape, "mode", false);
}

void read_rows(MeasurementLine& line, Measurement& sample) {
  const auto rows = line.json().find("rows");
  if (rows == line.json().end() || !rows->is_array()) {
    line.mistake("rows", fmt::format("{} needs rows, the tokens of each local expert that ran",
                                     sample.kernel));
    return;
  }
  std::int64_t sum = 0;
  for (const Json& value : *rows) {
    const double count = value.is_number() ? value.get<double>() : NAN;
    if (!(count >= 0) || count != std::floor(count) || count > 1e9) {
      line.mistake("rows", "rows must be whole numbers from 0");
      return;
    }
    sample.rows.push_back(static_cast<int>(count));
    sum += sample.rows.back();
  }
  if (line.has_mistakes()) return;  // of the shape
  if (std::ssize(sample.rows) != static_cast<std::int64_t>(sample.at("local_experts")))
    line.mistake("rows", fmt::format("{} rows for {:g} local experts", sample.rows.size(),
                                     sample.at("local_experts")));
  if (sum == 0) line.mistake("rows", "no expert has a row: nothing was measured");
  if (static_cast<double>(sum) > sample.at("tokens") * sample.at("top_k"))
    line.mistake("rows", fmt::format("{} rows, but {:g} tokens choose {:g} experts each", sum,
                                     sample.at("tokens"), sample.at("top_k")));
}

void read_seconds(MeasurementLine& line, Measurement& sample) {
  const Json* seconds = line.part("seconds");
  if (seconds == nullptr) return;
  sample.median = Seconds(line.positive(*seconds, "median"));
  const double low = seconds->contains("p10") ? line.positive(*seconds, "p10") : 0;
  const double high = seconds->contains("p90") ? line.positive(*seconds, "p90") : 0;
  if (high > 0 && sample.median.value > 0 &&
      (low > sample.median.value || sample.median.value > high))
    line.mistake("seconds", "p10, median and p90 must ascend");
}

// The generator and its spread; its seed does not tell loads apart.
std::string load_text(MeasurementLine& line, const Json& load) {
  std::string text = line.text(load, "kind", false);
  for (const char* key : {"sigma", "alpha", "exponent"})
    if (const auto found = load.find(key); found != load.end() && found->is_number())
      text += fmt::format(" {:g}", found->get<double>());
  return text;
}

std::optional<Measurement> read_sample(MeasurementLine& line) {
  Measurement sample{.kernel = line.text(line.json(), "kernel"), .spot = line.spot()};
  const KernelShape* kernel = nullptr;
  for (const KernelShape& known : kernel_shapes())
    if (known.kernel == sample.kernel) kernel = &known;
  if (kernel == nullptr) {
    if (!sample.kernel.empty())
      line.mistake("kernel", fmt::format("no kernel is called '{}'", sample.kernel),
                   hint_for(sample.kernel, measured_kernels()));
    return std::nullopt;
  }
  sample.variant = line.text(line.json(), "variant", false);
  sample.cache = line.text(line.json(), "cache", false);
  const std::string dtype = line.text(line.json(), "dtype", kernel->has_rows);
  if (!dtype.empty()) sample.dtype = line.dtype(dtype, "dtype").value_or(DType::kBf16);
  read_shape(line, *kernel, sample);
  if (kernel->has_rows) read_rows(line, sample);
  read_seconds(line, sample);
  if (line.json().contains("count")) sample.count = line.whole(line.json(), "count", 1);
  if (const Json* checked = line.part("checked", false)) {
    const auto error = checked->find("max_relative_error");
    sample.wrong = error != checked->end() && error->is_number() && error->get<double>() > kWrong;
  }
  if (const Json* load = line.part("load", false)) sample.load = load_text(line, *load);
  if (const auto found = line.json().find("warnings");
      found != line.json().end() && found->is_array())
    for (const Json& warning : *found)
      if (warning.is_string()) sample.warnings.push_back(warning.get<std::string>());
  if (line.has_mistakes()) return std::nullopt;
  return sample;
}

// Adds a header to what was read: the first says what the device is, others must agree.
void read_header(MeasurementLine& line, std::optional<MeasuredDevice>& device,
                 MeasurementFile& file) {
  const std::string schema = line.text(line.json(), "schema");
  if (schema != kSchema)
    line.mistake("schema", fmt::format("schema '{}' is not known", schema),
                 fmt::format("this program reads {}", kSchema));
  const Json* part = line.part("device");
  if (part == nullptr) return;
  const MeasuredDevice read = read_device(line, *part);
  if (!device) {
    device = read;
    file.program = line.text(line.json(), "program", false);
  } else if (read.kind != device->kind || read.name != device->name || read.sms != device->sms) {
    line.mistake("device",
                 fmt::format("measurements of two devices: {} ({} SMs) and {} ({} SMs)",
                             device->name, device->sms, read.name, read.sms),
                 "a calibration is of one; fit each by itself");
  }
}

std::shared_ptr<SourceText> source_of(const std::filesystem::path& path) {
  auto source = std::make_shared<SourceText>();
  source->name = path.string();
  const std::string text = read_whole_file(path);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    source->lines.push_back(text.substr(begin, end - begin));
    if (!source->lines.back().empty() && source->lines.back().back() == '\r')
      source->lines.back().pop_back();
    begin = end + 1;
  }
  return source;
}

}  // namespace

std::vector<std::string> measured_kernels() {
  std::vector<std::string> names;
  for (const KernelShape& shape : kernel_shapes()) names.emplace_back(shape.kernel);
  return names;
}

bool is_measurement_file(const std::filesystem::path& path) {
  const std::string text = read_whole_file(path);
  const std::string first = text.substr(0, text.find('\n'));
  return first.starts_with("{") && first.find("\"moesim.measurements/") != std::string::npos;
}

MeasurementFile read_measurement_files(const std::vector<std::filesystem::path>& paths) {
  MeasurementFile file;
  Mistakes mistakes;
  std::optional<MeasuredDevice> device;
  for (const std::filesystem::path& path : paths) {
    const std::shared_ptr<SourceText> source = source_of(path);
    bool has_header = false;
    for (std::size_t number = 0; number < source->lines.size(); ++number) {
      if (source->lines[number].find_first_not_of(" \t") == std::string::npos) continue;
      MeasurementLine line(source, number, mistakes);
      if (!line.is_object()) continue;
      if (line.json().contains("schema") || !has_header) {
        read_header(line, device, file);
        has_header = true;
      } else if (std::optional<Measurement> sample = read_sample(line)) {
        file.samples.push_back(std::move(*sample));
      }
    }
    if (!has_header && mistakes.empty())
      mistakes.add({source, 0, 0}, "the file is empty", "moesim profile writes such files");
  }
  mistakes.throw_if_any();
  if (file.samples.empty())
    throw InputError(
        {std::make_shared<SourceText>(SourceText{.name = paths.front().string()}), 0, 0},
        "the file has no measurement, only its header");
  file.device = *device;
  return file;
}

}  // namespace moesim
