#include "sim/topology/cluster_reader.hpp"

#include "sim/base/preset_section.hpp"

namespace moesim {
namespace {

Parameter rate(std::string name, std::string doc) {
  return {.name = std::move(name),
          .type = ParameterType::kRate,
          .doc = std::move(doc),
          .required = true,
          .minimum = 0,
          .above_minimum = true};
}

Parameter latency(std::string name, std::string doc, std::string fallback) {
  return {.name = std::move(name),
          .type = ParameterType::kTime,
          .doc = std::move(doc),
          .fallback = std::move(fallback),
          .minimum = 0};
}

Parameter count(std::string name, std::string doc, std::string fallback, double maximum) {
  return {.name = std::move(name),
          .type = ParameterType::kInteger,
          .doc = std::move(doc),
          .fallback = std::move(fallback),
          .minimum = 1,
          .maximum = maximum};
}

GpuSpec read_gpu(const YamlNode& section, Mistakes& mistakes, YamlNode& resolved) {
  const auto parameters = gpu_parameters();
  const Arguments gpu = read_arguments(section, parameters, mistakes, "gpu");
  GpuSpec spec;
  resolved = resolved_section(gpu, parameters);
  if (!gpu.has("peak")) return spec;
  const Arguments peak = read_arguments(gpu.tree("peak"), peak_parameters(), mistakes, "peak");
  if (!mistakes.empty()) return spec;
  spec = {.name = gpu.text("name"),
          .memory = gpu.size("memory"),
          .memory_bandwidth = gpu.rate("memory_bandwidth"),
          .sms = gpu.integer("sms"),
          .pcie = gpu.rate("pcie")};
  for (const std::string& dtype : dtype_names())
    if (peak.has(dtype)) spec.peak[dtype_of(dtype)] = peak.speed(dtype);
  resolved.set("peak", resolved_section(peak, peak_parameters()));
  return spec;
}

// Of PCIe's raw rate: headers and flow control take the rest (assumed; 26 to 27 GB/s are usual on
// Gen4 x16, 55 on Gen5).
constexpr double kCopyEfficiency = 0.85;

HostSpec read_host(const YamlNode& section, const GpuSpec& gpu, Mistakes& mistakes,
                   YamlNode& resolved) {
  const auto parameters = host_parameters();
  Mistakes own;
  const Arguments host = read_arguments(section, parameters, own, "host");
  resolved = resolved_section(host, parameters);
  const bool good = own.empty();
  mistakes.add(own);
  if (!good) return {};
  HostSpec spec{.bandwidth = gpu.pcie * kCopyEfficiency,
                .latency = host.time("latency"),
                .memory_bandwidth = host.rate("memory_bandwidth"),
                .cpu = host.speed("cpu"),
                .disk = host.rate("disk"),
                .disk_latency = host.time("disk_latency")};
  if (host.has("bandwidth")) spec.bandwidth = host.rate("bandwidth");
  if (host.has("memory")) spec.memory = host.size("memory");
  return spec;
}

void read_sizes(const Arguments& cluster, ClusterSpec& spec, Mistakes& mistakes) {
  spec.nodes = cluster.integer("nodes");
  spec.gpus_per_node = cluster.integer("gpus_per_node");
  spec.nics_per_node =
      cluster.has("nics_per_node") ? cluster.integer("nics_per_node") : spec.gpus_per_node;
  spec.nvlink_bandwidth = cluster.rate("nvlink_bandwidth");
  spec.nvlink_latency = cluster.time("nvlink_latency");
  spec.nic_bandwidth = cluster.rate("nic_bandwidth");
  spec.nic_latency = cluster.time("nic_latency");
  spec.switch_latency = cluster.time("switch_latency");
  if (spec.nics_per_node > 0 && spec.nic_bandwidth.value == 0)
    mistakes.add(cluster.spot("nic_bandwidth"), "nic_bandwidth must be above 0",
                 "or write nics_per_node: 0");
}

}  // namespace

std::vector<Parameter> peak_parameters() {
  std::vector<Parameter> parameters;
  for (const std::string& dtype : dtype_names())
    parameters.push_back({.name = dtype,
                          .type = ParameterType::kSpeed,
                          .doc = "dense matrix peak in " + dtype + ", without sparsity",
                          .required = dtype == "bf16",
                          .minimum = 0,
                          .above_minimum = true});
  return parameters;
}

std::vector<Parameter> host_parameters() {
  const auto positive = [](std::string name, ParameterType type, std::string doc,
                           std::optional<std::string> fallback) {
    return Parameter{.name = std::move(name),
                     .type = type,
                     .doc = std::move(doc),
                     .fallback = std::move(fallback),
                     .minimum = 0,
                     .above_minimum = true};
  };
  return {
      positive("bandwidth", ParameterType::kRate,
               "of copies between host memory and one GPU, one way; default: 0.85 of gpu.pcie "
               "(assumed)",
               {}),
      latency("latency", "of such a copy, its launch included (assumed)", "10 us"),
      positive("memory", ParameterType::kSize,
               "of a node, for experts that are not on its GPUs; what does not fit lies on "
               "disk; default: all fit",
               {}),
      positive("memory_bandwidth", ParameterType::kRate,
               "of host memory, for all GPUs of a node and its CPU (assumed: eight channels of "
               "DDR5-4800)",
               "307 GB/s"),
      positive("cpu", ParameterType::kSpeed,
               "that a node's CPU reaches in matrix products of few rows (assumed)", "2 TFLOP/s"),
      positive("disk", ParameterType::kRate,
               "of reading from a node's NVMe disks (one of PCIe 4.0 x4)", "7 GB/s"),
      latency("disk_latency", "of such a read (assumed)", "100 us")};
}

std::vector<Parameter> gpu_parameters() {
  return {{.name = "name", .doc = "as on the data sheet", .required = true},
          {.name = "memory",
           .type = ParameterType::kSize,
           .doc = "of one GPU",
           .required = true,
           .minimum = 0,
           .above_minimum = true},
          rate("memory_bandwidth", "of the GPU's own memory"),
          {.name = "sms",
           .type = ParameterType::kInteger,
           .doc = "streaming multiprocessors",
           .required = true,
           .minimum = 1},
          rate("pcie", "to the host and the NIC, one way"),
          {.name = "peak",
           .type = ParameterType::kTree,
           .doc = "peak by dtype; one that is missing runs at the next wider one's",
           .required = true}};
}

std::vector<Parameter> cluster_parameters() {
  return {
      {.name = "gpu",
       .type = ParameterType::kTree,
       .doc = "what a GPU is and can do",
       .required = true},
      {.name = "host",
       .type = ParameterType::kTree,
       .doc = "memory, CPU and disks of a node, for experts that are not on its GPUs"},
      count("nodes", "servers (for NVL72: compute trays)", "1", 16384),
      count("gpus_per_node", "GPUs of a server", "8", 1024),
      {.name = "nics_per_node",
       .type = ParameterType::kInteger,
       .doc = "NICs of a server; by default one for each GPU, fewer are shared",
       .minimum = 0,
       .maximum = 1024},
      {.name = "nvlink_bandwidth",
       .type = ParameterType::kRate,
       .doc = "of a GPU's NVLink port, one way; 0 = no NVLink",
       .fallback = "0 GB/s",
       .minimum = 0},
      latency("nvlink_latency", "of a GPU's NVLink port, one way; a message passes two", "0.5 us"),
      {.name = "nic_bandwidth",
       .type = ParameterType::kRate,
       .doc = "of a NIC, one way; needed where there are NICs",
       .fallback = "0 GB/s",
       .minimum = 0},
      latency("nic_latency", "NIC to leaf switch; a message passes two", "1 us"),
      latency("switch_latency", "leaf to spine; a message that crosses the spine passes two",
              "0.3 us"),
      {.name = "topology",
       .type = ParameterType::kTree,
       .doc = "what is wired to what: a kind (moesim list topology) and its keys",
       .fallback = "rail_optimized"},
      {.name = "overrides",
       .type = ParameterType::kTree,
       .doc = "nodes and links that differ from the rest, a list"}};
}

ClusterSection read_cluster_section(const YamlNode& section, Mistakes& mistakes) {
  ClusterSection result;
  PresetSection preset;
  try {
    preset = merge_presets(section, "clusters");
  } catch (const InputError& error) {
    mistakes.add(error);
    return result;
  }
  Mistakes own;
  const auto parameters = cluster_parameters();
  const Arguments cluster = read_arguments(preset.section, parameters, own, "cluster");
  result.inputs = std::move(preset.inputs);
  result.resolved = resolved_section(cluster, parameters);
  if (cluster.has("gpu"))
    result.spec.gpu = read_gpu(cluster.tree("gpu"), own, *result.resolved.find("gpu"));
  if (own.empty()) {
    const bool given = cluster.has("host");
    YamlNode none = YamlNode::map(), resolved;
    result.spec.host =
        read_host(given ? cluster.tree("host") : none, result.spec.gpu, own, resolved);
    if (given) result.resolved.set("host", std::move(resolved));
  }
  if (cluster.has("topology"))
    result.topology = read_choice(Topology::kRole, cluster.tree("topology"), own);
  if (own.empty()) {
    read_sizes(cluster, result.spec, own);
    result.spec.spot = section.spot;
    result.resolved.set("nics_per_node",
                        YamlNode::scalar(std::to_string(result.spec.nics_per_node)));
    result.resolved.set("topology", resolved_choice(Topology::kRole, result.topology));
    if (cluster.has("overrides"))
      result.spec.overrides = read_overrides(cluster.tree("overrides"), result.spec.nodes, own,
                                             result.resolved.set("overrides", {}));
    result.resolved = in_declared_order(std::move(result.resolved), parameters);
  }
  mistakes.add(own);
  return result;
}

Cluster build_cluster(const ClusterSection& section) {
  return Registry<Topology>::make(section.topology)->build(section.spec);
}

Cluster read_cluster(const YamlNode& section, Mistakes& mistakes) {
  const ClusterSection read = read_cluster_section(section, mistakes);
  mistakes.throw_if_any();
  return build_cluster(read);
}

}  // namespace moesim
