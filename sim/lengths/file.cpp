// The lengths of recorded requests, drawn from them with replacement. What the workload says about
// the mean is not used: these are real lengths.
#include "sim/base/presets.hpp"
#include "sim/lengths/lengths.hpp"
#include "sim/model/request_file.hpp"

namespace moesim {
namespace {

class RecordedLengths final : public Lengths {
 public:
  explicit RecordedLengths(const Arguments& arguments) {
    const std::filesystem::path file = arguments.existing_file("file");
    const std::string& column = arguments.text("column");
    for (const RequestRow& row : read_request_file(file, shown_path(file)).rows)
      lengths_.push_back(column == "input"    ? row.input
                         : column == "output" ? row.output
                                              : row.input + row.output);
  }

  double draw(double, Rng& rng) const override {
    return lengths_[static_cast<std::size_t>(rng.below(static_cast<int>(lengths_.size())))];
  }
  bool needs_mean() const override { return false; }

 private:
  std::vector<int> lengths_;  // tokens, [rows]
};

const Register<Lengths, RecordedLengths> kFile{
    {.name = "file",
     .summary = "lengths of recorded requests, drawn from them as they are",
     .parameters = {{.name = "file",
                     .type = ParameterType::kPath,
                     .doc = "trace of requests, in any format that requests: {kind: file} reads",
                     .required = true},
                    {.name = "column",
                     .type = ParameterType::kChoice,
                     .doc = "the prompt's tokens, the answer's, or both together",
                     .fallback = "input",
                     .choices = {"input", "output", "total"}}}}};

}  // namespace
}  // namespace moesim
