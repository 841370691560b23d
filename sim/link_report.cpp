#include "sim/link_report.hpp"

#include <algorithm>

#include "sim/model/cluster_graph.hpp"

namespace moesim {
namespace {

constexpr std::size_t kHottest = 8;
constexpr LinkKind kKinds[] = {LinkKind::kNvLink, LinkKind::kPcie, LinkKind::kNic,
                               LinkKind::kSpine,  LinkKind::kHost, LinkKind::kDisk};

LinkRecord record_of(std::span<const LinkUse> uses, const Link& link, Seconds time, int steps) {
  LinkRecord record{.name = link.name,
                    .kind = link.kind,
                    .background = link.background,
                    .hash_loss = link.hash_loss,
                    .bandwidth = link.bandwidth.value,
                    .can_fill = link.can_fill};
  if (!link.can_fill) return record;
  for (std::size_t phase = 0; phase < uses.size(); ++phase) {
    const LinkUse& use = uses[phase];
    if (use.bytes[link.id] <= 0) continue;
    const double busy = use.wire_bytes[link.id] / (link.bandwidth.value * time.value);
    const double bytes = use.bytes[link.id] / steps;
    record.phases.push_back({.phase = static_cast<Phase>(phase), .bytes = bytes, .use = busy});
    record.bytes += bytes;
    record.use += busy;
  }
  return record;
}

void add(std::vector<PhaseUse>& phases, const PhaseUse& more) {
  const auto found = std::find_if(phases.begin(), phases.end(),
                                  [&](const PhaseUse& use) { return use.phase == more.phase; });
  if (found == phases.end()) return phases.push_back(more);
  found->bytes += more.bytes;
  found->use = std::max(found->use, more.use);
}

// Between leaves; a spine that is as wide as its NICs is on no route.
void count_spine(const LinkUses& uses, int steps, LinkClassRecord& spine) {
  spine.bytes = 0;
  for (PhaseUse& use : spine.phases) use.bytes = 0;
  for (int phase = 0; phase < kPhases; ++phase) {
    const double bytes = uses[static_cast<std::size_t>(phase)].spine_bytes / steps;
    if (bytes <= 0) continue;
    spine.bytes += bytes;
    add(spine.phases, {.phase = static_cast<Phase>(phase), .bytes = bytes});
  }
}

}  // namespace

std::vector<LinkRecord> all_links(std::span<const LinkUse> uses, const Cluster& cluster,
                                  Seconds time, int steps) {
  std::vector<LinkRecord> all;
  for (const Link& link : cluster.links()) {
    all.push_back(record_of(uses, link, time, steps));
    all.back().phases.clear();
  }
  const ClusterGraph& graph = cluster.graph();
  for (const Edge edge : boost::make_iterator_range(boost::edges(graph))) {
    LinkRecord& record = all[graph[edge].id.index()];
    record.from = graph[boost::source(edge, graph)].name;
    record.to = graph[boost::target(edge, graph)].name;
  }
  return all;
}

double LinkReport::largest_use(LinkKind kind) const {
  for (const LinkClassRecord& each : classes)
    if (each.kind == kind) return each.busiest.use;
  return 0;
}

LinkReport report_links(const LinkUses& uses, const Cluster& cluster, Seconds time, int steps) {
  LinkReport report;
  std::vector<LinkRecord> records;
  for (const LinkKind kind : kKinds) {
    LinkClassRecord all{.kind = kind};
    bool exists = false;
    for (const Link& link : cluster.links()) {
      if (link.kind != kind) continue;
      exists = true;
      if (!link.can_fill) continue;
      LinkRecord record = record_of(uses, link, time, steps);
      ++all.links;
      all.bytes += record.bytes;
      all.use_mean += record.use;
      for (const PhaseUse& use : record.phases) add(all.phases, use);
      if (record.use > all.busiest.use) all.busiest = record;
      if (record.use > 0) records.push_back(std::move(record));
    }
    if (all.links > 0) all.use_mean /= all.links;
    if (kind == LinkKind::kSpine) count_spine(uses, steps, all);
    if (exists && (kind != LinkKind::kPcie || all.links > 0))
      report.classes.push_back(std::move(all));
  }
  std::stable_sort(records.begin(), records.end(),
                   [](const LinkRecord& a, const LinkRecord& b) { return a.use > b.use; });
  records.resize(std::min(records.size(), kHottest));
  report.hottest = std::move(records);
  report.all = all_links(uses, cluster, time, steps);
  return report;
}

}  // namespace moesim
