#include "analysis/sweep/database.hpp"

#include <sqlite3.h>

#include <cmath>
#include <limits>

#include "sim/base/check.hpp"
#include "sim/base/yaml.hpp"

namespace moesim {
namespace {

constexpr int kPatience = 60'000;  // milliseconds that a lock of others is waited for

[[noreturn]] void refuse_file(const std::filesystem::path& path, sqlite3* handle, int code) {
  if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
    throw InputError({text_source(path.string(), ""), 0, 0}, "is not an SQLite file",
                     "name another file, or one that moesim sweep has written");
  const std::string words = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  throw InputError({text_source(path.string(), ""), 0, 0}, words);
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement& Statement::bind(int parameter, const std::string& text) {
  const int code = sqlite3_bind_text64(statement_.get(), parameter, text.data(), text.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  MOESIM_CHECK(code == SQLITE_OK, "the statement has this parameter");
  return *this;
}

Statement& Statement::bind(int parameter, std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_.get(), parameter, value);
  MOESIM_CHECK(code == SQLITE_OK, "the statement has this parameter");
  return *this;
}

Statement& Statement::bind(int parameter, double value) {
  if (!std::isfinite(value)) return bind_null(parameter);
  const int code = sqlite3_bind_double(statement_.get(), parameter, value);
  MOESIM_CHECK(code == SQLITE_OK, "the statement has this parameter");
  return *this;
}

Statement& Statement::bind_null(int parameter) {
  const int code = sqlite3_bind_null(statement_.get(), parameter);
  MOESIM_CHECK(code == SQLITE_OK, "the statement has this parameter");
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) database_->refuse();
  return code == SQLITE_ROW;
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::string Statement::text(int column) const {
  const unsigned char* bytes = sqlite3_column_text(statement_.get(), column);
  if (bytes == nullptr) return {};
  return {reinterpret_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

double Statement::number(int column) const {
  if (is_null(column)) return std::numeric_limits<double>::quiet_NaN();
  return sqlite3_column_double(statement_.get(), column);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

Database::Database(const std::filesystem::path& path, Open open) : path_(path) {
  const bool exists = std::filesystem::exists(path);
  if (std::filesystem::is_directory(path))
    throw InputError({text_source(path.string(), ""), 0, 0}, "is a directory, not a file");
  if (!exists && open == Open::kExisting)
    throw InputError({text_source(path.string(), ""), 0, 0}, "cannot read the file");
  std::error_code ignored;  // SQLite says why it cannot write there
  if (open == Open::kCreate && path.has_parent_path())
    std::filesystem::create_directories(path.parent_path(), ignored);
  sqlite3* handle = nullptr;
  const auto open_with = [&](int flags) {
    const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
    handle_.reset(handle);
    return code;
  };
  int code = open_with(SQLITE_OPEN_READWRITE | (open == Open::kCreate ? SQLITE_OPEN_CREATE : 0));
  if (code != SQLITE_OK && open == Open::kExisting) code = open_with(SQLITE_OPEN_READONLY);
  if (code != SQLITE_OK) refuse_file(path, handle_.get(), code);
  sqlite3_busy_timeout(handle, kPatience);
  run("PRAGMA schema_version");  // reads the file: is it one of SQLite's?
}

Statement Database::prepare(const std::string& sql) const {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(handle_.get(), sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
    refuse();
  return {*this, statement};
}

void Database::run(const std::string& sql) const {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) refuse();
}

void Database::refuse() const {
  refuse_file(path_, handle_.get(), sqlite3_extended_errcode(handle_.get()) & 0xff);
}

Transaction::Transaction(const Database& database) : database_(database) {
  database_.run("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    database_.run("ROLLBACK");
  } catch (const InputError&) {  // SQLite has rolled back by itself
  }
}

void Transaction::commit() {
  database_.run("COMMIT");
  open_ = false;
}

}  // namespace moesim
