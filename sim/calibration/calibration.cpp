#include "sim/calibration/calibration.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/presets.hpp"
#include "sim/calibration/calibration_schema.hpp"
#include "sim/calibration/cost_fields.hpp"

namespace moesim {
namespace {

constexpr const char* kSchema = "moesim.calibration/1";

GpuSpec read_gpu(const YamlNode& section, Calibration& calibration, Mistakes& mistakes) {
  const Arguments gpu = read_arguments(section, measured_gpu_parameters(), mistakes, "gpu");
  if (!mistakes.empty()) return {};
  calibration.nvlink = gpu.rate("nvlink");
  calibration.nic = gpu.rate("nic");
  GpuSpec spec{.name = gpu.text("name"),
               .memory_bandwidth = gpu.rate("memory_bandwidth"),
               .sms = gpu.integer("sms")};
  for (const NodeEntry& peak : gpu.tree("peak").entries) {
    const std::vector<std::string> names = dtype_names();
    if (std::find(names.begin(), names.end(), peak.key) == names.end()) {
      mistakes.add(peak.spot, fmt::format("no dtype is called '{}'", peak.key),
                   hint_for(peak.key, names));
      continue;
    }
    try {
      spec.peak[dtype_of(peak.key)] =
          FlopsPerSecond(parse_quantity(peak.value.text, ParameterType::kSpeed, peak.value.spot));
    } catch (const InputError& error) {
      mistakes.add(error);
    }
  }
  return spec;
}

std::vector<AxisRange> read_ranges(const YamlNode& section, Mistakes& mistakes) {
  std::vector<AxisRange> ranges;
  for (const Parameter& axis : range_parameters()) {
    const YamlNode* node = section.find(axis.name);
    if (node == nullptr) continue;
    Mistakes own;
    const Arguments values = read_arguments(section, range_parameters(), own, "range");
    const std::vector<double>& ends =
        values.has(axis.name) ? values.numbers(axis.name) : std::vector<double>{};
    if (ends.size() == 2 && ends[0] <= ends[1]) {
      ranges.push_back({axis.name, ends[0], ends[1]});
    } else {
      mistakes.add(node->spot, fmt::format("range of {} must be [low, high]", axis.name));
    }
  }
  return ranges;
}

std::optional<double> read_held_out(const Arguments& entry, Mistakes& mistakes) {
  if (!entry.has("held_out")) return std::nullopt;
  const Arguments held_out =
      read_arguments(entry.tree("held_out"), held_out_parameters(), mistakes, "held_out");
  if (!held_out.has("mape")) return std::nullopt;
  return held_out.number("mape");
}

std::optional<KernelEntry> read_kernel(const YamlNode& section, Mistakes& mistakes) {
  Mistakes own;
  const Arguments entry = read_arguments(section, kernel_parameters(), own, "a kernel");
  try {
    own.throw_if_any();
    KernelEntry kernel{.kernel = entry.text("kernel"),
                       .matrices = entry.integer("matrices"),
                       .attention = entry.has("attention") ? entry.text("attention") : "",
                       .kernel_source = entry.text("kernel_source"),
                       .samples = entry.integer("samples")};
    if (entry.has("dtype")) kernel.dtype = dtype_of(entry.text("dtype"));
    if (entry.has("range")) kernel.ranges = read_ranges(entry.tree("range"), own);
    kernel.held_out_mape = read_held_out(entry, own);
    const Choice form = read_choice(CostForm::kRole, entry.tree("form"), own);
    own.throw_if_any();
    kernel.form = Registry<CostForm>::make(form);
    const std::string only = kernel.form->only_kernel();
    if (!only.empty() && only != kernel.kernel)
      throw InputError(form.spot, fmt::format("{} stands only under kernel: {}", form.kind, only),
                       "affine, roofline and table stand under any");
    return kernel;
  } catch (const InputError& error) {
    mistakes.add(error);
    return std::nullopt;
  }
}

std::optional<ExchangeEntry> read_exchange(const YamlNode& section, Mistakes& mistakes) {
  Mistakes own;
  const Arguments entry = read_arguments(section, exchange_parameters(), own, "an exchange");
  try {
    own.throw_if_any();
    ExchangeEntry exchange{.library = entry.text("library"),
                           .phase = entry.text("phase"),
                           .crosses_nodes = entry.text("scope") == "network"};
    for (const ExchangeField& field : exchange_fields())
      field.set(exchange.cost, entry.number(field.name));
    exchange.held_out_mape = read_held_out(entry, own);
    own.throw_if_any();
    return exchange;
  } catch (const InputError& error) {
    mistakes.add(error);
    return std::nullopt;
  }
}

std::optional<CollectiveEntry> read_collective(const YamlNode& section, Mistakes& mistakes) {
  Mistakes own;
  const Arguments entry = read_arguments(section, collective_parameters(), own, "a collective");
  try {
    own.throw_if_any();
    CollectiveEntry collective{.library = entry.text("library"),
                               .kind = collective_kind_of(entry.text("kind")),
                               .crosses_nodes = entry.text("scope") == "network"};
    collective.cost.algorithm = collective_algorithm_of(entry.text("algorithm"));
    for (const CollectiveField& field : collective_fields())
      field.set(collective.cost, entry.number(field.name));
    collective.held_out_mape = read_held_out(entry, own);
    own.throw_if_any();
    return collective;
  } catch (const InputError& error) {
    mistakes.add(error);
    return std::nullopt;
  }
}

const std::vector<YamlNode>& items_of(const Arguments& file, const std::string& key,
                                      Mistakes& mistakes) {
  static const std::vector<YamlNode> none;
  if (!file.has(key)) return none;
  const YamlNode& node = file.tree(key);
  if (!node.is_list() && node.kind != YamlNode::Kind::kNull)
    mistakes.add(node.spot, fmt::format("{} must be a list", key));
  return node.items;
}

// Exchanges of the included ones come after its own, so that its own are found first.
void include(const Arguments& file, Calibration& calibration, Mistakes& mistakes) {
  if (!file.has("include")) return;
  const Spot spot = file.spot("include");
  for (const std::string& name : file.texts("include")) {
    try {
      const std::filesystem::path path = find_preset("calibrations", name, spot);
      const YamlNode section = parse_yaml(read_source(path, shown_path(path)));
      if (section.find("include") != nullptr)
        throw InputError(spot, fmt::format("'{}' includes others itself", name),
                         "include what it includes");
      const Calibration other = read_calibration_file(name, spot);
      const auto append = [](auto& to, const auto& from) {
        to.insert(to.end(), from.begin(), from.end());
      };
      append(calibration.exchanges, other.exchanges);
      append(calibration.collectives, other.collectives);
      append(calibration.notes, other.notes);
    } catch (const InputError& error) {
      mistakes.add(error);
    }
  }
}

// Kernels of another calibration come after its own.
void take_kernels(const Arguments& file, Calibration& calibration, Mistakes& mistakes) {
  if (!file.has("kernels_of")) return;
  const Spot spot = file.spot("kernels_of");
  try {
    const std::string& name = file.text("kernels_of");
    const std::filesystem::path path = find_preset("calibrations", name, spot);
    if (parse_yaml(read_source(path, shown_path(path))).find("kernels_of") != nullptr)
      throw InputError(spot, fmt::format("'{}' takes its kernels over itself", name),
                       "name the calibration that measured them");
    Calibration other = read_calibration_file(name, spot);
    for (KernelEntry& entry : other.kernels) {
      entry.measured_bandwidth = other.gpu.memory_bandwidth;
      if (entry.held_out_mape) *entry.held_out_mape += file.number("kernels_error");
      calibration.kernels.push_back(std::move(entry));
    }
  } catch (const InputError& error) {
    mistakes.add(error);
  }
}

Calibration read_calibration(const YamlNode& section, const std::string& name) {
  Mistakes mistakes;
  const Arguments file =
      read_arguments(section, calibration_parameters(), mistakes, "a calibration", {"transfer"});
  Calibration calibration{.name = name};
  if (file.has("schema") && file.text("schema") != kSchema)
    mistakes.add(file.spot("schema"), fmt::format("schema '{}' is not known", file.text("schema")),
                 fmt::format("this program reads {}", kSchema));
  mistakes.throw_if_any();
  calibration.framework = file.text("framework");
  if (file.has("notes")) calibration.notes = file.texts("notes");
  calibration.gpu = read_gpu(file.tree("gpu"), calibration, mistakes);
  for (const YamlNode& item : items_of(file, "kernels", mistakes))
    if (auto kernel = read_kernel(item, mistakes)) calibration.kernels.push_back(*kernel);
  for (const YamlNode& item : items_of(file, "exchanges", mistakes))
    if (auto exchange = read_exchange(item, mistakes)) calibration.exchanges.push_back(*exchange);
  for (const YamlNode& item : items_of(file, "collectives", mistakes))
    if (auto collective = read_collective(item, mistakes))
      calibration.collectives.push_back(*collective);
  take_kernels(file, calibration, mistakes);
  include(file, calibration, mistakes);
  mistakes.throw_if_any();
  return calibration;
}

bool read_transfer(const YamlNode& section) {
  const YamlNode* transfer = section.find("transfer");
  if (transfer == nullptr || transfer->text == "none") return false;
  if (transfer->text != "datasheet")
    throw InputError(transfer->spot, fmt::format("transfer cannot be '{}'", transfer->text),
                     hint_for(transfer->text, {"none", "datasheet"}));
  return true;
}

Calibration read_one(const YamlNode& section) {
  if (section.is_scalar()) return read_calibration_file(section.text, section.spot);
  if (!section.is_map())
    throw InputError(section.spot, "a calibration is a name, a path or a section");
  const YamlNode* preset = section.find("preset");
  if (preset == nullptr) {
    Calibration inline_one = read_calibration(section, "inline");
    inline_one.transfer = read_transfer(section);
    return inline_one;
  }
  for (const NodeEntry& entry : section.entries)
    if (entry.key != "preset" && entry.key != "transfer")
      throw InputError(entry.spot, fmt::format("a calibration by name has no key '{}'", entry.key),
                       "beside preset it takes only transfer");
  Calibration calibration = read_calibration_file(preset->text, preset->spot);
  calibration.transfer = read_transfer(section);
  return calibration;
}

}  // namespace

Calibration read_calibration_file(const std::string& name, const Spot& spot) {
  const std::filesystem::path file = find_preset("calibrations", name, spot);
  return read_calibration(parse_yaml(read_source(file, shown_path(file))), file.stem().string());
}

std::vector<Calibration> read_calibrations(const YamlNode& section) {
  std::vector<Calibration> calibrations;
  Mistakes mistakes;
  const std::vector<YamlNode> items =
      section.is_list() ? section.items : std::vector<YamlNode>{section};
  for (const YamlNode& item : items) {
    try {
      calibrations.push_back(read_one(item));
    } catch (const InputError& error) {
      mistakes.add(error);
    }
  }
  mistakes.throw_if_any();
  return calibrations;
}

YamlNode default_calibration(const std::string& gpu, const Spot& spot) {
  for (const std::string& name : preset_names("calibrations")) {
    if (read_calibration_file(name, spot).gpu.name != gpu) continue;
    return YamlNode::scalar(name, spot);
  }
  throw InputError(spot, fmt::format("no calibration was measured on a {}", gpu),
                   "name one and scale it: calibration: {preset: h200-sxm, transfer: datasheet}");
}

}  // namespace moesim
