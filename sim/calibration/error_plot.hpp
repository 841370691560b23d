// A picture of predictions against measurements: log-log, a colour for each kernel, the diagonal
// and the lines of ±10 %.
#pragma once

#include <string>
#include <vector>

namespace moesim {

struct ErrorSeries {
  std::string name;  // of a kernel
  // [points], seconds above 0
  std::vector<double> measured, predicted;
};

// SVG text. Of a series with very many points every n-th is drawn. `title` stands above.
std::string error_plot_svg(const std::string& title, const std::vector<ErrorSeries>& series);

// Writes the picture to a file: SVG, or a page around it where the name ends in .html. False where
// it cannot be written.
bool write_error_plot(const std::string& file, const std::string& title,
                      const std::vector<ErrorSeries>& series);

}  // namespace moesim
