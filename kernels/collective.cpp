#include "kernels/collective.hpp"

#ifndef MOESIM_HAS_NCCL

namespace moesim::kernels {

std::unique_ptr<CollectiveWorld> make_collective_world(std::string* why) {
  if (why != nullptr) *why = "moesim was built without CUDA or without NCCL";
  return nullptr;
}

}  // namespace moesim::kernels

#else

#include "kernels/cuda/nccl_world.hpp"

namespace moesim::kernels {

std::unique_ptr<CollectiveWorld> make_collective_world(std::string* why) {
  return make_nccl_world(why);
}

}  // namespace moesim::kernels

#endif
