#include "sim/exchange/library.hpp"

#include <algorithm>
#include <numeric>

#include "sim/model/uniform_exchange.hpp"

namespace moesim {
namespace {

RouteRule rule_of(const std::string& name) {
  if (name == "pxn") return RouteRule::kPxn;
  return name == "source_rail" ? RouteRule::kSourceRail : RouteRule::kDirect;
}

}  // namespace

std::vector<Parameter> exchange_parameters(const ExchangeDefaults& defaults) {
  return {{.name = "library",
           .doc = "whose costs of the calibration it has",
           .fallback = defaults.library},
          {.name = "dispatch_dtype",
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
    : library(arguments.text("library")),
      dispatch_dtype(arguments.text("dispatch_dtype")),
      sms(arguments.integer("sms")),
      schedule{.window = arguments.integer("window")},
      rule(rule_of(arguments.text("routing"))) {}

bool ExchangeSettings::fp8_dispatch(const MoeModel& model) const {
  if (dispatch_dtype != "auto") return dispatch_dtype == "fp8";
  return model.expert_dtype == DType::kFp8 || model.expert_dtype == DType::kFp8Block;
}

double bf16_row(const MoeModel& model) { return bf16_row_bytes(model.hidden); }
double fp8_row(const MoeModel& model) { return fp8_row_bytes(model.hidden); }

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

ExchangeBuilder::ExchangeBuilder(const ExchangeSettings& settings, const ExchangeRequest& request,
                                 const Domains& domains)
    : settings_(settings),
      request_(request),
      domains_(domains),
      rates_(port_rates(request.cluster)) {}

double ExchangeBuilder::mean(const RowMatrix& rows) const {
  return std::accumulate(rows.raw().begin(), rows.raw().end(), 0.0) / request_.cluster.gpus();
}

ExchangeWork ExchangeBuilder::work_of(const std::vector<ByteMatrix>& legs,
                                      const ExchangeRows& rows) const {
  const int gpus = request_.cluster.gpus();
  double local = 0, network = 0;
  for (const ByteMatrix& bytes : legs)
    for (const GpuId source : bytes.row_ids())
      for (const GpuId target : bytes.column_ids())
        if (source != target)
          (domains_.of[source] == domains_.of[target] ? local : network) += bytes(source, target);
  return {.tokens = static_cast<double>(request_.routing.tokens()) / gpus,
          .rows = rows.rows,
          .messages = rows.messages,
          .row_bytes = rows.row_bytes,
          .experts = request_.placement.slots(),
          .ranks = gpus,
          .domains = domains_.count(),
          .sms = rows.sms,
          .local = Bytes(local / gpus),
          .network = Bytes(network / gpus),
          .staged = Bytes(domains_.count() > 1 ? rows.staged * rows.row_bytes : 0)};
}

// Of the first GPU to its neighbour and to its peer in the next domain, as on the machines that
// libraries were measured on: a spine on the way comes on top.
Seconds ExchangeBuilder::path_latency(RouteRule rule) const {
  const auto& first = domains_.members[DomainId(0)];
  Seconds latency(0);
  if (first.size() > 1) latency = request_.cluster.route(first[0], first[1], rule).latency;
  if (domains_.count() < 2) return latency;
  const GpuId peer = domains_.peer(DomainId(1), first[0]);
  return std::max(latency, request_.cluster.route(first[0], peer, rule).latency);
}

Exchange ExchangeBuilder::build(Phase phase, std::vector<ByteMatrix> legs,
                                const ExchangeRows& rows) const {
  const ExchangeCost cost = request_.cost.exchange(
      settings_.library, phase == Phase::kDispatch ? "dispatch" : "combine", domains_.count() > 1);
  const ExchangeWork work = work_of(legs, rows);
  const ExchangeTime time = exchange_time(cost, work, rates_);
  const RouteRule rule = request_.rule.value_or(settings_.rule);
  Exchange exchange{.start_up = std::max(Seconds(0), time.start_up - path_latency(rule)),
                    .notify = time.notify,
                    .sms = settings_.sms,
                    .schedule = request_.schedule.value_or(settings_.schedule),
                    .phase = phase};
  // Wire time of the mean GPU over the time of its bytes at the port's own rate.
  const auto inflation = [](Seconds wire, Bytes bytes, BytesPerSecond rate) {
    return bytes.value > 0 && rate.value > 0 ? std::max(1.0, wire / (bytes / rate)) : 1;
  };
  for (ByteMatrix& bytes : legs)
    exchange.legs.push_back({.bytes = std::move(bytes),
                             .network_inflation = inflation(time.network, work.network, rates_.nic),
                             .local_inflation = inflation(time.local, work.local, rates_.nvlink),
                             .rule = rule});
  return exchange;
}

}  // namespace moesim
