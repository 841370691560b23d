#include "sim/calibration/exchange_fields.hpp"

namespace moesim {
namespace {
using enum ParameterType;

// A member that is a quantity, and one that is a plain number.
template <auto Member>
double get_quantity(const ExchangeCost& cost) {
  return (cost.*Member).value;
}
template <auto Member>
void set_quantity(ExchangeCost& cost, double value) {
  (cost.*Member).value = value;
}
template <auto Member>
double get_number(const ExchangeCost& cost) {
  return cost.*Member;
}
template <auto Member>
void set_number(ExchangeCost& cost, double value) {
  cost.*Member = value;
}

template <auto Member>
constexpr ExchangeField time(const char* name, const char* doc) {
  return {name, doc, kTime, "0 s", get_quantity<Member>, set_quantity<Member>};
}
template <auto Member>
constexpr ExchangeField rate(const char* name, const char* doc) {
  return {name, doc, kRate, "0 B/s", get_quantity<Member>, set_quantity<Member>};
}
template <auto Member>
constexpr ExchangeField number(const char* name, const char* doc, const char* fallback) {
  return {name, doc, kNumber, fallback, get_number<Member>, set_number<Member>};
}

using Cost = ExchangeCost;
constexpr ExchangeField kFields[] = {
    time<&Cost::start_up>("start_up", "of the data kernel, the latency of the links included"),
    time<&Cost::start_up_per_expert>("start_up_per_expert", "for each expert of the layer"),
    time<&Cost::start_up_per_byte>("start_up_per_byte", "for each byte of a row"),
    time<&Cost::per_peer>("per_peer", "for each rank outside the own NVLink domain"),
    time<&Cost::notify>("notify", "of the counting step before it, a rendezvous of all ranks"),
    time<&Cost::notify_per_doubling>("notify_per_doubling",
                                     "of the counting step, each time the "
                                     "number of NVLink domains doubles"),
    number<&Cost::notify_share>("notify_share", "of the counting step, per time on the wire", "0"),
    time<&Cost::ramp>("ramp", "what a long exchange loses before its pipeline is full"),
    time<&Cost::ramp_scale>("ramp_scale", "time on the wire that loses half of that"),
    time<&Cost::token_work>("token_work", "of one SM, for each token"),
    time<&Cost::row_work>("row_work", "of one SM, for each row that it sends"),
    rate<&Cost::rate_per_sm>("rate_per_sm", "at which one SM moves rows over NVLink; 0 = no limit"),
    rate<&Cost::staging_rate_per_sm>(
        "staging_rate_per_sm",
        "at which one SM moves rows to and from the NIC's buffers; 0 = no limit"),
    time<&Cost::per_message>("per_message", "of the NVLink port, for each message"),
    time<&Cost::in_flight>("in_flight", "over NICs, from one message to a peer to the next"),
    number<&Cost::local_efficiency>("local_efficiency", "payload rate / NVLink port rate", "1"),
    number<&Cost::network_efficiency>("network_efficiency", "payload rate / NIC rate", "1")};

}  // namespace

std::span<const ExchangeField> exchange_fields() { return kFields; }

}  // namespace moesim
