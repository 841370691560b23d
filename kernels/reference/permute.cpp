// Permutation by counting: one walk over the routes to count, one to place.
#include "kernels/permute.hpp"

#include <algorithm>
#include <vector>

#include "kernels/cpu/device.hpp"
#include "kernels/reference/reference.hpp"

namespace moesim::kernels {
namespace {

void plan_rows(const PlanArguments& arguments) {
  const PermuteShape& shape = arguments.shape;
  const int routes = shape.tokens * shape.top_k;
  const auto has_row = [&](int route) {
    return arguments.ids[route] >= 0 && arguments.ids[route] < shape.experts;
  };
  std::fill_n(arguments.counts, shape.experts, 0);
  for (int route = 0; route < routes; ++route)
    if (has_row(route)) ++arguments.counts[arguments.ids[route]];
  arguments.offsets[0] = 0;
  for (int expert = 0; expert < shape.experts; ++expert)
    arguments.offsets[expert + 1] =
        arguments.offsets[expert] + round_up(arguments.counts[expert], shape.tile);
  std::vector<int> next(arguments.offsets, arguments.offsets + shape.experts);
  std::fill_n(arguments.route_of_row, rows_bound(shape), -1);
  for (int route = 0; route < routes; ++route) {
    arguments.row_of_route[route] = has_row(route) ? next[arguments.ids[route]]++ : -1;
    if (has_row(route)) arguments.route_of_row[arguments.row_of_route[route]] = route;
  }
}

class ReferencePermute : public PermuteKernels {
 public:
  std::unique_ptr<Work> plan(const PlanArguments& arguments) override {
    check(arguments);
    return call([arguments] { plan_rows(arguments); });
  }
  std::unique_ptr<Work> scatter(const ScatterArguments& arguments) override {
    return make_reference_pack()->pack(as_pack(arguments));
  }
  std::unique_ptr<Work> unpermute(const UnpermuteArguments& arguments) override {
    return make_reference_pack()->combine(as_combine(arguments));
  }
};

}  // namespace

std::shared_ptr<PermuteKernels> make_reference_permute() {
  return std::make_shared<ReferencePermute>();
}

}  // namespace moesim::kernels
