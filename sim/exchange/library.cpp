#include "sim/exchange/library.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

constexpr int kScaleBlock = 128;  // values that share a float32 scale

RouteRule rule_of(const std::string& name) {
  if (name == "pxn") return RouteRule::kPxn;
  return name == "source_rail" ? RouteRule::kSourceRail : RouteRule::kDirect;
}

BytesPerSecond narrowest_local_link(const Cluster& cluster, const Domains& domains) {
  for (const auto& gpus : domains.members) {
    if (gpus.size() < 2) continue;
    const Route route = cluster.route(gpus[0], gpus[1], RouteRule::kDirect);
    BytesPerSecond rate = cluster.link(route.links[0]).bandwidth;
    for (int i = 1; i < route.count; ++i)
      rate = std::min(rate, cluster.link(route.links[static_cast<std::size_t>(i)]).bandwidth);
    return rate;
  }
  return {};
}

}  // namespace

std::vector<Parameter> exchange_parameters(const ExchangeDefaults& defaults) {
  return {{.name = "dispatch_dtype",
           .type = ParameterType::kChoice,
           .doc = "of activations on the way to the experts; auto: fp8 for fp8 experts, else bf16",
           .fallback = "auto",
           .choices = {"auto", "fp8", "bf16"}},
          {.name = "sms",
           .type = ParameterType::kInteger,
           .doc = "SMs that its kernels take from compute",
           .fallback = defaults.sms,
           .minimum = 0},
          {.name = "window",
           .type = ParameterType::kInteger,
           .doc = "peers that a sender serves at once, 0 = all; network.schedule overrides it",
           .fallback = defaults.window,
           .minimum = 0},
          {.name = "routing",
           .type = ParameterType::kChoice,
           .doc = "between rails; network.routing overrides it",
           .fallback = defaults.routing,
           .choices = {"direct", "pxn", "source_rail"}}};
}

ExchangeSettings::ExchangeSettings(const Arguments& arguments)
    : dispatch_dtype(arguments.text("dispatch_dtype")),
      sms(arguments.integer("sms")),
      schedule{.window = arguments.integer("window")},
      rule(rule_of(arguments.text("routing"))) {}

bool ExchangeSettings::fp8_dispatch(const MoeModel& model) const {
  if (dispatch_dtype != "auto") return dispatch_dtype == "fp8";
  return model.expert_dtype == DType::kFp8 || model.expert_dtype == DType::kFp8Block;
}

double bf16_row(const MoeModel& model) { return 2.0 * model.hidden; }
double fp8_row(const MoeModel& model) {
  return model.hidden + 4.0 * std::ceil(static_cast<double>(model.hidden) / kScaleBlock);
}

ByteMatrix transposed(const ByteMatrix& bytes, double factor) {
  ByteMatrix result(bytes.columns(), bytes.rows());
  for (const GpuId row : bytes.row_ids())
    for (const GpuId column : bytes.column_ids()) result(column, row) = factor * bytes(row, column);
  return result;
}

ByteMatrix bytes_of(const RowMatrix& rows, double bytes_per_row) {
  ByteMatrix bytes = rows;
  for (double& value : bytes.raw()) value *= bytes_per_row;
  return bytes;
}

IdVector<GpuId, double> received_rows(const RowMatrix& rows) {
  IdVector<GpuId, double> received(rows.columns());
  for (const GpuId source : rows.row_ids())
    for (const GpuId gpu : rows.column_ids()) received[gpu] += rows(source, gpu);
  return received;
}

ExchangeBuilder::ExchangeBuilder(std::string library, const ExchangeSettings& settings,
                                 const ExchangeRequest& request, const Domains& domains)
    : library_(std::move(library)),
      settings_(settings),
      request_(request),
      crosses_domains_(domains.count() > 1),
      local_rate_(narrowest_local_link(request.cluster, domains)) {}

double ExchangeBuilder::local_inflation(const ExchangeCost& cost) const {
  BytesPerSecond rate = local_rate_ * cost.local_efficiency;
  if (cost.rate_per_sm.value > 0 && settings_.sms > 0)
    rate = std::min(rate, cost.rate_per_sm * static_cast<double>(settings_.sms));
  if (cost.local_ceiling.value > 0) rate = std::min(rate, cost.local_ceiling);
  return rate.value > 0 ? std::max(1.0, local_rate_ / rate) : 1;
}

Exchange ExchangeBuilder::build(Phase phase, std::vector<ByteMatrix> legs, double messages) const {
  const ExchangeCost cost = request_.cost.exchange(
      library_, phase == Phase::kDispatch ? "dispatch" : "combine", crosses_domains_);
  Exchange exchange{.start_up = cost.start_up + cost.per_message * messages,
                    .notify = cost.notify,
                    .sms = settings_.sms,
                    .schedule = request_.schedule.value_or(settings_.schedule),
                    .phase = phase};
  for (ByteMatrix& bytes : legs)
    exchange.legs.push_back({.bytes = std::move(bytes),
                             .network_inflation = std::max(1.0, 1 / cost.network_efficiency),
                             .local_inflation = local_inflation(cost),
                             .rule = request_.rule.value_or(settings_.rule)});
  return exchange;
}

}  // namespace moesim
