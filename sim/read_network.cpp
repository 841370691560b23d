#include "sim/read_network.hpp"

#include <fmt/format.h>

#include "sim/read_section.hpp"

namespace moesim {
namespace {

constexpr int kLargestFluid = 512;  // GPUs; above, aggregated is the default (DESIGN §5)

Schedule read_schedule(const YamlNode& section, YamlNode& resolved, Mistakes& mistakes) {
  const auto& parameters = section_parameters("network.schedule");
  const Arguments schedule =
      read_arguments(section, parameters, mistakes, "section 'network.schedule'");
  resolved.set("schedule", resolved_section(schedule, parameters));
  return {.window = schedule.integer("window"),
          .order = choice_of<PeerOrder>(schedule, "order", {"shifted", "ascending", "random"})};
}

void check_pairwise(const Arguments& network, int gpus, Mistakes& mistakes) {
  if (gpus <= kLargestPairwise || network.flag("force")) return;
  mistakes.add(
      network.spot("fidelity"),
      fmt::format("pairwise is refused above {} GPUs; there are {}", kLargestPairwise, gpus),
      "use fluid, or set network.force: true");
}

}  // namespace

NetworkSection read_network_section(const YamlNode& section, int gpus, Mistakes& mistakes) {
  const auto& parameters = section_parameters("network");
  const Arguments network = read_arguments(section, parameters, mistakes, "section 'network'");
  NetworkSection result{.resolved = resolved_section(network, parameters)};
  NetworkOptions& options = result.options;
  options.fidelity = gpus > kLargestFluid ? Fidelity::kAggregated : Fidelity::kFluid;
  if (network.has("fidelity"))
    options.fidelity = choice_of<Fidelity>(network, "fidelity",
                                           {std::begin(kFidelityNames), std::end(kFidelityNames)});
  if (options.fidelity == Fidelity::kPairwise) check_pairwise(network, gpus, mistakes);
  options.tolerance = network.number("tolerance");
  options.force = network.flag("force");
  if (network.has("routing"))
    options.routing = choice_of<RouteRule>(network, "routing", {"direct", "pxn", "source_rail"});
  if (network.has("coupling"))
    options.coupling =
        choice_of<Coupling>(network, "coupling", {"cut_through", "store_and_forward"});
  if (network.has("wait_for"))
    options.wait_for = choice_of<WaitFor>(network, "wait_for", {"own", "node", "all"});
  set_first(result.resolved, "fidelity", to_string(options.fidelity));
  if (network.has("schedule"))
    options.schedule = read_schedule(network.tree("schedule"), result.resolved, mistakes);
  return result;
}

}  // namespace moesim
