#include "sim/cli/list_presets.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <set>

#include "analysis/format.hpp"
#include "sim/base/presets.hpp"
#include "sim/calibration/calibration.hpp"
#include "sim/model/model_reader.hpp"
#include "sim/topology/cluster_reader.hpp"

namespace moesim {
namespace {

std::vector<MoeModel> all_models() {
  std::vector<MoeModel> models;
  Mistakes mistakes;
  for (const std::string& name : preset_names("models"))
    models.push_back(read_model_section(YamlNode::scalar(name), mistakes).model);
  mistakes.throw_if_any();
  return models;
}

std::vector<std::pair<std::string, ClusterSection>> all_clusters() {
  std::vector<std::pair<std::string, ClusterSection>> clusters;
  Mistakes mistakes;
  for (const std::string& name : preset_names("clusters"))
    clusters.emplace_back(name, read_cluster_section(YamlNode::scalar(name), mistakes));
  mistakes.throw_if_any();
  return clusters;
}

// Without the files' coefficients: what a calibration says of itself.
std::vector<std::pair<std::string, std::vector<NodeEntry>>> all_calibrations() {
  std::vector<std::pair<std::string, std::vector<NodeEntry>>> calibrations;
  for (const std::string& name : preset_names("calibrations")) {
    const auto path = find_preset("calibrations", name, {});
    std::vector<NodeEntry> about;
    for (const NodeEntry& entry : parse_yaml(read_source(path, shown_path(path))).entries)
      if (entry.value.is_scalar()) about.push_back(entry);
    calibrations.emplace_back(name, std::move(about));
  }
  return calibrations;
}

// "gemm  bf16 4.92 %, fp8 3.1 %", as many lines as keep the table narrow.
void add_lines(const std::string& what, const std::vector<std::string>& errors,
               std::vector<std::string>& lines) {
  constexpr std::size_t kInALine = 3;
  for (std::size_t i = 0; i < errors.size(); i += kInALine)
    lines.push_back(fmt::format("{} {}", i == 0 ? what : std::string(what.size(), ' '),
                                fmt::join(errors.begin() + static_cast<std::ptrdiff_t>(i),
                                          errors.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                               i + kInALine, errors.size())),
                                          ", ")));
}

// A line for each kernel, each dtype once, as runs take it.
std::vector<std::string> kernel_lines(const Calibration& calibration) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<std::string>> errors;
  std::set<std::pair<std::string, std::optional<DType>>> seen;
  for (const KernelEntry& entry : calibration.kernels) {
    if (!entry.held_out_mape || !seen.emplace(entry.kernel, entry.dtype).second) continue;
    if (!errors.contains(entry.kernel)) order.push_back(entry.kernel);
    errors[entry.kernel].push_back(fmt::format("{}{}",
                                               entry.dtype ? to_string(*entry.dtype) + " " : "",
                                               format_percent(*entry.held_out_mape)));
  }
  std::vector<std::string> lines;
  for (const std::string& kernel : order) add_lines(kernel, errors[kernel], lines);
  return lines;
}

// "deepep_normal 9.11 % local, 8.16 % network": the worse phase of each library.
std::vector<std::string> exchange_lines(const Calibration& calibration) {
  std::map<std::string, std::map<std::string, double>> worst;
  for (const ExchangeEntry& entry : calibration.exchanges) {
    double& error = worst[entry.library][entry.crosses_nodes ? "network" : "local"];
    error = std::max(error, entry.held_out_mape.value_or(0));
  }
  std::vector<std::string> lines;
  for (const auto& [library, scopes] : worst) {
    std::vector<std::string> errors;
    for (const auto& [scope, error] : scopes)
      errors.push_back(fmt::format("{} {}", format_percent(error), scope));
    add_lines(library, errors, lines);
  }
  return lines;
}

std::string billions(double parameters) {
  return parameters > 0 ? fmt::format("{:.1f} B", parameters / 1e9) : "–";
}

std::string shared_experts(const MoeModel& model) {
  return model.shared_experts == 0
             ? "–"
             : fmt::format("{} × {}", model.shared_experts, model.shared_width);
}

std::string dtypes(const MoeModel& model) {
  return model.dtype == model.expert_dtype
             ? to_string(model.dtype)
             : fmt::format("{}, experts {}", to_string(model.dtype), to_string(model.expert_dtype));
}

std::string peak(const GpuSpec& gpu, DType dtype) {
  const auto found = gpu.peak.find(dtype);
  return found == gpu.peak.end() ? "–" : fmt::format("{:.0f}", found->second.value / 1e12);
}

}  // namespace

PresetTable models_table() {
  TextTable table({{"model"},
                   {"layers (MoE)", true, 1},
                   {"experts", true},
                   {"top-k", true},
                   {"hidden", true, 2},
                   {"width", true, 3},
                   {"shared", false, 4},
                   {"dtype", false, 5},
                   {"total", true},
                   {"active", true},
                   {"published", true, 6},
                   {"source", false, 7}});
  for (const MoeModel& model : all_models())
    table.add(
        {model.name, fmt::format("{} ({})", model.layers, model.moe_layer_count()),
         std::to_string(model.experts), std::to_string(model.top_k), std::to_string(model.hidden),
         std::to_string(model.expert_width), shared_experts(model), dtypes(model),
         billions(total_parameters(model)), billions(active_parameters(model)),
         fmt::format("{} / {}", billions(model.published_total), billions(model.published_active)),
         model.source});
  return {std::move(table),
          "width: FFN width of an expert. Parameters are counted from the sizes (active: with "
          "embeddings); published: total / active."};
}

PresetTable clusters_table() {
  TextTable table({{"cluster"},
                   {"GPU"},
                   {"memory", true},
                   {"bandwidth", true, 1},
                   {"bf16", true, 3},
                   {"fp8", true, 2},
                   {"mxfp4", true, 7},
                   {"SMs", true, 6},
                   {"nodes × GPUs", true, 5},
                   {"NVLink", true},
                   {"NICs", true},
                   {"topology", false, 4}});
  for (const auto& [name, section] : all_clusters()) {
    const ClusterSpec& spec = section.spec;
    table.add({name, spec.gpu.name, format_bytes(spec.gpu.memory),
               format_rate(spec.gpu.memory_bandwidth), peak(spec.gpu, DType::kBf16),
               peak(spec.gpu, DType::kFp8), peak(spec.gpu, DType::kMxfp4),
               std::to_string(spec.gpu.sms), fmt::format("{} × {}", spec.nodes, spec.gpus_per_node),
               format_rate(spec.nvlink_bandwidth),
               fmt::format("{} × {}", spec.nics_per_node, format_rate(spec.nic_bandwidth)),
               section.topology.kind});
  }
  return {std::move(table),
          "Peaks: dense TFLOP/s. Rates are one way, per GPU and per NIC. Override keys as in "
          "cluster: {preset: NAME, nodes: 4}."};
}

PresetTable calibrations_table() {
  TextTable table({{"calibration"}, {"GPU"}, {"framework", false, 1}, {"held-out error"}});
  for (const std::string& name : preset_names("calibrations")) {
    const Calibration calibration = read_calibration_file(name, {});
    std::vector<std::string> lines = kernel_lines(calibration);
    for (std::string& line : exchange_lines(calibration)) lines.push_back(std::move(line));
    if (lines.empty()) lines.emplace_back("–");
    table.add({name, calibration.gpu.name, calibration.framework, lines.front()});
    for (std::size_t i = 1; i < lines.size(); ++i) table.add({"", "", "", lines[i]});
  }
  return {std::move(table),
          "Held-out error: mean of |predicted / measured − 1| over measurements that the fit had "
          "not seen. Sources: --json."};
}

Json models_json() {
  Json list = Json::array();
  for (const MoeModel& model : all_models())
    list.push_back({{"name", model.name},
                    {"layers", model.layers},
                    {"moe_layers", model.moe_layer_count()},
                    {"experts", model.experts},
                    {"top_k", model.top_k},
                    {"hidden", model.hidden},
                    {"expert_width", model.expert_width},
                    {"shared_experts", model.shared_experts},
                    {"shared_width", model.shared_width},
                    {"dtype", to_string(model.dtype)},
                    {"expert_dtype", to_string(model.expert_dtype)},
                    {"total_parameters", total_parameters(model)},
                    {"active_parameters", active_parameters(model)},
                    {"expert_parameters", expert_parameters(model)},
                    {"kv_bytes_per_token", kv_bytes_per_token(model).value},
                    {"published_total", model.published_total},
                    {"published_active", model.published_active},
                    {"source", model.source}});
  return list;
}

Json clusters_json() {
  Json list = Json::array();
  for (const auto& [name, section] : all_clusters()) {
    Json cluster = {{"name", name}};
    cluster.update(to_json(section.resolved));
    list.push_back(std::move(cluster));
  }
  return list;
}

Json calibrations_json() {
  Json list = Json::array();
  for (const auto& [name, about] : all_calibrations()) {
    Json calibration = {{"name", name}};
    for (const NodeEntry& entry : about)
      if (entry.key != "name") calibration[entry.key] = to_json(entry.value);
    list.push_back(std::move(calibration));
  }
  return list;
}

}  // namespace moesim
