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

std::vector<Parameter> all_parameters() {
  std::vector<Parameter> parameters = pnorm_parameters();
  parameters.push_back({.name = "tile",
                        .type = ParameterType::kNumber,
                        .doc = "rows that the compute of an expert is padded to",
                        .fallback = "64",
                        .minimum = 0,
                        .above_minimum = true});
  return parameters;
}

const Register<CostForm, PnormExperts> kPnormExperts{
    {.name = "pnorm_experts",
     .summary = "fused MoE kernel from the rows of each expert, a p-norm roofline per expert",
     .source = "DESIGN §6",
     .parameters = all_parameters()}};

}  // namespace

const std::vector<Parameter>& pnorm_parameters() {
  using enum ParameterType;
  const auto coefficient = [](std::string name, ParameterType type, std::string doc,
                              std::string fallback) {
    return Parameter{.name = std::move(name),
                     .type = type,
                     .doc = std::move(doc),
                     .fallback = std::move(fallback),
                     .minimum = 0};
  };
  const auto above_zero = [](std::string name, std::string doc) {
    return Parameter{.name = std::move(name),
                     .type = kNumber,
                     .doc = std::move(doc),
                     .required = true,
                     .minimum = 0,
                     .above_minimum = true};
  };
  static const std::vector<Parameter> parameters = {
      coefficient("base", kTime, "of the call", "0 s"),
      coefficient("slot", kTime, "per local expert slot", "0 s"),
      coefficient("active", kTime, "per slot that has rows", "0 s"),
      coefficient("expert", kTime, "per expert that the routes are sorted among", "0 s"),
      coefficient("hidden", kTime, "per hidden column, once", "0 s"),
      coefficient("width", kTime, "per column of the expert's width, once", "0 s"),
      above_zero("compute_efficiency", "of the datasheet peak"),
      above_zero("memory_efficiency", "of the datasheet memory bandwidth"),
      {.name = "exponent",
       .type = kNumber,
       .doc = "p of the norm: 1 adds compute and memory time, a large one takes the larger",
       .required = true,
       .minimum = 1},
      coefficient("extra_width", kNumber, "columns read beyond the width of a slice", "0"),
      coefficient("reread", kNumber, "weights read again per further tile of rows", "0"),
      {.name = "tile_base",
       .type = kNumber,
       .doc = "rows of a tile where experts usually have none",
       .fallback = "64",
       .minimum = 0,
       .above_minimum = true},
      coefficient("tile_slope", kNumber, "rows of a tile per usual row of an expert", "0"),
      coefficient("route_hidden", kTime, "per local route and hidden column", "0 s"),
      coefficient("route_width", kTime, "per local route and column of the width", "0 s"),
      coefficient("token_hidden", kTime, "per input token and hidden column", "0 s"),
      coefficient("token_choice", kTime, "per input token and choice (top-k)", "0 s"),
      coefficient("token_expert", kTime, "per input token and expert", "0 s"),
  };
  return parameters;
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
