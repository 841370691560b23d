// Moved to analysis/text_table.hpp.
#pragma once

#include "analysis/text_table.hpp"
