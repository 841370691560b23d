// An HDF5 file that is read with placed errors.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sim/base/error.hpp"
#include "sim/trace/hdf5_handle.hpp"

namespace moesim {

class Hdf5File {
 public:
  // `shown` is the name in messages, `spot` where the file is asked for. Throws InputError where
  // it is not HDF5, or damaged.
  Hdf5File(const std::filesystem::path& path, std::string shown, Spot spot);

  [[noreturn]] void damaged(const std::string& what) const;
  const std::string& shown() const { return shown_; }
  const Spot& spot() const { return spot_; }

  bool has(const std::string& path) const;             // such as "tokens/ids"
  std::string text_attribute(const char* name) const;  // of the file; empty where there is none
  int number_attribute(const char* name) const;
  // The texts of a dataset; none where there is no such dataset.
  std::vector<std::string> texts(const char* name) const;

  // A dataset [rows × row_shape]; anything else is damage.
  Hdf5Handle open(const std::string& name, const std::vector<hsize_t>& row_shape) const;
  static std::int64_t rows(const Hdf5Handle& dataset);
  static std::size_t element_bytes(const Hdf5Handle& dataset);

  // Rows first .. first + count, of one layer (second axis) where layer ≥ 0, converted to `type`.
  void read_rows(const Hdf5Handle& dataset, std::int64_t first, std::int64_t count, int layer,
                 hid_t type, void* out) const;
  template <class T>
  std::vector<T> read_column(const Hdf5Handle& dataset, hid_t type) const {
    std::vector<T> values(static_cast<std::size_t>(rows(dataset)));
    read_rows(dataset, 0, rows(dataset), -1, type, values.data());
    return values;
  }

 private:
  std::string shown_;
  Spot spot_;
  Hdf5Handle file_;
};

// Whether the file starts as an HDF5 file does.
bool is_hdf5(const std::filesystem::path& path);

}  // namespace moesim
