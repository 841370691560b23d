// What report.html is made of, as the build put it into the program.
#pragma once

#include <string_view>

namespace moesim {

std::string_view page_frame();    // page.html, with the marks that report.cpp fills
std::string_view page_style();    // page.css
std::string_view page_script();   // page/*.js, one after the other
std::string_view chart_script();  // ECharts; empty where the build could not fetch it

}  // namespace moesim
