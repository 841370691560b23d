#include "analysis/profile_points.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <set>

#include "sim/trace/trace.hpp"

namespace moesim {
namespace {

// What one GPU of a group has to do.
struct RankLoad {
  std::vector<int> rows;  // [local experts]
  int input_tokens = 0;   // distinct
};

MoeModel layer_of(const ProfileShape& shape) {
  return {.name = "profile",
          .layers = 1,
          .moe_layers = {0},
          .hidden = shape.hidden,
          .expert_width = shape.width,
          .experts = shape.experts,
          .top_k = shape.top_k};
}

// A generator made for a shape.
std::unique_ptr<Trace> generator(const Choice& skew, const ProfileShape& shape,
                                 Mistakes& mistakes) {
  auto trace = Registry<Trace>::make(skew);
  trace->fit(layer_of(shape), mistakes);
  return trace;
}

// The expert ids of `tokens` tokens.
Routing draw(const Trace& trace, int tokens, std::uint64_t seed) {
  return trace.route({.step = StepId(0),
                      .layer = LayerId(0),
                      .tokens = {&tokens, 1},
                      .detail = RoutingDetail::kIds,
                      .random = Random(seed)});
}

// Of the GPU with most tokens; the first of these.
RankLoad heaviest_rank(const Routing& routing, int local_experts) {
  const auto load = expert_load(routing.counts);
  const int ranks = routing.experts() / local_experts;
  std::vector<std::int64_t> of_rank(static_cast<std::size_t>(ranks));
  for (const ExpertId expert : load.ids())
    of_rank[static_cast<std::size_t>(expert.value / local_experts)] += load[expert];
  const int heaviest =
      static_cast<int>(std::max_element(of_rank.begin(), of_rank.end()) - of_rank.begin());
  RankLoad rank;
  for (int slot = 0; slot < local_experts; ++slot)
    rank.rows.push_back(static_cast<int>(load[ExpertId(heaviest * local_experts + slot)]));
  for (int token = 0; token < routing.tokens(); ++token)
    rank.input_tokens += std::ranges::any_of(routing.ids_of(token), [&](std::int16_t expert) {
      return expert >= 0 && expert / local_experts == heaviest;
    });
  return rank;
}

bool in(const std::string& name, std::initializer_list<const char*> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class Points {
 public:
  explicit Points(const ProfileAxes& axes) : axes_(axes) {}

  ProfileSweep take() {
    for (const Choice& skew : axes_.skews) make_generators(skew);
    for (const std::string& kernel : axes_.kernels) add_kernel(kernel);
    return {std::move(points_), std::move(left_out_)};
  }

 private:
  struct Generator {
    const Choice* skew;
    const ProfileShape* shape;
    std::unique_ptr<Trace> trace;
  };

  void make_generators(const Choice& skew) {
    Mistakes of_all;
    const std::size_t before = generators_.size();
    for (const ProfileShape& shape : axes_.shapes) {
      Mistakes mistakes;
      auto trace = generator(skew, shape, mistakes);
      if (mistakes.empty())
        generators_.push_back({&skew, &shape, std::move(trace)});
      else
        left_out_.push_back(fmt::format("trace '{}' has no load for {} experts, top-{}", skew.kind,
                                        shape.experts, shape.top_k));
      of_all.add(mistakes);
    }
    if (generators_.size() == before) of_all.throw_if_any();
  }

  void add_kernel(const std::string& kernel) {
    if (kernel == "launch") return add_launches();
    if (kernel == "gemm") return add_gemms();
    if (kernel.starts_with("copy_") || in(kernel, {"memory_pass", "all_reduce", "all_to_all"}))
      return add_sizes(kernel);
    const bool of_sender = in(kernel, {"dispatch_pack", "combine_pack"});
    if (!of_sender && !in(kernel, {"gate", "router"})) return add_loads(kernel);
    for (const ProfileShape& shape : axes_.shapes)
      for (const int tokens : axes_.tokens)
        of_sender ? add_packs(kernel, shape, tokens) : add_gate(kernel, shape, tokens);
  }

  // The request with every variant, dtype and cache state.
  void add(const Json& request, bool of_dtype = true) {
    const std::vector<std::string> none = {""};
    for (const std::string& variant : axes_.variants)
      for (const std::string& dtype : of_dtype ? axes_.dtypes : none)
        for (const std::string& cache : axes_.caches) {
          Json point = request;
          point["variant"] = variant;
          if (of_dtype) point["dtype"] = dtype;
          point["cache"] = cache;
          if (seen_.insert(point.dump()).second) points_.push_back(std::move(point));
        }
  }

  void add_launches() {
    for (const char* mode : {"stream", "graph"})
      for (const int kernels : {1, 10, 100})
        points_.push_back(
            {{"kernel", "launch"}, {"mode", mode}, {"shape", {{"kernels", kernels}}}});
  }

  void add_gemms() {
    for (const GemmShape& gemm : axes_.gemms)
      for (const int tokens : axes_.tokens)
        add({{"kernel", "gemm"}, {"shape", {{"m", tokens}, {"n", gemm.n}, {"k", gemm.k}}}});
  }

  void add_sizes(const std::string& kernel) {
    for (const Bytes size : axes_.sizes) {
      Json point = {{"kernel", kernel}, {"shape", {{"bytes", std::llround(size.value)}}}};
      if (kernel == "memory_pass") point["cache"] = "cold";
      points_.push_back(std::move(point));
    }
  }

  void add_gate(const std::string& kernel, const ProfileShape& shape, int tokens) {
    const Json sizes = {{"tokens", tokens},
                        {"hidden", shape.hidden},
                        {"experts", shape.experts},
                        {"top_k", shape.top_k}};
    if (kernel == "router") return add({{"kernel", kernel}, {"shape", sizes}});
    for (const std::string& gate : axes_.gates)
      add({{"kernel", kernel}, {"gate", gate}, {"shape", sizes}}, false);
  }

  // What a GPU sends of its own tokens to ranks of so many experts.
  void add_packs(const std::string& kernel, const ProfileShape& shape, int tokens) {
    for (const int local : axes_.local_experts)
      if (shape.experts % local == 0)
        add({{"kernel", kernel},
             {"shape",
              {{"tokens", tokens},
               {"hidden", shape.hidden},
               {"experts", shape.experts},
               {"local_experts", local},
               {"top_k", shape.top_k}}}});
  }

  void add_loads(const std::string& kernel) {
    for (const Generator& from : generators_)
      for (const int tokens : axes_.tokens) {
        const Routing routing = draw(*from.trace, tokens, axes_.seed);
        for (const int local : axes_.local_experts)
          if (from.shape->experts % local == 0)
            add_load(kernel, from, tokens, heaviest_rank(routing, local));
      }
  }

  void add_load(const std::string& kernel, const Generator& from, int tokens,
                const RankLoad& rank) {
    if (rank.input_tokens == 0) return;
    const ProfileShape& shape = *from.shape;
    Json load = to_json(resolved_choice("trace", *from.skew));
    load["seed"] = axes_.seed;
    Json sizes = {{"tokens", tokens},         {"input_tokens", rank.input_tokens},
                  {"hidden", shape.hidden},   {"width", shape.width},
                  {"experts", shape.experts}, {"local_experts", rank.rows.size()},
                  {"top_k", shape.top_k},     {"matrices", shape.matrices}};
    Json request = {{"kernel", kernel}, {"shape", sizes}, {"load", load}, {"rows", rank.rows}};
    if (kernel != "experts_with_copy") return add(request);
    for (const int sms : axes_.copy_sms) {
      request["shape"]["copy_sms"] = sms;
      add(request);
    }
  }

  const ProfileAxes& axes_;
  std::vector<Generator> generators_;
  std::vector<Json> points_;
  std::vector<std::string> left_out_;
  std::set<std::string> seen_;  // loads of two generators may be the same
};

// Steps through the list by the golden section of its length, made coprime to it: any run of
// neighbours then lies evenly over the list (Weyl's sequence of the golden ratio).
std::vector<Json> spread(std::vector<Json> points) {
  const std::size_t count = points.size();
  if (count < 3) return points;
  auto step = static_cast<std::size_t>(0.6180339887498949 * static_cast<double>(count));
  while (std::gcd(step, count) != 1) ++step;
  std::vector<Json> order;
  for (std::size_t i = 0, at = 0; i < count; ++i, at = (at + step) % count)
    order.push_back(std::move(points[at]));
  return order;
}

}  // namespace

ProfileSweep profile_sweep(const ProfileAxes& axes) {
  ProfileSweep sweep = Points(axes).take();
  sweep.points = spread(std::move(sweep.points));
  return sweep;
}

}  // namespace moesim
