#include "sim/model/uniform_exchange.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace moesim {
namespace {

constexpr int kScaleBlock = 128;  // values that share a float32 scale

double binomial(int n, int k) {
  double ways = 1;
  for (int i = 0; i < k; ++i) ways *= static_cast<double>(n - i) / (i + 1);
  return k > n ? 0 : ways;
}

// Bytes of a rank that go to peers of its own domain, and to those beyond.
void split(ExchangeWork& work, double bytes) {
  const double per_domain = static_cast<double>(work.ranks) / work.domains;
  work.local = Bytes(bytes * (per_domain - 1) / work.ranks);
  work.network = Bytes(bytes * (work.ranks - per_domain) / work.ranks);
}

ExchangeWork deduplicated_work(const UniformTraffic& t, ExchangeWork work) {
  const int limit = t.domain_limit > 0 ? std::min(t.domain_limit, t.domains) : t.domains;
  const double to_ranks =
      expected_distinct(t.experts / t.domains * limit, t.top_k, t.ranks / t.domains * limit);
  const double to_domains = expected_distinct(t.experts, t.top_k, t.domains, limit);
  const double per_domain = static_cast<double>(t.ranks) / t.domains;
  work.row_bytes =
      t.dispatch ? fp8_row_bytes(t.hidden) + kRouteMetadata * t.top_k : bf16_row_bytes(t.hidden);
  work.rows = work.messages = t.tokens * to_ranks;
  work.sms = t.sms;
  work.local = Bytes(work.rows * work.row_bytes * (per_domain - 1) / per_domain);
  if (t.domains == 1) return work;
  // A row is written once for each domain, and read there once for each rank.
  work.staged = Bytes(t.tokens * (to_domains + to_ranks) * work.row_bytes);
  work.network = Bytes(t.tokens * to_domains * work.row_bytes * (t.domains - 1) / t.domains);
  return work;
}

}  // namespace

double bf16_row_bytes(int hidden) { return 2.0 * hidden; }
double fp8_row_bytes(int hidden) {
  return hidden + 4.0 * std::ceil(static_cast<double>(hidden) / kScaleBlock);
}

int low_latency_sms(int experts, int device_sms) {
  const int experts_per_sm = (experts + device_sms - 1) / device_sms;
  return (experts + experts_per_sm - 1) / experts_per_sm;
}

double expected_distinct(int experts, int top_k, int groups) {
  // The share of top-k sets that miss one group, as a product of ratios: C(E − E/X, k) / C(E, k).
  const int rest = experts - experts / groups;
  double missed = 1;
  for (int i = 0; i < top_k; ++i)
    missed *= std::max(0.0, static_cast<double>(rest - i)) / (experts - i);
  return groups * (1 - missed);
}

double expected_distinct(int experts, int top_k, int groups, int limit) {
  if (limit >= groups || limit >= top_k) return expected_distinct(experts, top_k, groups);
  const int size = experts / groups;
  const auto width = static_cast<std::size_t>(top_k) + 1;
  // Sets by (drawn, distinct groups), group after group.
  std::vector<double> ways(width * width, 0), next;
  ways[0] = 1;
  for (int group = 0; group < groups; ++group) {
    next.assign(width * width, 0);
    for (std::size_t drawn = 0; drawn < width; ++drawn)
      for (std::size_t distinct = 0; distinct <= drawn; ++distinct)
        for (std::size_t more = 0; drawn + more < width; ++more)
          next[(drawn + more) * width + distinct + (more > 0 ? 1 : 0)] +=
              ways[drawn * width + distinct] * binomial(size, static_cast<int>(more));
    ways.swap(next);
  }
  double sum = 0, all = 0;
  for (std::size_t distinct = 0; distinct < width; ++distinct) {
    const double sets = ways[(width - 1) * width + distinct];
    all += sets;
    sum += sets *
           static_cast<double>(std::min<std::size_t>(distinct, static_cast<std::size_t>(limit)));
  }
  return sum / all;
}

std::string traffic_mistake(const UniformTraffic& t) {
  if (t.tokens < 1 || t.hidden < 1 || t.top_k < 1 || t.domains < 1 || t.ranks < 1 || t.sms < 0)
    return "a size is below 1";
  if (t.top_k > t.experts) return "topk is above num_experts";
  if (t.experts % t.ranks != 0 || t.ranks % t.domains != 0)
    return "ranks, nodes and experts do not divide each other";
  return {};
}

ExchangeWork uniform_work(const UniformTraffic& t) {
  ExchangeWork work{.tokens = static_cast<double>(t.tokens),
                    .experts = t.experts,
                    .ranks = t.ranks,
                    .domains = t.domains};
  if (t.family == ExchangeFamily::kDeduplicated) return deduplicated_work(t, work);
  work.row_bytes = t.dispatch ? fp8_row_bytes(t.hidden) + kMessageHeader : bf16_row_bytes(t.hidden);
  work.rows = work.messages = static_cast<double>(t.tokens) * t.top_k;
  work.sms = low_latency_sms(t.experts, t.device_sms);
  split(work, work.messages * work.row_bytes);
  return work;
}

ExchangeWork uniform_work(Bytes size, int ranks, int domains) {
  ExchangeWork work{.messages = ranks - 1.0, .ranks = ranks, .domains = domains};
  split(work, size.value);
  return work;
}

}  // namespace moesim
