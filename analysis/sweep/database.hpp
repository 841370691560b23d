// An SQLite file, and statements on it. The only user of SQLite, with sweep_store.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

struct sqlite3;
struct sqlite3_stmt;

namespace moesim {

class Statement {
 public:
  // Parameters and columns count from 1 and 0, as SQLite has it.
  Statement& bind(int parameter, const std::string& text);
  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, double value);  // null where it is not finite
  Statement& bind_null(int parameter);
  bool step();                         // whether there is a row
  void reset();                        // to be run again; forgets what was bound
  std::string text(int column) const;  // empty where it is null
  std::int64_t integer(int column) const;
  double number(int column) const;  // not a number where it is null
  bool is_null(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(const class Database& database, sqlite3_stmt* statement)
      : database_(&database), statement_(statement) {}
  const class Database* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// Every call throws InputError, at the file, for what SQLite refuses: a file that is none of its
// own, a full disk, a lock that others keep for a minute.
class Database {
 public:
  enum class Open { kExisting, kCreate };
  Database(const std::filesystem::path& path, Open open);

  Statement prepare(const std::string& sql) const;
  void run(const std::string& sql) const;  // statements without rows
  const std::filesystem::path& path() const { return path_; }
  [[noreturn]] void refuse() const;  // with SQLite's words

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  std::filesystem::path path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

// All or nothing: what is done until commit() is undone where an exception or a crash comes first.
class Transaction {
 public:
  explicit Transaction(const Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  const Database& database_;
  bool open_ = true;
};

}  // namespace moesim
