// Parts of a report: tables and charts as data. Each is a JSON object with `type`, `title` (a
// sentence that says what it shows), perhaps `note` (how to read it), and by type:
//   table     columns[] {title, unit}, rows[] of cells (numbers, texts or null); `best`: rows[] of
//             column indices to be marked. Columns without `unit` hold text
//   bars      categories[], `category` (what they are), unit, series[] {name, values[], low[],
//             high[]}; `stacked`, `horizontal`
//   lines     x, y {title, unit, min: where the axis begins, if given}, series[] {name, x[], y[]};
//             null in y is a gap; `steps`: a value holds until the next; `filled`: down to the
//             axis; `from_zero`: the y axis begins at 0
//   points    x, y {title, unit}, series[] {name, points[] {x, y, name}, line}: Pareto fronts, with
//             `line` those of the front
//   heat_map  x, y {title, labels[]}, unit, frames[] {label, cells[] [x index, y index, value]},
//             `slider`: what a frame is. All frames share one scale. `note` may say more
//   cluster   nodes[], leaves[], links[]: analysis/report/cluster_part.hpp
//   strip     tracks[], names[], spans[] [track, name index, begin, end] in seconds: what ran when
// Any chart may have `height` (pixels). Units of values, which are SI: "s", "B", "share" (0–1,
// shown as percent), "×", "" (a plain number), or any other as it is, with decimal prefixes
// ("tokens/s" → "1.23 M tokens/s").
#pragma once

#include <string>
#include <vector>

#include "analysis/json.hpp"

namespace moesim {

struct Column {
  std::string title;
  std::string unit = "text";  // "text": not a number
};

// Without rows; add to `rows`.
Json table_part(const std::string& title, const std::vector<Column>& columns);

// Of any type; the type's keys are added by the caller.
Json chart_part(const std::string& type, const std::string& title, const std::string& note = "");

struct BarsLook {
  std::string unit;
  std::string value;          // what the values are
  std::string category = {};  // what the categories are; may be empty
  bool horizontal = false;
  bool stacked = false;
};
// Without series; add bar_series() to `series`.
Json bars_part(const std::string& title, const std::string& note, const BarsLook& look,
               const std::vector<std::string>& categories);
// By the categories.
Json bar_series(const std::string& name, const std::vector<double>& values);

Json axis(const std::string& title, const std::string& unit);

// Not a number and infinite: null.
Json numbers(const std::vector<double>& values);

Json series(const std::string& name, const std::vector<double>& x, const std::vector<double>& y);

// {name, text}, of assumptions and provenance.
Json named_text(const std::string& name, const std::string& text);

// A key figure whose value is at `key` of the document; null where that has none. `uncertainty`:
// its band, if it has any: an object with low and high.
Json figure(const Json& document, const std::string& key, const std::string& title,
            const std::string& unit, const std::string& note = "");

// The value at a path with dots; null where there is none.
Json at_path(const Json& document, const std::string& path);
// The same as a number; not a number where there is none.
double number_at(const Json& document, const std::string& path);

// A section; without parts it is not to be added.
Json section(const std::string& title, const std::string& text, Json parts);

}  // namespace moesim
