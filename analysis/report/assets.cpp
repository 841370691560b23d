// The assembler takes the files as they are: no compiler has to read a megabyte of script.
#include "analysis/report/assets.hpp"

#define MOESIM_EMBED(name, file)                                                             \
  asm(".pushsection .rodata\n.global " #name "\n" #name ":\n.incbin \"" MOESIM_REPORT_ASSETS \
      "/" file "\"\n.global " #name "_end\n" #name "_end:\n.byte 0\n.popsection\n");         \
  extern "C" const char name[], name##_end[]

MOESIM_EMBED(moesim_page_html, "page.html");
MOESIM_EMBED(moesim_page_css, "page.css");
MOESIM_EMBED(moesim_page_js, "page.js");
MOESIM_EMBED(moesim_echarts_js, "echarts.js");

namespace moesim {

std::string_view page_frame() { return {moesim_page_html, moesim_page_html_end}; }
std::string_view page_style() { return {moesim_page_css, moesim_page_css_end}; }
std::string_view page_script() { return {moesim_page_js, moesim_page_js_end}; }
std::string_view chart_script() { return {moesim_echarts_js, moesim_echarts_js_end}; }

}  // namespace moesim
