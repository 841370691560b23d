#include "sim/calibration/pnorm_experts.hpp"

#include "sim/calibration/cost_form.hpp"
#include "sim/calibration/pnorm_parameters.hpp"

namespace moesim {
namespace {

class PnormExperts : public CostForm {
 public:
  explicit PnormExperts(const Arguments& arguments) : tile_(arguments.number("tile")) {
    for (std::size_t i = 0; i < coefficients_.size(); ++i)
      coefficients_[i] = arguments.number(pnorm_parameters()[i].name);
  }

  std::string only_kernel() const final { return "experts"; }

  FormTime time(const KernelWork& work, const FormGpu& gpu) const final {
    MOESIM_CHECK(work.experts != nullptr, "pnorm_experts stands only under kernel: experts");
    const ExpertWork& experts = *work.experts;
    const PnormShape shape = shape_of(experts, gpu);
    PnormParts<double> sum{};
    int rows_before = 0;
    PnormParts<double> before{};  // neighbours often have equal rows
    for (const int rows : experts.tokens) {
      if (rows <= 0) continue;
      if (rows != rows_before) before = pnorm_expert(coefficients_, shape, rows);
      rows_before = rows;
      sum.compute += before.compute;
      sum.memory += before.memory;
    }
    sum.memory += pnorm_overhead(coefficients_, shape);
    return {.time = {Seconds(sum.compute), Seconds(sum.memory)}};
  }

 private:
  PnormShape shape_of(const ExpertWork& work, const FormGpu& gpu) const {
    PnormShape shape = pnorm_shape(work, gpu, tile_);
    for (const int rows : work.tokens) {
      shape.routes += rows;
      shape.active += rows > 0 ? 1 : 0;
    }
    if (shape.usual_rows <= 0 && shape.slots > 0) shape.usual_rows = shape.routes / shape.slots;
    return shape;
  }

  PnormCoefficients<double> coefficients_{};
  double tile_;
};

Parameter coefficient(std::string name, ParameterType type, std::string doc) {
  return {.name = std::move(name),
          .type = type,
          .doc = std::move(doc),
          .fallback = type == ParameterType::kTime ? "0 s" : "0",
          .minimum = 0};
}

Parameter above_zero(std::string name, std::string doc, std::optional<std::string> fallback = {}) {
  return {.name = std::move(name),
          .type = ParameterType::kNumber,
          .doc = std::move(doc),
          .fallback = fallback,
          .required = !fallback,
          .minimum = 0,
          .above_minimum = true};
}

std::vector<Parameter> fixed_times() {
  using enum ParameterType;
  return {coefficient("base", kTime, "of the call"),
          coefficient("slot", kTime, "per local expert slot"),
          coefficient("active", kTime, "per slot that has rows"),
          coefficient("expert", kTime, "per expert that the routes are sorted among"),
          coefficient("hidden", kTime, "per hidden column, once"),
          coefficient("width", kTime, "per column of the expert's width, once")};
}

std::vector<Parameter> expert_rates() {
  using enum ParameterType;
  return {above_zero("compute_efficiency", "of the datasheet peak"),
          above_zero("memory_efficiency", "of the datasheet memory bandwidth"),
          {.name = "exponent",
           .type = kNumber,
           .doc = "p of the norm: 1 adds compute and memory time, a large one takes the larger",
           .required = true,
           .minimum = 1},
          coefficient("extra_width", kNumber, "columns read beyond the width of a slice"),
          coefficient("reread", kNumber, "weights read again per further tile of rows"),
          above_zero("tile_base", "rows of a tile where experts usually have none", "64"),
          coefficient("tile_slope", kNumber, "rows of a tile per usual row of an expert")};
}

std::vector<Parameter> traffic_times() {
  using enum ParameterType;
  return {coefficient("route_hidden", kTime, "per local route and hidden column"),
          coefficient("route_width", kTime, "per local route and column of the width"),
          coefficient("token_hidden", kTime, "per input token and hidden column"),
          coefficient("token_choice", kTime, "per input token and choice (top-k)"),
          coefficient("token_expert", kTime, "per input token and expert")};
}

std::vector<Parameter> all_parameters() {
  std::vector<Parameter> parameters = pnorm_parameters();
  parameters.push_back(above_zero("tile", "rows that the compute of an expert is padded to", "64"));
  return parameters;
}

const Register<CostForm, PnormExperts> kPnormExperts{
    {.name = "pnorm_experts",
     .summary = "fused MoE kernel from the rows of each expert, a p-norm roofline per expert",
     .source = "DESIGN §6",
     .parameters = all_parameters()}};

}  // namespace

const std::vector<Parameter>& pnorm_parameters() {
  static const std::vector<Parameter> all = [] {
    std::vector<Parameter> parameters = fixed_times();
    for (auto&& group : {expert_rates(), traffic_times()})
      parameters.insert(parameters.end(), group.begin(), group.end());
    MOESIM_CHECK(parameters.size() == kPnormCount, "one parameter for each coefficient");
    return parameters;
  }();
  return all;
}

PnormShape pnorm_shape(const ExpertWork& work, const FormGpu& gpu, double tile) {
  const double slots = static_cast<double>(work.tokens.size());
  return {.hidden = static_cast<double>(work.hidden),
          .width = static_cast<double>(work.width),
          .matrices = static_cast<double>(work.matrices),
          .slots = slots,
          .experts = work.routed_experts > 0 ? work.routed_experts : slots,
          .top_k = static_cast<double>(work.top_k),
          .tokens = work.input_tokens,
          .usual_rows = work.usual_rows,
          .tile = tile,
          .seconds_per_flop = 1 / gpu.spec.peak_of(work.dtype).value,
          .seconds_per_column =
              work.hidden * bytes_per_parameter(work.dtype) / gpu.spec.memory_bandwidth.value,
          .traffic_scale = gpu.traffic_scale};
}

}  // namespace moesim
