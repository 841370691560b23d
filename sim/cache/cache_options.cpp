#include "sim/cache/cache.hpp"
#include "sim/model/moe_model.hpp"

namespace moesim {
namespace {

std::vector<Parameter> sizes() {
  return {{.name = "slots",
           .type = ParameterType::kInteger,
           .doc = "experts that a GPU keeps, of each layer (scope layer) or of all (scope gpu); "
                  "default: as many as fit",
           .minimum = 0},
          {.name = "memory",
           .type = ParameterType::kSize,
           .doc = "of a GPU, for the experts it keeps; default: what everything else leaves",
           .minimum = 0},
          {.name = "scope",
           .type = ParameterType::kChoice,
           .doc = "slots of each layer, or of all layers together",
           .fallback = "layer",
           .choices = {"layer", "gpu"}},
          {.name = "start",
           .type = ParameterType::kChoice,
           .doc = "what is there before the first step: nothing, or the experts most used in a "
                  "profiling window",
           .fallback = "empty",
           .choices = {"empty", "hot"}}};
}

std::vector<Parameter> handling() {
  std::vector<std::string> dtypes = dtype_names();
  return {{.name = "overlap",
           .type = ParameterType::kFlag,
           .doc = "experts that are there are computed while others are fetched",
           .fallback = "true"},
          {.name = "miss",
           .type = ParameterType::kChoice,
           .doc = "fetch a missing expert, let the CPU compute it, or whichever takes less time",
           .fallback = "fetch",
           .choices = {"fetch", "cpu", "cheaper"}},
          {.name = "low_dtype",
           .type = ParameterType::kChoice,
           .doc = "a missing expert that matters little is fetched as a copy in this dtype "
                  "(HOBBIT)",
           .choices = std::move(dtypes)},
          {.name = "low_weight",
           .type = ParameterType::kNumber,
           .doc = "with low_dtype: an expert matters little where all its routes have a smaller "
                  "weight; the routing must have weights",
           .minimum = 0,
           .maximum = 1},
          {.name = "low_rank",
           .type = ParameterType::kInteger,
           .doc = "with low_dtype: likewise where it is at best the token's choice of this rank, "
                  "counted from 0",
           .minimum = 1}};
}

}  // namespace

std::vector<Parameter> with_cache_options(std::vector<Parameter> own) {
  for (auto& parameters : {sizes(), handling()})
    for (const Parameter& parameter : parameters) own.push_back(parameter);
  return own;
}

CacheOptions read_cache_options(const Arguments& arguments) {
  CacheOptions options{
      .scope = arguments.text("scope") == "gpu" ? CacheScope::kGpu : CacheScope::kLayer,
      .starts_hot = arguments.text("start") == "hot",
      .overlap = arguments.flag("overlap")};
  if (arguments.text("miss") == "cpu") options.miss = Miss::kCpu;
  if (arguments.text("miss") == "cheaper") options.miss = Miss::kCheaper;
  if (arguments.has("slots")) options.slots = arguments.integer("slots");
  if (arguments.has("memory")) options.memory = arguments.size("memory");
  if (arguments.has("low_dtype")) options.low_dtype = arguments.text("low_dtype");
  if (arguments.has("low_weight")) options.low_weight = arguments.number("low_weight");
  if (arguments.has("low_rank")) options.low_rank = arguments.integer("low_rank");
  if (options.slots && options.memory)
    throw InputError(arguments.spot("memory"), "give either slots or memory",
                     "slots counts experts, memory bytes for them");
  const bool judged = options.low_weight || options.low_rank;
  if (!options.low_dtype.empty() && !judged)
    throw InputError(arguments.spot("low_dtype"), "low_dtype needs low_weight or low_rank",
                     "for example low_weight: 0.3");
  if (options.low_dtype.empty() && judged)
    throw InputError(arguments.spot(options.low_weight ? "low_weight" : "low_rank"),
                     "which dtype the copies have is not said", "for example low_dtype: mxfp4");
  return options;
}

}  // namespace moesim
