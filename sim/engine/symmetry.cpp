#include "sim/engine/symmetry.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace moesim {
namespace {

bool equal(std::span<const double> a, std::span<const double> b) {
  return std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace

std::vector<Renaming> renamings_of(const Cluster& cluster) {
  std::vector<Renaming> renamings;
  const int gpus = cluster.gpus();
  for (int stride = 1, last = 1; stride < gpus; ++stride) {
    if (gpus % stride != 0 || stride % last != 0) continue;
    for (int block = gpus; block > stride; block -= stride) {
      if (gpus % block != 0) continue;
      const GpuShift shift{.stride = stride, .block = block};
      auto links = cluster.links_after(shift);
      if (!links) continue;
      renamings.push_back({.shift = shift, .links = std::move(*links)});
      last = block;
      stride = block - 1;
      break;
    }
  }
  return renamings;
}

bool keeps(const GpuShift& shift, const ByteMatrix& bytes, const Schedule& schedule) {
  const bool whole = shift.block == static_cast<int>(bytes.rows());
  if (schedule.window > 0 && (schedule.order != PeerOrder::kShifted || !whole)) return false;
  const auto block = static_cast<std::size_t>(shift.block);
  const auto stride = static_cast<std::size_t>(shift.stride);
  for (const GpuId source : bytes.row_ids()) {
    const auto row = bytes.row(source), image = bytes.row(shift(source));
    for (std::size_t at = 0; at < row.size(); at += block) {
      const auto from = row.subspan(at, block), to = image.subspan(at, block);
      if (!equal(from.first(block - stride), to.last(block - stride)) ||
          !equal(from.last(stride), to.first(stride)))
        return false;
    }
  }
  return true;
}

Folding::Folding(const Cluster& cluster, const std::vector<Renaming>& renamings)
    : class_of_(cluster.links().size(), -1) {
  for (const Renaming& renaming : renamings) {
    shifts_.push_back(renaming.shift);
    size_ *= renaming.shift.block / renaming.shift.stride;
  }
  for (const GpuId gpu : IdRange<GpuId>(cluster.gpus()))
    if (first_of(gpu) == gpu) firsts_.push_back(gpu);
  std::vector<LinkId> reached;
  for (const LinkId link : class_of_.ids()) {
    if (class_of_[link] >= 0) continue;
    class_of_[link] = link_classes();
    reached.assign(1, link);
    for (std::size_t at = 0; at < reached.size(); ++at) {
      for (const Renaming& renaming : renamings) {
        const LinkId image = renaming.links[reached[at]];
        if (class_of_[image] >= 0) continue;
        class_of_[image] = link_classes();
        reached.push_back(image);
      }
    }
    links_.push_back(static_cast<int>(reached.size()));
  }
}

GpuId Folding::first_of(GpuId gpu) const {
  for (const GpuShift& shift : shifts_) {
    const int place = gpu.value % shift.block;
    gpu = GpuId(gpu.value - (place - place % shift.stride));
  }
  return gpu;
}

GpuId Folding::image(int number, GpuId gpu) const {
  for (const GpuShift& shift : shifts_) {
    const int steps = shift.block / shift.stride;
    gpu = GpuShift{.stride = number % steps * shift.stride, .block = shift.block}(gpu);
    number /= steps;
  }
  return gpu;
}

}  // namespace moesim
