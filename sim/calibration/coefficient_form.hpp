// Forms that are fitted: a function of coefficients and of the work, with the coefficients declared
// once for the reader of calibration files, their writer and the fit.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sim/calibration/cost_form.hpp"

namespace moesim {

struct Coefficient {
  const char* name;
  ParameterType type;  // kTime, kRate, kSpeed or kNumber
  const char* doc;
  // Where a fit starts and what physics allows, in SI units. highest = 0: 40 times the start;
  // lowest = highest = start: it is given, not fitted.
  double start = 0;
  double lowest = 0;
  double highest = 0;
  bool fitted() const { return lowest != highest; }
};

struct FormModel {
  const char* name;
  const char* kernel;  // that it can stand under; empty: any
  std::span<const Coefficient> coefficients;
  KernelTime (*time)(std::span<const double> values, const KernelWork& work, const FormGpu& gpu);
  bool (*takes)(std::span<const double> values, const KernelWork& work,
                const FormGpu& gpu) = nullptr;
  bool additive = false;  // every time stands in a sum, so that measurements bound it
};

// As they are declared to the reader of calibration files.
std::vector<Parameter> parameters_of(const FormModel& model);

// The values of coefficients that a file gives.
class CoefficientForm : public CostForm {
 public:
  CoefficientForm(const FormModel& model, const Arguments& arguments);
  FormTime time(const KernelWork& work, const FormGpu& gpu) const final;
  bool takes(const KernelWork& work, const FormGpu& gpu) const final;
  std::string only_kernel() const final { return model_.kernel; }

 private:
  const FormModel& model_;
  std::vector<double> values_;
};

// The p-norm of a compute time and a memory time in seconds, shared out by their p-th powers.
KernelTime p_norm(double compute, double memory, double exponent);

// Those that a fit may use.
const FormModel& affine_model();
const FormModel& gemm_tiles_model();
const FormModel& attention_prefill_model();
const FormModel& attention_decode_model();
const FormModel& gate_topk_model();

}  // namespace moesim
