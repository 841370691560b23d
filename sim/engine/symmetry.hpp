// Symmetries of a cluster, and the smaller system that stands for symmetric traffic.
//
// Where neither the cluster nor what all GPUs send can tell the GPUs' shifted numbers from their
// own, flows that a shift maps to each other always have equal rates, and so have links that it
// maps to each other equal loads. Max-min rates are unique, so one flow for each class of flows, on
// one link for each class of links, has exactly the rates of all (an equitable partition). Shifts
// that are used together move different digits of a GPU's number, so that no GPU has the same image
// twice: there are as many flows in every class. With N of them, a class of M links of bandwidth B
// gives M·B to N flows of each of its classes of flows, so the one link for it has M·B/N.
#pragma once

#include <vector>

#include "sim/model/cluster.hpp"
#include "sim/model/task_graph.hpp"

namespace moesim {

struct Renaming {
  GpuShift shift;
  IdVector<LinkId, LinkId> links;  // what takes the place of each [links]
};

// Shifts of the cluster: the stride of each is a multiple of the block of those before.
std::vector<Renaming> renamings_of(const Cluster& cluster);

// Whether a shift changes neither the traffic nor the order in which each GPU serves its peers.
bool keeps(const GpuShift& shift, const ByteMatrix& bytes, const Schedule& schedule);

// Classes of GPUs and links under some shifts of a cluster.
class Folding {
 public:
  Folding(const Cluster& cluster, const std::vector<Renaming>& renamings);

  // GPUs of every class.
  int size() const { return size_; }
  // The first GPU of each class.
  const std::vector<GpuId>& firsts() const { return firsts_; }
  GpuId first_of(GpuId gpu) const;
  // What the first GPU becomes under renaming 0 ≤ `number` < size(); 0 leaves all as they are.
  GpuId image(int number, GpuId gpu) const;

  int link_classes() const { return static_cast<int>(links_.size()); }
  int class_of(LinkId link) const { return class_of_[link]; }
  // Links of a class over GPUs of a class.
  double share(int link_class) const {
    return static_cast<double>(links_[static_cast<std::size_t>(link_class)]) / size_;
  }

 private:
  std::vector<GpuShift> shifts_;
  int size_ = 1;
  std::vector<GpuId> firsts_;
  IdVector<LinkId, int> class_of_;
  std::vector<int> links_;  // of each class
};

}  // namespace moesim
