#include "analysis/blame.hpp"

#include <fmt/format.h>

#include <cmath>

#include "analysis/format.hpp"
#include "analysis/text_table.hpp"
#include "sim/base/check.hpp"
#include "sim/model/imbalance.hpp"

namespace moesim {
namespace {

double saved(const Blame& blame, std::size_t cause) {
  return mean(blame.steps) - mean(blame.without[cause]);
}

double sum_saved(const Blame& blame) {
  double sum = 0;
  for (std::size_t cause = 0; cause + 1 < blame.without.size(); ++cause) sum += saved(blame, cause);
  return sum;
}

// "−12.3 ms"; what is below a millionth of the step is rounding.
std::string difference_text(double saved, double step) {
  if (std::fabs(saved) < 1e-6 * step) return "none";
  return (saved > 0 ? "−" : "+") + format_time(Seconds(std::fabs(saved)));
}

std::string share_text(double saved, double step) {
  if (std::fabs(saved) < 1e-6 * step) return "";
  return (saved > 0 ? "−" : "+") + format_percent(std::fabs(saved) / step);
}

std::string interaction_text(const Blame& blame, double step) {
  const double one_by_one = sum_saved(blame), together = saved(blame, blame.without.size() - 1);
  const std::string sums =
      fmt::format("one by one the causes save {}, together {}", format_time(Seconds(one_by_one)),
                  format_time(Seconds(together)));
  const double gap = together - one_by_one;
  if (std::fabs(gap) < 0.001 * step) return sums + ": they hardly touch each other";
  return sums + fmt::format(": {} {}", format_time(Seconds(std::fabs(gap))),
                            gap > 0 ? "show only when others are gone, too"
                                    : "belong to more than one of them");
}

}  // namespace

const std::vector<Cause>& causes() {
  static const std::vector<Cause> all = {
      {"balanced_loads", "with balanced loads", {.balanced_loads = true}},
      {"free_communication", "with free communication", {.free_communication = true}},
      {"no_stragglers", "without stragglers", {.no_stragglers = true}},
      {"infinite_hbm", "with infinitely fast memory", {.infinite_hbm = true}},
      {"all_of_these",
       "all of these",
       {.balanced_loads = true,
        .free_communication = true,
        .no_stragglers = true,
        .infinite_hbm = true}}};
  return all;
}

Json blame_json(const Blame& blame) {
  MOESIM_CHECK(blame.without.size() == causes().size(), "a run for each cause");
  const double step = mean(blame.steps);
  Json list = Json::array();
  for (std::size_t cause = 0; cause < causes().size(); ++cause) {
    Json steps = Json::array();
    for (const double seconds : blame.without[cause]) steps.push_back(number_or_null(seconds));
    list.push_back({{"cause", causes()[cause].name},
                    {"step_time_s", number_or_null(mean(blame.without[cause]))},
                    {"saved_s", number_or_null(saved(blame, cause))},
                    {"share_of_step", number_or_null(saved(blame, cause) / step)},
                    {"steps_s", steps}});
  }
  const double together = saved(blame, causes().size() - 1);
  return {{"step_time_s", number_or_null(step)},
          {"causes", list},
          {"interaction_s", number_or_null(together - sum_saved(blame))}};
}

std::string blame_table(const Blame& blame, const Screen& screen) {
  constexpr std::size_t kText = 30, kNumber = 11;
  const double step = mean(blame.steps);
  TextTable table({{.title = "the same draws again", .width = kText},
                   {.title = "step time", .right = true, .width = kNumber},
                   {.title = "difference", .right = true, .width = kNumber},
                   {.title = "share", .right = true, .drop = 1, .width = kNumber}});
  table.add({"as it was", format_time(Seconds(step)), "", ""});
  for (std::size_t cause = 0; cause < causes().size(); ++cause) {
    const double time = mean(blame.without[cause]);
    table.add({causes()[cause].text, format_time(Seconds(time)), difference_text(step - time, step),
               share_text(step - time, step)});
  }
  return table.text(screen) +
         wrap(screen.shown(interaction_text(blame, step)), screen.prose(), "") + "\n";
}

}  // namespace moesim
