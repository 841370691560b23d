#include "sim/calibration/exchange_table.hpp"

#include <algorithm>

#include "sim/calibration/datasheet.hpp"

namespace moesim {
namespace {

constexpr int kUsualNodeLimit = 4;

bool has_all(const MeasuredTable& table, std::initializer_list<const char*> columns) {
  return std::all_of(columns.begin(), columns.end(),
                     [&](const char* column) { return table.has(column); });
}

// Zero where the field is empty.
Seconds microseconds(const MeasuredTable& table, std::size_t row, const std::string& column) {
  if (table.text(row, column).empty()) return Seconds(0);
  return Seconds(1e-6 * table.number(row, column));
}

}  // namespace

int usual_node_limit(int nodes) { return std::min(nodes, kUsualNodeLimit); }

bool is_exchange_table(const MeasuredTable& table) {
  if (is_publication(table)) return true;
  return has_all(table, {"system", "num_nodes", "ep_size", "hidden_size", "topk", "num_experts",
                         "num_tokens_per_rank"}) &&
         (table.has("dispatch_transmit_us") || table.has("dispatch_us"));
}

ExchangeSample exchange_sample(const std::string& library, UniformTraffic traffic,
                               const std::string& system, Seconds measured) {
  const bool normal = library == "deepep_normal";
  traffic.family = normal ? ExchangeFamily::kDeduplicated : ExchangeFamily::kPerRoute;
  if (normal && traffic.domain_limit == 0) traffic.domain_limit = usual_node_limit(traffic.domains);
  if (const Datasheet* sheet = find_datasheet(system)) traffic.device_sms = sheet->gpu.sms;
  return {.library = library,
          .phase = traffic.dispatch ? "dispatch" : "combine",
          .system = system,
          .traffic = traffic,
          .work = uniform_work(traffic),
          .measured = measured,
          .size = static_cast<double>(traffic.tokens)};
}

ExchangeRow read_exchange_row(const MeasuredTable& table, std::size_t row) {
  if (is_publication(table)) return read_publication_row(table, row);
  const bool normal = table.has("dispatch_transmit_us");
  UniformTraffic traffic{.tokens = table.integer(row, "num_tokens_per_rank"),
                         .hidden = table.integer(row, "hidden_size"),
                         .top_k = table.integer(row, "topk"),
                         .experts = table.integer(row, "num_experts"),
                         .ranks = table.integer(row, "ep_size"),
                         .domains = table.integer(row, "num_nodes")};
  ExchangeRow read{.reason = traffic_mistake(traffic),
                   .suspect = table.text(row, "suspect") == "1"};
  if (!read.reason.empty()) return read;
  for (const std::string phase : {"dispatch", "combine"}) {
    traffic.dispatch = phase == "dispatch";
    if (normal) traffic.sms = table.integer(row, phase + "_sms");
    const Seconds notify = microseconds(table, row, phase + "_notify_us");
    const Seconds transmit = microseconds(table, row, phase + (normal ? "_transmit_us" : "_us"));
    ExchangeSample sample = exchange_sample(normal ? "deepep_normal" : "deepep_low_latency",
                                            traffic, table.text(row, "system"),
                                            transmit.value > 0 ? transmit + notify : transmit);
    sample.notify = notify;
    read.samples.push_back(std::move(sample));
  }
  return read;
}

}  // namespace moesim
