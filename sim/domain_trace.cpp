#include "sim/domain_trace.hpp"

#include <algorithm>
#include <cmath>

#include "sim/append_new.hpp"
#include "sim/base/digest.hpp"

namespace moesim {
namespace {

std::uint64_t seed_of(const std::string& domain) { return domain.empty() ? 0 : hash_of(domain); }

bool records_domains(const Choice& trace) {
  const PluginInfo* info = Catalog::instance().find(Trace::kRole, trace.kind);
  return std::any_of(info->parameters.begin(), info->parameters.end(), [](const Parameter& each) {
    return each.name == "domains" && each.type == ParameterType::kTexts;
  });
}

std::unique_ptr<Trace> trace_of(const Scenario& scenario, const std::string& domain) {
  if (domain.empty() || !records_domains(scenario.trace))
    return Registry<Trace>::make(scenario.trace);
  YamlNode section = *scenario.resolved.find(Trace::kRole);
  section.spot = scenario.trace.spot;
  section.set("domains", YamlNode::scalar(domain, scenario.trace.spot));
  Mistakes mistakes;
  const Choice choice = read_choice(Trace::kRole, section, mistakes);
  mistakes.throw_if_any();
  return Registry<Trace>::make(choice);
}

// Rows of all parts, source by source; all have the same details.
void append_source(const Routing& part, GpuId source, Routing& all) {
  const int first = part.first_token[source.index()], end = part.first_token[source.index() + 1];
  all.first_token.back() += end - first;
  append_rows(part.ids, first, end, static_cast<std::size_t>(part.top_k), all.ids);
  append_rows(part.weights, first, end, static_cast<std::size_t>(part.top_k), all.weights);
  append_rows(part.logits, first, end, static_cast<std::size_t>(part.experts()), all.logits);
  for (const ExpertId expert : part.counts.column_ids())
    all.counts(source, expert) += part.counts(source, expert);
}

}  // namespace

DomainTrace::DomainTrace(std::vector<Domain> domains) : domains_(std::move(domains)) {}

void DomainTrace::fit(const MoeModel& model, Mistakes& mistakes) {
  for (Domain& domain : domains_) domain.trace->fit(model, mistakes);
}

std::vector<double> DomainTrace::usual_shares() const {
  std::vector<double> shares;
  for (const Domain& domain : domains_) shares.push_back(domain.share);
  return shares;
}

// Cut at rounded places, which lie a little elsewhere for each source: no domain is rounded down
// everywhere.
std::vector<std::vector<int>> DomainTrace::shared_out(std::span<const int> tokens,
                                                      std::span<const double> shares) const {
  double total = 0;
  for (const double share : shares) total += share;
  std::vector<std::vector<int>> own(domains_.size(), std::vector<int>(tokens.size()));
  for (std::size_t source = 0; source < tokens.size(); ++source) {
    const double offset = (static_cast<double>(source) + 0.5) / static_cast<double>(tokens.size());
    double share = 0;
    int before = 0;
    for (std::size_t domain = 0; domain < domains_.size(); ++domain) {
      share += shares[domain] / total;
      const bool last = domain + 1 == domains_.size();
      const int end =
          last ? tokens[source]
               : std::clamp(static_cast<int>(std::floor(tokens[source] * share + offset)), before,
                            tokens[source]);
      own[domain][source] = end - before;
      before = end;
    }
  }
  return own;
}

template <class Route>
Routing DomainTrace::mixed(const RoutingRequest& request, const Route& route) const {
  const std::vector<double> usual = usual_shares();
  const auto tokens =
      shared_out(request.tokens, request.classes.empty() ? std::span(usual) : request.classes);
  std::vector<Routing> parts;
  for (std::size_t domain = 0; domain < domains_.size(); ++domain) {
    RoutingRequest own = request;
    own.tokens = tokens[domain];
    own.classes = {};
    own.random = Random(request.random.seed() + domains_[domain].seed);
    parts.push_back(route(*domains_[domain].trace, own));
  }
  const Routing& first = parts.front();
  Routing all{.top_k = first.top_k,
              .first_token = {0},
              .counts = ExpertCounts(first.counts.rows(), first.counts.columns())};
  for (const GpuId source : first.counts.row_ids()) {
    all.first_token.push_back(all.first_token.back());
    for (const Routing& part : parts) append_source(part, source, all);
  }
  return all;
}

Routing DomainTrace::route(const RoutingRequest& request) const {
  return mixed(request,
               [](const Trace& trace, const RoutingRequest& own) { return trace.route(own); });
}

Routing DomainTrace::profile_route(const RoutingRequest& request) const {
  return mixed(request, [](const Trace& trace, const RoutingRequest& own) {
    return trace.profile_route(own);
  });
}

ExpertLoad DomainTrace::profile(int steps, std::span<const int> tokens, Random random) const {
  const auto own = shared_out(tokens, usual_shares());
  ExpertLoad sum;
  for (std::size_t domain = 0; domain < domains_.size(); ++domain) {
    const ExpertLoad load = domains_[domain].trace->profile(
        steps, own[domain], Random(random.seed() + domains_[domain].seed));
    if (domain == 0) {
      sum = load;
      continue;
    }
    for (const LayerId layer : sum.row_ids())
      for (const ExpertId expert : sum.column_ids()) sum(layer, expert) += load(layer, expert);
  }
  return sum;
}

std::vector<std::string> DomainTrace::notes() const {
  std::vector<std::string> all;
  for (const Domain& domain : domains_) append_new(all, domain.trace->notes());
  return all;
}

std::unique_ptr<Trace> trace_of_classes(const Scenario& scenario) {
  const auto has_domain = [](const ClassShare& each) { return !each.domain.empty(); };
  const std::vector<ClassShare>& classes = scenario.class_shares;
  if (std::none_of(classes.begin(), classes.end(), has_domain))
    return Registry<Trace>::make(scenario.trace);
  std::vector<DomainTrace::Domain> domains;
  for (const ClassShare& each : classes)
    domains.push_back({.trace = trace_of(scenario, each.domain),
                       .seed = records_domains(scenario.trace) ? 0 : seed_of(each.domain),
                       .share = each.tokens});
  return std::make_unique<DomainTrace>(std::move(domains));
}

}  // namespace moesim
