#include "analysis/profile_axes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "sim/base/preset_section.hpp"
#include "sim/model/model_reader.hpp"

namespace moesim {
namespace {

std::vector<Parameter> shape_parameters() {
  const auto size = [](const char* name, const char* doc, double maximum) {
    return Parameter{.name = name,
                     .type = ParameterType::kInteger,
                     .doc = doc,
                     .required = true,
                     .minimum = 1,
                     .maximum = maximum};
  };
  return {size("hidden", "hidden size", 65536),
          size("width", "width of an expert", 65536),
          size("experts", "routed experts of the layer", 1024),
          size("top_k", "experts per token", 16),
          {.name = "matrices",
           .type = ParameterType::kInteger,
           .doc = "of an expert: 3 = gated, 2 = plain",
           .fallback = "3",
           .minimum = 2,
           .maximum = 3}};
}

// Every item of a list must be one of the names.
void check_names(const Arguments& axes, const char* axis, const std::vector<std::string>& known,
                 Mistakes& mistakes) {
  for (const std::string& name : axes.texts(axis))
    if (std::find(known.begin(), known.end(), name) == known.end())
      mistakes.add(axes.spot(axis), fmt::format("'{}' is none of the {}", name, axis),
                   hint_for(name, known));
}

std::vector<int> whole_numbers(const Arguments& axes, const char* axis, int minimum,
                               Mistakes& mistakes) {
  std::vector<int> numbers;
  for (const double value : axes.numbers(axis)) {
    if (value < minimum || value > 1 << 24 || value != static_cast<int>(value))
      mistakes.add(axes.spot(axis),
                   fmt::format("{} holds whole numbers from {}, not {}", axis, minimum, value));
    else
      numbers.push_back(static_cast<int>(value));
  }
  return numbers;
}

void add_shape(std::vector<ProfileShape>& shapes, const ProfileShape& shape) {
  if (std::find(shapes.begin(), shapes.end(), shape) == shapes.end()) shapes.push_back(shape);
}

void read_models(const Arguments& axes, std::vector<ProfileShape>& shapes, Mistakes& mistakes) {
  for (const std::string& name : axes.texts("models")) {
    Mistakes own;
    const ModelSection read = read_model_section(YamlNode::scalar(name, axes.spot("models")), own);
    mistakes.add(own);
    if (!own.empty()) continue;
    add_shape(shapes, {.hidden = read.model.hidden,
                       .width = read.model.expert_width,
                       .experts = read.model.experts,
                       .top_k = read.model.top_k,
                       .matrices = read.model.expert_matrices});
  }
}

void read_shapes(const Arguments& axes, std::vector<ProfileShape>& shapes, Mistakes& mistakes) {
  if (!axes.has("shapes")) return;
  const YamlNode& list = axes.tree("shapes");
  if (!list.is_list())
    mistakes.add(list.spot, "shapes is a list of {hidden, width, experts, top_k}");
  for (const YamlNode& item : list.items) {
    Mistakes own;
    const Arguments shape = read_arguments(item, shape_parameters(), own, "shape");
    if (own.empty() && shape.integer("top_k") > shape.integer("experts"))
      own.add(shape.spot("top_k"), "a token cannot have more experts than there are");
    mistakes.add(own);
    if (!own.empty()) continue;
    add_shape(shapes, {.hidden = shape.integer("hidden"),
                       .width = shape.integer("width"),
                       .experts = shape.integer("experts"),
                       .top_k = shape.integer("top_k"),
                       .matrices = shape.integer("matrices")});
  }
}

// "18432x7168"
std::vector<GemmShape> read_gemms(const Arguments& axes, Mistakes& mistakes) {
  std::vector<GemmShape> gemms;
  for (const std::string& text : axes.texts("gemms")) {
    GemmShape gemm;
    const char* const end = text.data() + text.size();
    const auto [cross, first] = std::from_chars(text.data(), end, gemm.n);
    const bool two = first == std::errc() && cross < end && *cross == 'x';
    const auto [stop, second] = two ? std::from_chars(cross + 1, end, gemm.k)
                                    : std::from_chars_result{end, std::errc::invalid_argument};
    if (second != std::errc() || stop != end || gemm.n < 1 || gemm.k < 1)
      mistakes.add(axes.spot("gemms"), fmt::format("'{}' is no pair of sizes", text),
                   "as in 7168x2048: C[m,7168] = A[m,2048] · B[2048,7168]");
    else
      gemms.push_back(gemm);
  }
  return gemms;
}

std::vector<Choice> read_skews(const Arguments& axes, Mistakes& mistakes) {
  std::vector<Choice> skews;
  const YamlNode& tree = axes.tree("skews");
  for (const YamlNode& item : tree.is_list() ? tree.items : std::vector<YamlNode>{tree})
    skews.push_back(read_choice("trace", item, mistakes));
  return skews;
}

std::vector<Bytes> read_sizes(const Arguments& axes) {
  std::vector<Bytes> sizes;
  for (const std::string& text : axes.texts("sizes"))
    sizes.push_back(Bytes(parse_quantity(text, ParameterType::kSize, axes.spot("sizes"))));
  return sizes;
}

ProfileAxes read_lists(const Arguments& axes, Mistakes& mistakes) {
  check_names(axes, "kernels", profile_kernels(), mistakes);
  check_names(axes, "dtypes", {"bf16", "fp8_block"}, mistakes);
  check_names(axes, "variants", {"usual", "own", "cublas", "blas", "reference"}, mistakes);
  check_names(axes, "gates",
              {"softmax_then_topk", "topk_then_softmax", "deepseek_v3", "noisy_topk"}, mistakes);
  check_names(axes, "caches", {"warm", "cold"}, mistakes);
  ProfileAxes read{.kernels = axes.texts("kernels"),
                   .gemms = read_gemms(axes, mistakes),
                   .tokens = whole_numbers(axes, "tokens", 1, mistakes),
                   .local_experts = whole_numbers(axes, "local_experts", 1, mistakes),
                   .dtypes = axes.texts("dtypes"),
                   .variants = axes.texts("variants"),
                   .gates = axes.texts("gates"),
                   .caches = axes.texts("caches"),
                   .skews = read_skews(axes, mistakes),
                   .sizes = read_sizes(axes),
                   .copy_sms = whole_numbers(axes, "copy_sms", 0, mistakes),
                   .noise = axes.number("noise"),
                   .time_limit = axes.time("time_limit"),
                   .seed = static_cast<std::uint64_t>(axes.integer("seed"))};
  read_models(axes, read.shapes, mistakes);
  read_shapes(axes, read.shapes, mistakes);
  return read;
}

}  // namespace

std::vector<std::string> profile_kernels() {
  return {"experts",
          "permute",
          "ffn",
          "unpermute",
          "experts_with_copy",
          "gate",
          "router",
          "gemm",
          "memory_pass",
          "copy_device",
          "copy_host_to_device",
          "copy_device_to_host",
          "launch",
          "dispatch_pack",
          "combine_pack",
          "all_reduce",
          "all_to_all"};
}

std::vector<Parameter> profile_parameters() {
  const auto texts = [](const char* name, const char* doc, const char* fallback) {
    return Parameter{.name = name, .type = ParameterType::kTexts, .doc = doc, .fallback = fallback};
  };
  const auto numbers = [](const char* name, const char* doc, const char* fallback) {
    return Parameter{
        .name = name, .type = ParameterType::kNumbers, .doc = doc, .fallback = fallback};
  };
  return {
      texts("kernels", "what to measure", "[experts, gate, router, gemm, memory_pass, launch]"),
      texts("models", "presets or files whose MoE layer gives a shape", "[]"),
      {.name = "shapes",
       .type = ParameterType::kTree,
       .doc = "more shapes, each {hidden, width, experts, top_k, matrices}"},
      texts("gemms", "dense layers as NxK: C[m,N] = A[m,K] · B[K,N], m = tokens", "[]"),
      numbers("tokens", "of the whole expert-parallel group", "[1, 16, 128, 1024, 4096]"),
      numbers("local_experts",
              "experts of the GPU that is measured; left out where it does not divide them",
              "[8, 64]"),
      texts("dtypes", "bf16, fp8_block; what the device cannot do is left out", "[bf16]"),
      texts("variants", "usual = the device's fastest; own, cublas, blas, reference", "[usual]"),
      {.name = "skews",
       .type = ParameterType::kTree,
       .doc = "loads: a list of generators as in `trace:`",
       .fallback = "[balanced, {kind: lognormal, sigma: 0.8}]"},
      texts("gates", "softmax_then_topk, topk_then_softmax, deepseek_v3, noisy_topk",
            "[softmax_then_topk, deepseek_v3]"),
      texts("caches", "warm: the same buffers again; cold: none of them in the L2 cache", "[cold]"),
      texts("sizes", "of copies, memory passes and collectives", "[1 MB, 16 MB, 256 MB]"),
      numbers("copy_sms", "SMs that a copy beside the experts takes", "[0, 8, 16, 24]"),
      {.name = "noise",
       .type = ParameterType::kNumber,
       .doc = "half width of the median's 95 % interval at which a point is done, over the median",
       .fallback = "0.01",
       .minimum = 0.0001,
       .maximum = 1},
      {.name = "time_limit",
       .type = ParameterType::kTime,
       .doc = "of the whole sweep; points that are left then stay unmeasured",
       .fallback = "300 s",
       .minimum = 0.1},
      {.name = "seed",
       .type = ParameterType::kInteger,
       .doc = "of loads and inputs",
       .fallback = "1",
       .minimum = 0}};
}

ProfileAxes read_profile_axes(const YamlNode& section) {
  const PresetSection merged = merge_presets(section, "profiles");
  const auto parameters = profile_parameters();
  Mistakes mistakes;
  const Arguments axes = read_arguments(merged.section, parameters, mistakes, "axes");
  mistakes.throw_if_any();
  ProfileAxes read = read_lists(axes, mistakes);
  mistakes.throw_if_any();
  read.resolved = resolved_section(axes, parameters);
  return read;
}

}  // namespace moesim
