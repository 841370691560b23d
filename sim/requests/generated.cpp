#include "sim/requests/generated.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

constexpr double kMostRequests = 1e7;

// Of the run, when the request arrives: by what ends it.
double progress_of(int id, double arrival, int count, double end) {
  const double by_count = count > 0 ? static_cast<double>(id) / count : 0;
  return std::max(by_count, arrival / end);
}

}  // namespace

std::vector<Parameter> generator_parameters(std::vector<Parameter> own) {
  std::vector<Parameter> parameters = {{.name = "rate",
                                        .type = ParameterType::kNumber,
                                        .doc = "requests/s, mean",
                                        .required = true,
                                        .minimum = 0,
                                        .above_minimum = true},
                                       {.name = "speedup",
                                        .type = ParameterType::kNumber,
                                        .doc = "the rate is so many times that",
                                        .fallback = "1",
                                        .minimum = 0,
                                        .above_minimum = true},
                                       {.name = "count",
                                        .type = ParameterType::kInteger,
                                        .doc = "requests; this or duration is needed",
                                        .minimum = 1,
                                        .maximum = kMostRequests},
                                       {.name = "duration",
                                        .type = ParameterType::kTime,
                                        .doc = "no request arrives later",
                                        .minimum = 0,
                                        .above_minimum = true}};
  parameters.insert(parameters.end(), own.begin(), own.end());
  const std::vector<Parameter> mix = RequestMix::parameters();
  parameters.insert(parameters.end(), mix.begin(), mix.end());
  return parameters;
}

GeneratedRequests::GeneratedRequests(const Arguments& arguments)
    : mix_(arguments),
      rate_(arguments.number("rate") * arguments.number("speedup")),
      count_(arguments.has("count") ? arguments.integer("count") : 0),
      end_(arguments.has("duration") ? arguments.time("duration").value : kForever.value) {
  if (count_ == 0 && !std::isfinite(end_))
    throw InputError(arguments.section(), "requests need 'count' or 'duration'",
                     "how many arrive, or for how long");
  if (count_ == 0 && rate_ * end_ > kMostRequests)
    throw InputError(arguments.spot("duration"),
                     fmt::format("{:.3g} requests arrive in that time", rate_ * end_),
                     fmt::format("at most {:.0f} are simulated: give a count", kMostRequests));
}

RequestList GeneratedRequests::requests(Random random,
                                        const std::function<double(Rng&)>& gap) const {
  RequestList list{.classes = mix_.classes()};
  Rng rng = random.stream(Purpose::kArrivals);
  double arrival = 0;
  for (int id = 0; count_ == 0 || id < count_; ++id) {
    arrival += gap(rng) / rate_;
    if (arrival > end_) break;
    list.requests.push_back(mix_.request(id, progress_of(id, arrival, count_, end_), random));
    list.requests.back().arrival = Seconds(arrival);
  }
  return list;
}

}  // namespace moesim
