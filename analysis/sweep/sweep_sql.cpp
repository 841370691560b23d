#include "analysis/sweep/sweep_sql.hpp"

namespace moesim {

std::string sql_name(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? "\"\"" : std::string(1, c);
  return text + "\"";
}

std::string sweep_entry(const Database& database, const std::string& key) {
  Statement query = database.prepare("SELECT value FROM sweep WHERE key = ?");
  return query.bind(1, key).step() ? query.text(0) : "";
}

std::set<std::string> run_columns_of(const Database& database) {
  std::set<std::string> there;
  Statement columns = database.prepare("SELECT name FROM pragma_table_info('runs')");
  while (columns.step()) there.insert(columns.text(0));
  return there;
}

}  // namespace moesim
