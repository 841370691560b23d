// What the report of a run of requests says and shows, from its summary and its files.
#pragma once

#include <string>

#include "analysis/report/report.hpp"

namespace moesim {

std::string serving_answer(const Json& summary);
std::string serving_question(const Json& summary);
Json serving_figures(const Json& summary);
// Latencies; the pools over time; what a step of each is made of.
Json serving_sections(const Json& summary, const ResultFiles& files);

}  // namespace moesim
