#include "sim/calibration/calibration_schema.hpp"

#include "sim/calibration/cost_fields.hpp"
#include "sim/model/moe_model.hpp"

namespace moesim {
namespace {
using enum ParameterType;

Parameter speed_limit(std::string name, std::string doc) {
  return {.name = std::move(name),
          .type = kRate,
          .doc = std::move(doc),
          .fallback = "0 B/s",
          .minimum = 0};
}

void add_evidence(std::vector<Parameter>& parameters) {
  parameters.push_back({.name = "samples",
                        .type = kInteger,
                        .doc = "measurements it was fitted on",
                        .fallback = "0",
                        .minimum = 0});
  parameters.push_back(
      {.name = "held_out", .type = kTree, .doc = "error on measurements the fit had not seen"});
}

}  // namespace

const std::vector<std::string>& kernel_names() {
  // Those after memory_pass are measured, and validated, but no run asks for them yet.
  static const std::vector<std::string> names = {
      "experts",      "gemm",        "attention", "attention_prefill",   "attention_decode",
      "gate",         "memory_pass", "permute",   "unpermute",           "dispatch_pack",
      "combine_pack", "copy_device", "launch",    "copy_host_to_device", "copy_device_to_host"};
  return names;
}

const std::vector<Parameter>& calibration_parameters() {
  static const std::vector<Parameter> parameters = {
      {.name = "schema", .doc = "moesim.calibration/1", .required = true},
      {.name = "framework", .doc = "whose kernels these are", .fallback = "\"\""},
      {.name = "software", .doc = "versions that were measured", .fallback = "\"\""},
      {.name = "source", .doc = "where the measurements are from", .fallback = "\"\""},
      {.name = "notes", .type = kTexts, .doc = "to read before trusting the numbers"},
      {.name = "include",
       .type = kTexts,
       .doc = "calibrations whose exchanges and collectives this one takes over"},
      {.name = "kernels_of",
       .doc = "a calibration whose kernels this one takes over, scaled to its GPU by datasheet "
              "ratios; its own come first"},
      {.name = "kernels_error",
       .type = kNumber,
       .doc = "that taking them over adds to their error, 0.1 = 10 %",
       .fallback = "0",
       .minimum = 0},
      {.name = "gpu", .type = kTree, .doc = "that was measured on", .required = true},
      {.name = "kernels", .type = kTree, .doc = "a list of GPU kernels"},
      {.name = "exchanges", .type = kTree, .doc = "a list of exchange libraries' costs"},
      {.name = "collectives", .type = kTree, .doc = "a list of collectives' costs"}};
  return parameters;
}

const std::vector<Parameter>& measured_gpu_parameters() {
  static const std::vector<Parameter> parameters = {
      {.name = "name", .doc = "as in the cluster, such as H200 SXM", .required = true},
      {.name = "memory_bandwidth",
       .type = kRate,
       .doc = "datasheet rate of the GPU memory",
       .required = true,
       .minimum = 0,
       .above_minimum = true},
      {.name = "sms",
       .type = kInteger,
       .doc = "streaming multiprocessors",
       .required = true,
       .minimum = 1},
      {.name = "peak", .type = kTree, .doc = "dense datasheet peak by dtype", .required = true},
      speed_limit("nvlink", "a GPU's NVLink port, one way"),
      speed_limit("nic", "a GPU's NIC, one way")};
  return parameters;
}

const std::vector<Parameter>& kernel_parameters() {
  static const std::vector<Parameter> parameters = {
      {.name = "kernel",
       .type = kChoice,
       .doc = "which work it does",
       .required = true,
       .choices = kernel_names()},
      {.name = "dtype", .type = kChoice, .doc = "absent: every dtype", .choices = dtype_names()},
      {.name = "matrices",
       .type = kInteger,
       .doc = "of an expert: 3 gated, 2 plain, 0 both",
       .fallback = "0",
       .minimum = 0,
       .maximum = 3},
      {.name = "attention",
       .type = kChoice,
       .doc = "core of an attention kernel; absent: either",
       .choices = {"mla", "gqa"}},
      {.name = "kernel_source", .doc = "the library's name of the kernel", .fallback = "\"\""},
      {.name = "form", .type = kTree, .doc = "a cost form and its coefficients", .required = true},
      {.name = "range", .type = kTree, .doc = "of the measurements it was fitted on"},
      {.name = "samples",
       .type = kInteger,
       .doc = "measurements it was fitted on",
       .fallback = "0",
       .minimum = 0},
      {.name = "held_out", .type = kTree, .doc = "error on measurements the fit had not seen"}};
  return parameters;
}

const std::vector<Parameter>& range_parameters() {
  const auto axis = [](std::string name, std::string doc) {
    return Parameter{.name = std::move(name), .type = kNumbers, .doc = std::move(doc)};
  };
  static const std::vector<Parameter> parameters = {
      axis("tokens", "input tokens, rows of a GEMM, [low, high]"),
      axis("hidden", "hidden size, [low, high]"),
      axis("width", "expert width of a GPU, [low, high]"),
      axis("slots", "local experts, [low, high]"),
      axis("n", "columns of a GEMM's result, [low, high]"),
      axis("k", "inner dimension of a GEMM, [low, high]"),
      axis("heads", "query heads of a GPU, [low, high]"),
      axis("sequences", "of an attention batch, [low, high]"),
      axis("context", "tokens that the last one attends to, [low, high]"),
      axis("experts", "that a gate chooses from, [low, high]"),
      axis("bytes", "read or written, [low, high]"),
  };
  return parameters;
}

const std::vector<Parameter>& held_out_parameters() {
  static const std::vector<Parameter> parameters = {
      {.name = "mape",
       .type = kNumber,
       .doc = "mean absolute error relative to the measurement",
       .required = true,
       .minimum = 0},
      {.name = "folds", .doc = "how rows were held out", .fallback = "\"\""},
      {.name = "regimes", .type = kTree, .doc = "mape by regime, and the fit's own"}};
  return parameters;
}

const std::vector<Parameter>& exchange_parameters() {
  static const std::vector<Parameter> parameters = [] {
    std::vector<Parameter> all = {
        {.name = "library", .doc = "deepep_normal, deepep_low_latency, nccl, …", .required = true},
        {.name = "phase",
         .type = kChoice,
         .doc = "of the exchange",
         .required = true,
         .choices = {"dispatch", "combine"}},
        {.name = "scope",
         .type = kChoice,
         .doc = "one NVLink domain (local), or several (network)",
         .required = true,
         .choices = {"local", "network"}}};
    for (const ExchangeField& field : exchange_fields())
      all.push_back(parameter_of(field.name, field.doc, field.type, field.fallback));
    add_evidence(all);
    return all;
  }();
  return parameters;
}

const std::vector<Parameter>& collective_parameters() {
  static const std::vector<Parameter> parameters = [] {
    std::vector<Parameter> all = {
        {.name = "library", .doc = "nccl, trtllm, vllm, …", .required = true},
        {.name = "kind",
         .type = kChoice,
         .doc = "what it does (an all-to-all stands under exchanges)",
         .required = true,
         .choices = {"all_reduce", "all_gather", "reduce_scatter", "broadcast"}},
        {.name = "algorithm",
         .type = kChoice,
         .doc = "its form; of several the fastest is taken",
         .required = true,
         .choices = {"ring", "tree", "one_hop", "one_shot", "two_shot"}},
        {.name = "scope",
         .type = kChoice,
         .doc = "one NVLink domain (local), or several (network)",
         .required = true,
         .choices = {"local", "network"}}};
    for (const CollectiveField& field : collective_fields())
      all.push_back(parameter_of(field.name, field.doc, field.type, field.fallback));
    add_evidence(all);
    return all;
  }();
  return parameters;
}

}  // namespace moesim
