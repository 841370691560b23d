// What can be measured: a kernel with its inputs, made for a point of the plan.
//
// A subject is one entry of a .cpp of this folder:
//   const RegisterSubject kLaunch{"launch", [](const SubjectRequest& request) { … }};
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "kernels/backend.hpp"
#include "kernels/collective.hpp"
#include "kernels/profile/inputs.hpp"
#include "kernels/profile/plan.hpp"

namespace moesim::kernels {

class Subject {
 public:
  virtual ~Subject() = default;
  // Bytes that a run reads and writes: what a cache would have to hold.
  virtual std::size_t bytes() const = 0;
  // Makes so many sets of buffers, at least one. May throw DeviceError where memory is short.
  virtual void make_copies(int copies) = 0;
  // Runs set 0 and compares with the plain loops of cpu_reference, on a sample where the whole
  // would take long. The largest error, relative to the largest value; throws std::runtime_error
  // where it cannot be right.
  virtual double verify() = 0;
  // Starts one run in Stream::kMain.
  virtual void run(int copy) = 0;
  // Called before a sample, outside of what is timed; work started here may go on in Stream::kSide
  // while the sample, which takes about `seconds`, is timed.
  virtual void before_sample(double /*seconds*/) {}
  // "own", "cublas", "blas", "reference"; empty where there is only one way.
  virtual std::string variant() const { return {}; }
  // What runs on several devices times itself: seconds of a run, the mean of so many back to back.
  // Empty: runs are timed in Stream::kMain.
  virtual std::function<double(int runs)> own_clock() { return {}; }
  // GPUs that take part.
  virtual int ranks() const { return 1; }
};

class WeightPool;

// All visible GPUs, which take seconds to find each other: made by the first point that needs them.
class SharedWorld {
 public:
  // Throws UnsupportedError where there is one GPU, none, or no NCCL.
  CollectiveWorld& of(const Device& device);

 private:
  std::unique_ptr<CollectiveWorld> world_;
};

struct SubjectRequest {
  const Json& point;
  Backend& backend;
  Backend& reference;  // cpu_reference
  const Inputs& inputs;
  WeightPool& weights;
  SharedWorld& world;

  int size(const char* name) const { return point.at("shape").at(name).get<int>(); }
};

using MakeSubject = std::function<std::unique_ptr<Subject>(const SubjectRequest&)>;

std::map<std::string, MakeSubject>& subjects();

struct RegisterSubject {
  RegisterSubject(const std::string& kernel, MakeSubject make) {
    subjects()[kernel] = std::move(make);
  }
};

// Throws unless the error is below the bound: `what` is "experts", ….
void require_close(double error, double bound, const std::string& what);

// Largest |a − b| over largest |b|; infinite where a number is not finite.
double relative_error(std::span<const float> a, std::span<const float> b);

}  // namespace moesim::kernels
