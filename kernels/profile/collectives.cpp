// `all_reduce` and `all_to_all` between all visible GPUs, through NCCL.
#include "kernels/collective.hpp"
#include "kernels/error.hpp"
#include "kernels/profile/subject.hpp"

namespace moesim::kernels {
namespace {

class Collective final : public Subject {
 public:
  Collective(const SubjectRequest& request, CollectiveKind kind)
      : world_(request.world.of(*request.backend.device)), kind_(kind) {
    const std::size_t unit = sizeof(float) * static_cast<std::size_t>(world_.ranks());
    bytes_ = request.point.at("shape").at("bytes").get<std::size_t>() / unit * unit;
    require(bytes_ > 0, "less than a number for each rank");
  }

  std::size_t bytes() const override { return 2 * bytes_; }
  void make_copies(int) override {}  // the world has its own buffers
  // The world compares every result and throws where one is wrong.
  double verify() override {
    world_.seconds(kind_, bytes_, 1);
    return 0;
  }
  void run(int) override { world_.seconds(kind_, bytes_, 1); }
  std::function<double(int)> own_clock() override {
    return [this](int runs) { return world_.seconds(kind_, bytes_, runs); };
  }
  int ranks() const override { return world_.ranks(); }

 private:
  CollectiveWorld& world_;
  CollectiveKind kind_;
  std::size_t bytes_ = 0;
};

const RegisterSubject kAllReduce{"all_reduce", [](const SubjectRequest& request) {
                                   return std::make_unique<Collective>(request,
                                                                       CollectiveKind::kAllReduce);
                                 }};
const RegisterSubject kAllToAll{"all_to_all", [](const SubjectRequest& request) {
                                  return std::make_unique<Collective>(request,
                                                                      CollectiveKind::kAllToAll);
                                }};

}  // namespace

CollectiveWorld& SharedWorld::of(const Device& device) {
  require(device.facts().backend == "cuda", "collectives run between GPUs");
  std::string why;
  if (!world_) world_ = make_collective_world(&why);
  require(world_ != nullptr, why);
  return *world_;
}

}  // namespace moesim::kernels
