#include "analysis/plan/plan_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/format.hpp"
#include "analysis/uncertainty.hpp"

namespace moesim {
namespace {

double largest_error(const Deployment& deployment) { return step_error_of(deployment).value_or(0); }

}  // namespace

std::string deployment_text(const PlanQuestion& question, const Deployment& deployment) {
  return fmt::format("{} of {} ({}) at ${} an hour, ${} per million output tokens",
                     count_text(deployment.nodes, "node"),
                     question.clusters[deployment.cluster].name, count_text(deployment.gpus, "GPU"),
                     format_number(deployment.dollars_per_hour),
                     format_number(deployment.dollars_per_million));
}

std::string answer_sentence(const PlanQuestion& question, const PlanAnswer& answer) {
  if (!answer.cheapest) return "nothing meets the targets";
  const Deployment& cheapest = answer.deployments[*answer.cheapest];
  if (*answer.cheapest == *answer.smallest)
    return "smallest and cheapest: " + deployment_text(question, cheapest);
  return fmt::format("cheapest: {}; smallest: {}", deployment_text(question, cheapest),
                     deployment_text(question, answer.deployments[*answer.smallest]));
}

std::string firmness_text(const Deployment& deployment) {
  const std::string nodes = count_text(deployment.nodes, "node");
  if (!deployment.band) return nodes + "; no calibration says how far that may be off";
  const NodeBand& band = *deployment.band;
  const std::string error = format_percent(band.error);
  if (!band.high)
    return fmt::format(
        "{}; at least {} within the calibration's ±{}: with kernels that slow, no "
        "batch keeps to the targets",
        nodes, band.low, error);
  if (band.low == deployment.nodes && *band.high == deployment.nodes)
    return fmt::format("{}, within the calibration's ±{} too", nodes, error);
  return fmt::format("{}; {} to {} within the calibration's ±{}", nodes, band.low, *band.high,
                     error);
}

std::string rivals_text(const PlanQuestion& question, const PlanAnswer& answer) {
  if (!answer.cheapest) return "";
  const auto dollars = [](const Deployment& deployment, int nodes) {
    return deployment.dollars_per_hour * nodes / deployment.nodes;
  };
  const Deployment& cheapest = answer.deployments[*answer.cheapest];
  if (!cheapest.band) return "";
  std::string text;
  for (std::size_t d = 0; d < answer.deployments.size(); ++d) {
    const Deployment& other = answer.deployments[d];
    const double least = dollars(other, other.band ? other.band->low : other.nodes);
    const bool open = !cheapest.band->high || least <= dollars(cheapest, *cheapest.band->high);
    if (d == *answer.cheapest || !open) continue;
    text +=
        fmt::format("{}{} at ${} an hour", text.empty() ? "" : ", ",
                    question.clusters[other.cluster].name, format_number(other.dollars_per_hour));
    if (least < other.dollars_per_hour) text += fmt::format(" or ${}", format_number(least));
  }
  if (text.empty()) return "";
  return fmt::format("within these errors the cheapest may be another: {}; {} may come to {}", text,
                     question.clusters[cheapest.cluster].name,
                     cheapest.band->high
                         ? "$" + format_number(dollars(cheapest, *cheapest.band->high))
                         : "more nodes than can be said");
}

std::string pool_size_text(const PlanQuestion& question, const PlanAnswer& answer,
                           const PoolSize& size) {
  const PlanOption& option = answer.candidates[size.candidate].option;
  const std::string of = fmt::format("{} of {} (EP{}), {}", count_text(size.instances, "instance"),
                                     count_text(option.nodes, "node"), size.point.step.gpus,
                                     pool_of(question, option.pool).policies[option.policy].name);
  if (option.pool == PlanPoolKind::kDecode)
    return fmt::format("{}, {} a GPU, {} per token", of, count_text(size.point.batch, "sequence"),
                       format_time(size.point.latency));
  return fmt::format("{}, {} a GPU in a step, first token after {}", of,
                     count_text(size.point.batch, "prompt"), format_time(size.point.latency));
}

std::string targets_text(const PlanTargets& targets) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : " · ") + part; };
  if (targets.tpot.value > 0) add(fmt::format("{} per token", format_time(targets.tpot)));
  if (targets.step.value > 0) add(fmt::format("{} a decode step", format_time(targets.step)));
  if (targets.ttft.value > 0) add(fmt::format("first token within {}", format_time(targets.ttft)));
  if (targets.headroom > 0) add(fmt::format("{} headroom", format_percent(targets.headroom)));
  return text;
}

std::string workload_text(const PlanWorkload& workload) {
  return fmt::format(
      "{} out · {} in · {} · prompts of {}, answers of {} tokens",
      format_count(workload.output, "tokens/s"), format_count(workload.input, "tokens/s"),
      format_count(workload.requests, "requests/s"), workload.prompt, workload.answer);
}

bool is_datasheet(const Deployment& deployment) {
  // Kernels that were measured are off by 4 to 13 %, those of another GPU moved by datasheet by 22
  // to 59 %.
  constexpr double kMeasured = 0.25;
  return largest_error(deployment) > kMeasured;
}

std::string basis_text(const Deployment& deployment) {
  double unmeasured = 0;
  for (const PoolSize* pool : pools_of(deployment))
    unmeasured = std::max(unmeasured, pool->point.step.unmeasured);
  if (is_datasheet(deployment)) {
    std::string text = fmt::format("datasheet: nobody measured these kernels here, ±{}",
                                   format_percent(largest_error(deployment)));
    if (unmeasured > 0)
      text += fmt::format("; {} of a step is from datasheets alone", format_percent(unmeasured));
    return text;
  }
  if (!deployment.decode.point.step.error) return "no error is known";
  return fmt::format("measured, ±{}", format_percent(largest_error(deployment)));
}

std::optional<std::size_t> cheapest_measured(const PlanAnswer& answer) {
  if (!answer.cheapest || !is_datasheet(answer.deployments[*answer.cheapest])) return std::nullopt;
  std::optional<std::size_t> found;
  for (std::size_t d = 0; d < answer.deployments.size(); ++d) {
    const Deployment& one = answer.deployments[d];
    if (is_datasheet(one)) continue;
    if (!found || one.dollars_per_hour < answer.deployments[*found].dollars_per_hour) found = d;
  }
  return found;
}

std::vector<std::string> not_included(const PlanQuestion& question) {
  std::vector<std::string> parts = {
      "queues: requests that come in bursts wait, and need room above the steady state",
      "lengths: every prompt and answer is of mean length, half of an answer is written",
      "transport of KV caches between prefill and decode, and prefix caches"};
  if (!question.prefill.planned)
    parts.emplace_back("prompts: prefill is not planned");
  else
    parts.emplace_back("waiting for the first token, but for the half of a step that is under way");
  return parts;
}

}  // namespace moesim
