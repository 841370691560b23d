// `dispatch_pack`: from expert ids to a send buffer with one row for each rank that a token goes to
// (destinations, plan and rows); `combine_pack`: the sum of what comes back. Routes are balanced:
// choice j of token t is expert 7t + j·⌊E/k⌋ mod E.
#include <numeric>
#include <stdexcept>

#include "kernels/error.hpp"
#include "kernels/profile/subject.hpp"

namespace moesim::kernels {
namespace {

struct PackShape {
  int tokens = 0, hidden = 0, experts = 0, top_k = 0, experts_per_rank = 0;
  bool fp8 = false;
  PermuteShape permute() const {
    return {.tokens = tokens, .top_k = top_k, .experts = experts / experts_per_rank};
  }
};

PackShape shape_of(const SubjectRequest& request) {
  const std::string dtype = request.point.at("dtype");
  require(dtype == "bf16" || dtype == "fp8_block", "rows are packed in bf16 or fp8_block");
  return {.tokens = request.size("tokens"),
          .hidden = request.size("hidden"),
          .experts = request.size("experts"),
          .top_k = request.size("top_k"),
          .experts_per_rank = request.size("local_experts"),
          .fp8 = dtype == "fp8_block"};
}

std::vector<std::int32_t> balanced_ids(const PackShape& shape) {
  std::vector<std::int32_t> ids;
  const int stride = shape.experts / shape.top_k;
  for (int token = 0; token < shape.tokens; ++token)
    for (int choice = 0; choice < shape.top_k; ++choice)
      ids.push_back((7 * token + choice * stride) % shape.experts);
  return ids;
}

// Buffers of a GPU around one all-to-all, and its work on them.
class PackSet {
 public:
  PackSet(const PackShape& shape, Backend& backend, const Inputs& inputs, int number);

  void dispatch() {
    for (Work* work : {destinations_.get(), plan_.get(), pack_.get()}) work->run(Stream::kMain);
  }
  void combine() { combine_->run(Stream::kMain); }
  std::vector<float> sums() const;  // [tokens × hidden], of what was packed
  std::vector<std::int32_t> rows_of_routes() const {
    return device_.read<std::int32_t>(row_of_route_);
  }

 private:
  void make_pack(const PackShape& shape, Backend& backend);
  void make_combine(const PackShape& shape, Backend& backend);

  Device& device_;
  Buffer hidden_, ids_, target_ids_, counts_, offsets_, row_of_route_, route_of_row_, rows_,
      fp8_rows_, scales_, sums_;
  std::unique_ptr<Work> destinations_, plan_, pack_, combine_;
};

PackSet::PackSet(const PackShape& shape, Backend& backend, const Inputs& inputs, int number)
    : device_(*backend.device) {
  const PermuteShape permute = shape.permute();
  const std::vector<std::int32_t> ids = balanced_ids(shape);
  const auto hidden = static_cast<std::size_t>(shape.hidden),
             tokens = static_cast<std::size_t>(shape.tokens),
             bound = static_cast<std::size_t>(rows_bound(permute)),
             ranks = static_cast<std::size_t>(permute.experts);
  const auto values = inputs.bf16(tokens * hidden, 1, static_cast<std::size_t>(number) * 7919);
  hidden_ = device_.make(std::span(values));
  ids_ = device_.make(std::span(ids));
  target_ids_ = device_.allocate(ids.size() * sizeof(std::int32_t));
  counts_ = device_.allocate(ranks * sizeof(std::int32_t));
  offsets_ = device_.allocate((ranks + 1) * sizeof(std::int32_t));
  row_of_route_ = device_.allocate(ids.size() * sizeof(std::int32_t));
  route_of_row_ = device_.allocate(bound * sizeof(std::int32_t));
  if (shape.fp8) {
    fp8_rows_ = device_.allocate(bound * hidden);
    scales_ = device_.allocate(bound * hidden / kScaleBlock * sizeof(float));
  } else {
    rows_ = device_.allocate(bound * hidden * sizeof(Bf16));
  }
  sums_ = device_.allocate(tokens * hidden * sizeof(Bf16));
  make_pack(shape, backend);
  make_combine(shape, backend);
}

void PackSet::make_pack(const PackShape& shape, Backend& backend) {
  destinations_ = backend.pack->destinations({.tokens = shape.tokens,
                                              .top_k = shape.top_k,
                                              .experts_per_rank = shape.experts_per_rank,
                                              .ids = ids_.as<std::int32_t>(),
                                              .destinations = target_ids_.as<std::int32_t>()});
  plan_ = backend.permute->plan({.shape = shape.permute(),
                                 .ids = target_ids_.as<std::int32_t>(),
                                 .counts = counts_.as<std::int32_t>(),
                                 .offsets = offsets_.as<std::int32_t>(),
                                 .row_of_route = row_of_route_.as<std::int32_t>(),
                                 .route_of_row = route_of_row_.as<std::int32_t>()});
  pack_ = backend.pack->pack({.shape = shape.permute(),
                              .hidden_size = shape.hidden,
                              .hidden = hidden_.as<Bf16>(),
                              .route_of_row = route_of_row_.as<std::int32_t>(),
                              .offsets = offsets_.as<std::int32_t>(),
                              .rows = rows_.as<Bf16>(),
                              .fp8_rows = fp8_rows_.as<Fp8>(),
                              .scales = scales_.as<float>()});
}

void PackSet::make_combine(const PackShape& shape, Backend& backend) {
  combine_ = backend.pack->combine({.shape = shape.permute(),
                                    .hidden_size = shape.hidden,
                                    .rows = rows_.as<Bf16>(),
                                    .fp8_rows = fp8_rows_.as<Fp8>(),
                                    .scales = scales_.as<float>(),
                                    .row_of_route = row_of_route_.as<std::int32_t>(),
                                    .hidden = sums_.as<Bf16>()});
}

std::vector<float> PackSet::sums() const {
  std::vector<float> values;
  for (const Bf16 value : device_.read<Bf16>(sums_)) values.push_back(to_float(value));
  return values;
}

class Pack final : public Subject {
 public:
  Pack(const SubjectRequest& request, bool dispatch)
      : request_(request), shape_(shape_of(request)), dispatch_(dispatch) {}

  std::size_t bytes() const override {
    const auto tokens = static_cast<std::size_t>(shape_.tokens),
               hidden = static_cast<std::size_t>(shape_.hidden);
    const auto rows = tokens * static_cast<std::size_t>(std::min(
                                   shape_.top_k, shape_.experts / shape_.experts_per_rank));
    return tokens * hidden * sizeof(Bf16) + rows * hidden * (shape_.fp8 ? 1 : sizeof(Bf16));
  }

  void make_copies(int copies) override {
    for (int copy = 0; copy < copies; ++copy) {
      sets_.push_back(std::make_unique<PackSet>(shape_, request_.backend, request_.inputs, copy));
      sets_.back()->dispatch();
    }
    request_.backend.device->synchronize();
  }

  // There and back against the same on the reference, for as many tokens as are quick.
  double verify() override {
    PackShape few = shape_;
    few.tokens = std::min(shape_.tokens, 64);
    PackSet reference(few, request_.reference, request_.inputs, 0);
    PackSet& own = *sets_.front();
    for (PackSet* set : {&own, &reference}) {
      set->dispatch();
      set->combine();
    }
    request_.backend.device->synchronize();
    if (few.tokens == shape_.tokens && own.rows_of_routes() != reference.rows_of_routes())
      throw std::runtime_error("the send buffer is in another order");
    std::vector<float> sums = own.sums();
    const std::vector<float> expected = reference.sums();
    sums.resize(expected.size());
    const double error = relative_error(sums, expected);
    require_close(error, 0.01, "what was packed and summed");
    return error;
  }

  void run(int copy) override {
    PackSet& set = *sets_[static_cast<std::size_t>(copy)];
    dispatch_ ? set.dispatch() : set.combine();
  }

 private:
  SubjectRequest request_;
  PackShape shape_;
  bool dispatch_ = true;
  std::vector<std::unique_ptr<PackSet>> sets_;
};

const RegisterSubject kDispatch{"dispatch_pack", [](const SubjectRequest& request) {
                                  return std::make_unique<Pack>(request, true);
                                }};
const RegisterSubject kCombine{"combine_pack", [](const SubjectRequest& request) {
                                 return std::make_unique<Pack>(request, false);
                               }};

}  // namespace
}  // namespace moesim::kernels
