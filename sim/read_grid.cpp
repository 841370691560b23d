#include "sim/read_grid.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

// Each of `value` shards of a part of the model has as much.
void check_split(const Arguments& arguments, const char* key, int size, const std::string& what,
                 const MoeModel& model, Mistakes& mistakes) {
  const int shards = arguments.integer(key);
  if (size % shards == 0) return;
  mistakes.add(arguments.spot(key), fmt::format("{} {} does not divide the {} {} of {}", key,
                                                shards, size, what, model.name));
}

void check_model(const Arguments& arguments, const MoeModel& model, int chunks,
                 Mistakes& mistakes) {
  check_split(arguments, "tp", model.attention.heads, "attention heads", model, mistakes);
  if (mistakes.empty() && model.dense_width > 0)
    check_split(arguments, "tp", model.dense_width, "columns of the dense FFN", model, mistakes);
  check_split(arguments, "etp", model.expert_width, "columns of an expert", model, mistakes);
  if (chunks > 1 && arguments.integer("pp") * chunks > model.layers)
    mistakes.add(
        arguments.spot("pp"),
        fmt::format("{} stages with {} parts of the model each are more than the {} layers "
                    "of {}",
                    arguments.integer("pp"), chunks, model.layers, model.name));
  else if (arguments.integer("pp") > model.layers)
    mistakes.add(arguments.spot("pp"),
                 fmt::format("{} stages are more than the {} layers of {}", arguments.integer("pp"),
                             model.layers, model.name));
}

// A kernel of routed experts computes experts of one width, of tokens that the GPU has.
void check_fused(const Arguments& arguments, const Parallel& parallel, const MoeModel& model,
                 Mistakes& mistakes) {
  const Spot spot = arguments.spot("shared_experts");
  if (model.shared_experts == 0)
    mistakes.add(spot, fmt::format("{} has no shared experts", model.name),
                 "shared_experts: separate");
  else if (model.shared_width != model.expert_width)
    mistakes.add(spot,
                 fmt::format("the shared experts of {} are {} wide, and its routed ones {}",
                             model.name, model.shared_width, model.expert_width),
                 "shared_experts: separate");
  if (parallel.attention_gpus > 0)
    mistakes.add(spot, "GPUs with attention have no kernel of routed experts",
                 "shared_experts: separate");
  if (parallel.scattered ? parallel.etp > 1 : parallel.ep > 1)
    mistakes.add(spot,
                 "shared experts are fused where each GPU has its own tokens and whole experts, or "
                 "all tokens and a slice of every expert",
                 "etp: 1, or tp = etp");
}

}  // namespace

GridSection read_grid(const Arguments& arguments, const MoeModel& model,
                      const std::shared_ptr<const Cluster>& cluster, int chunks,
                      Mistakes& mistakes) {
  Parallel parallel{.tp = arguments.integer("tp"),
                    .pp = arguments.integer("pp"),
                    .etp = arguments.integer("etp"),
                    .collectives = arguments.text("collectives"),
                    .chunks = chunks,
                    .attention_gpus = arguments.integer("attention_gpus")};
  const int share = parallel.pp * parallel.etp;
  parallel.ep = arguments.has("ep")            ? arguments.integer("ep")
                : parallel.attention_gpus > 0  ? cluster->gpus() - parallel.attention_gpus
                : cluster->gpus() % share == 0 ? cluster->gpus() / share
                                               : 1;
  GridSection section{.chosen = {{"ep", std::to_string(parallel.ep)}}};
  if (const GridMistake mistake = grid_mistake(parallel, cluster->gpus()); !mistake.key.empty())
    mistakes.add(arguments.spot(mistake.key), mistake.message, mistake.hint);
  check_model(arguments, model, chunks, mistakes);
  // The same groups for dense parts and experts.
  const bool same = parallel.attention_gpus == 0 && parallel.tp == parallel.ep * parallel.etp;
  const std::string tokens = arguments.text("tokens");
  parallel.scattered = tokens == "auto" ? !same || parallel.tp == 1 : tokens == "scattered";
  section.chosen.emplace_back("tokens", parallel.scattered ? "scattered" : "replicated");
  if (!parallel.scattered && !same)
    mistakes.add(arguments.spot("tokens"),
                 fmt::format("tokens are replicated in groups of tp {}, but the experts are shared "
                             "by ep {} x etp {} GPUs",
                             parallel.tp, parallel.ep, parallel.etp),
                 "say tokens: scattered, or make tp = ep x etp");
  parallel.fused_shared = arguments.text("shared_experts") == "fused";
  if (parallel.fused_shared) check_fused(arguments, parallel, model, mistakes);
  if (mistakes.empty()) section.grid = std::make_shared<const Grid>(parallel, cluster);
  return section;
}

}  // namespace moesim
