#include "sim/calibration/cost_fields.hpp"

#include <fmt/format.h>

#include <string_view>

namespace moesim {
namespace {
using enum ParameterType;

// A member that is a quantity, and one that is a plain number.
template <class Cost, auto Member>
double get_quantity(const Cost& cost) {
  return (cost.*Member).value;
}
template <class Cost, auto Member>
void set_quantity(Cost& cost, double value) {
  (cost.*Member).value = value;
}
template <class Cost, auto Member>
double get_number(const Cost& cost) {
  return cost.*Member;
}
template <class Cost, auto Member>
void set_number(Cost& cost, double value) {
  cost.*Member = value;
}

template <class Cost>
struct Declare {
  template <auto Member>
  static constexpr CostField<Cost> time(const char* name, const char* doc) {
    return {name, doc, kTime, "0 s", get_quantity<Cost, Member>, set_quantity<Cost, Member>};
  }
  template <auto Member>
  static constexpr CostField<Cost> rate(const char* name, const char* doc) {
    return {name, doc, kRate, "0 B/s", get_quantity<Cost, Member>, set_quantity<Cost, Member>};
  }
  template <auto Member>
  static constexpr CostField<Cost> number(const char* name, const char* doc, const char* fallback) {
    return {name, doc, kNumber, fallback, get_number<Cost, Member>, set_number<Cost, Member>};
  }
};

using Exchange = Declare<ExchangeCost>;
constexpr ExchangeField kExchangeFields[] = {
    Exchange::time<&ExchangeCost::start_up>(
        "start_up", "of the data kernel, the latency of the links included"),
    Exchange::time<&ExchangeCost::start_up_per_expert>("start_up_per_expert",
                                                       "for each expert of the layer"),
    Exchange::time<&ExchangeCost::start_up_per_byte>("start_up_per_byte", "for each byte of a row"),
    Exchange::time<&ExchangeCost::per_peer>("per_peer",
                                            "for each rank outside the own NVLink domain"),
    Exchange::time<&ExchangeCost::notify>(
        "notify", "of the counting step before it, a rendezvous of all ranks"),
    Exchange::time<&ExchangeCost::notify_per_doubling>("notify_per_doubling",
                                                       "of the counting step, each time the "
                                                       "number of NVLink domains doubles"),
    Exchange::number<&ExchangeCost::notify_share>(
        "notify_share", "of the counting step, per time on the wire", "0"),
    Exchange::time<&ExchangeCost::ramp>("ramp",
                                        "what a long exchange loses before its pipeline is full"),
    Exchange::time<&ExchangeCost::ramp_scale>("ramp_scale",
                                              "time on the wire that loses half of that"),
    Exchange::time<&ExchangeCost::token_work>("token_work", "of one SM, for each token"),
    Exchange::time<&ExchangeCost::row_work>("row_work", "of one SM, for each row that it sends"),
    Exchange::rate<&ExchangeCost::rate_per_sm>(
        "rate_per_sm", "at which one SM moves rows over NVLink; 0 = no limit"),
    Exchange::rate<&ExchangeCost::staging_rate_per_sm>(
        "staging_rate_per_sm",
        "at which one SM moves rows to and from the NIC's buffers; 0 = no limit"),
    Exchange::time<&ExchangeCost::per_message>("per_message",
                                               "of the NVLink port, for each message"),
    Exchange::time<&ExchangeCost::in_flight>("in_flight",
                                             "over NICs, from one message to a peer to the next"),
    Exchange::number<&ExchangeCost::local_efficiency>("local_efficiency",
                                                      "payload rate / NVLink port rate", "1"),
    Exchange::number<&ExchangeCost::network_efficiency>("network_efficiency",
                                                        "payload rate / NIC rate", "1")};

using Collective = Declare<CollectiveCost>;
constexpr CollectiveField kCollectiveFields[] = {
    Collective::time<&CollectiveCost::start_up>("start_up", "of the kernel"),
    Collective::time<&CollectiveCost::per_local_hop>("per_local_hop",
                                                     "for each hop inside an NVLink domain"),
    Collective::time<&CollectiveCost::per_network_hop>("per_network_hop",
                                                       "for each hop over a NIC"),
    Collective::time<&CollectiveCost::ramp>("ramp", "what a large collective loses"),
    Collective::time<&CollectiveCost::ramp_scale>("ramp_scale",
                                                  "time on the wire that loses half of that"),
    Collective::number<&CollectiveCost::local_efficiency>("local_efficiency",
                                                          "payload rate / NVLink port rate", "1"),
    Collective::number<&CollectiveCost::pair_loss>(
        "pair_loss", "of that, divided by the GPUs of a domain: fewer channels", "0"),
    Collective::number<&CollectiveCost::network_efficiency>("network_efficiency",
                                                            "payload rate / NIC rate", "1")};

}  // namespace

std::span<const ExchangeField> exchange_fields() { return kExchangeFields; }
std::span<const CollectiveField> collective_fields() { return kCollectiveFields; }

Parameter parameter_of(const char* name, const char* doc, ParameterType type,
                       const char* fallback) {
  Parameter parameter{.name = name, .type = type, .doc = doc, .fallback = fallback, .minimum = 0};
  const bool is_efficiency = std::string_view(fallback) == "1";
  if (is_efficiency) parameter.maximum = 1;
  parameter.above_minimum = is_efficiency;
  return parameter;
}

double four_digits(double value) { return std::stod(fmt::format("{:.4g}", value)); }

}  // namespace moesim
