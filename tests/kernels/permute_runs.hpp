// A plan of rows, and what is done with it, with host vectors in and out.
#pragma once

#include <vector>

#include "tests/kernels/on_backend.hpp"

namespace moesim::kernels {

struct PlanOutputs {
  std::vector<std::int32_t> counts, offsets, row_of_route, route_of_row;
};

inline PlanOutputs plan(const Backend& backend, const PermuteShape& shape,
                        const std::vector<std::int32_t>& ids) {
  using Id = std::int32_t;
  const Buffer input = upload(backend, ids);
  const Buffer counts = room_for<Id>(backend, shape.experts);
  const Buffer offsets = room_for<Id>(backend, shape.experts + 1);
  const Buffer row_of_route = room_for<Id>(backend, ids.size());
  const Buffer route_of_row = room_for<Id>(backend, rows_bound(shape));
  const auto work = backend.permute->plan(PlanArguments{.shape = shape,
                                                        .ids = input.as<Id>(),
                                                        .counts = counts.as<Id>(),
                                                        .offsets = offsets.as<Id>(),
                                                        .row_of_route = row_of_route.as<Id>(),
                                                        .route_of_row = route_of_row.as<Id>()});
  work->run(Stream::kMain);
  work->run(Stream::kMain);  // a second run finds its own leavings, and must give the same
  return PlanOutputs{.counts = backend.device->read<Id>(counts),
                     .offsets = backend.device->read<Id>(offsets),
                     .row_of_route = backend.device->read<Id>(row_of_route),
                     .route_of_row = backend.device->read<Id>(route_of_row)};
}

// Rows in expert order, [rows_bound x width]; what the kernel leaves alone is 7.
inline std::vector<Bf16> scatter(const Backend& backend, const PermuteShape& shape,
                                 const PlanOutputs& plan, const std::vector<Bf16>& hidden,
                                 int width) {
  const Buffer x = upload(backend, hidden), from = upload(backend, plan.route_of_row);
  const Buffer offsets = upload(backend, plan.offsets);
  const std::size_t count = static_cast<std::size_t>(rows_bound(shape)) * width;
  const Buffer rows = upload(backend, std::vector<Bf16>(count, to_bf16(7)));
  const auto work =
      backend.permute->scatter(ScatterArguments{.shape = shape,
                                                .hidden_size = width,
                                                .hidden = x.as<Bf16>(),
                                                .route_of_row = from.as<std::int32_t>(),
                                                .offsets = offsets.as<std::int32_t>(),
                                                .rows = rows.as<Bf16>()});
  work->run(Stream::kMain);
  return backend.device->read<Bf16>(rows);
}

// Back in token order, [tokens x width]; weights may be empty: all 1.
inline std::vector<Bf16> unpermute(const Backend& backend, const PermuteShape& shape,
                                   const PlanOutputs& plan, const std::vector<Bf16>& rows,
                                   const std::vector<float>& weights, int width) {
  const Buffer input = upload(backend, rows), to = upload(backend, plan.row_of_route);
  const Buffer factors = upload(backend, weights);
  const Buffer hidden = room_for<Bf16>(backend, static_cast<std::size_t>(shape.tokens) * width);
  const auto work = backend.permute->unpermute(
      UnpermuteArguments{.shape = shape,
                         .hidden_size = width,
                         .rows = input.as<Bf16>(),
                         .row_of_route = to.as<std::int32_t>(),
                         .weights = weights.empty() ? nullptr : factors.as<float>(),
                         .hidden = hidden.as<Bf16>()});
  work->run(Stream::kMain);
  return backend.device->read<Bf16>(hidden);
}

inline std::vector<std::uint16_t> bits_of(const std::vector<Bf16>& values) {
  std::vector<std::uint16_t> bits;
  for (const Bf16 value : values) bits.push_back(value.bits);
  return bits;
}

}  // namespace moesim::kernels
