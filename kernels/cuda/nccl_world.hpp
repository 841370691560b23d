// The collectives of NCCL; built only where its headers are.
#pragma once

#include "kernels/collective.hpp"

namespace moesim::kernels {

std::unique_ptr<CollectiveWorld> make_nccl_world(std::string* why);

}  // namespace moesim::kernels
