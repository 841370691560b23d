// A fixed number of users, each of whom waits for his answer, thinks, and sends the next request:
// the interactive system of queueing theory, and `--max-concurrency` of serving benchmarks.
#include <cmath>

#include "sim/requests/request_mix.hpp"
#include "sim/requests/requests.hpp"

namespace moesim {
namespace {

class ClosedLoop final : public RequestSource {
 public:
  explicit ClosedLoop(const Arguments& arguments)
      : mix_(arguments),
        users_(arguments.integer("concurrency")),
        count_(arguments.integer("count")),
        think_(arguments.time("think")),
        ramp_(arguments.time("ramp")) {
    if (count_ < users_)
      throw InputError(arguments.spot("count"),
                       "fewer requests than users: each of them sends one at least",
                       "count is of all users together");
  }

  RequestList requests(Random random) const override {
    RequestList list{.classes = mix_.classes(), .concurrency = users_};
    for (int id = 0; id < count_; ++id) {
      Request request = mix_.request(id, static_cast<double>(id) / count_, random);
      if (id < users_) {
        request.arrival = ramp_ * (static_cast<double>(id) / users_);
      } else {
        request.arrival = ramp_ * (static_cast<double>(users_ - 1) / users_);
        request.think = think_ * -std::log1p(-random.stream(Purpose::kArrivals, id, 1).uniform());
      }
      list.requests.push_back(std::move(request));
    }
    return list;
  }
  std::vector<RequestClass> classes() const override { return mix_.classes(); }

 private:
  RequestMix mix_;
  int users_ = 0, count_ = 0;
  Seconds think_, ramp_;
};

std::vector<Parameter> parameters() {
  std::vector<Parameter> all = {{.name = "concurrency",
                                 .type = ParameterType::kInteger,
                                 .doc = "users: requests under way at once, at most",
                                 .required = true,
                                 .minimum = 1,
                                 .maximum = 1e6},
                                {.name = "count",
                                 .type = ParameterType::kInteger,
                                 .doc = "requests of all users",
                                 .required = true,
                                 .minimum = 1,
                                 .maximum = 1e7},
                                {.name = "think",
                                 .type = ParameterType::kTime,
                                 .doc = "mean time from an answer to the next request, exponential",
                                 .fallback = "0 s",
                                 .minimum = 0},
                                {.name = "ramp",
                                 .type = ParameterType::kTime,
                                 .doc = "the users come one after the other in this time",
                                 .fallback = "0 s",
                                 .minimum = 0}};
  const std::vector<Parameter> mix = RequestMix::parameters();
  all.insert(all.end(), mix.begin(), mix.end());
  return all;
}

const Register<RequestSource, ClosedLoop> kClosedLoop{
    {.name = "closed_loop",
     .summary = "users who each wait for their answer before they ask again",
     .parameters = parameters()}};

}  // namespace
}  // namespace moesim
