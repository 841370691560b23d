// The C interface of HDF5 with ids that close themselves, and datasets that grow row by row.
#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// An open HDF5 object. Not valid = the call that made it failed; asking is up to the caller.
class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);

  Hdf5Handle() = default;
  Hdf5Handle(hid_t id, Close close) : id_(id), close_(close) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(other.id_), close_(other.close_) { other.id_ = -1; }
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept;
  Hdf5Handle(const Hdf5Handle&) = delete;
  Hdf5Handle& operator=(const Hdf5Handle&) = delete;
  ~Hdf5Handle() { reset(); }

  void reset();
  bool valid() const { return id_ >= 0; }
  hid_t id() const { return id_; }

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

// HDF5 prints errors by itself unless told not to; ours carry a place.
void silence_hdf5();

// Little-endian IEEE half, which h5py and NumPy call float16.
Hdf5Handle half_type();
// Text of any length, UTF-8.
Hdf5Handle text_type();

// A dataset [rows × …] that grows as rows are appended. It is chunked by `chunk_rows` rows; where
// the rows are matrices [layers × n] each layer is a chunk of its own, so that one layer can be
// read alone. Chunks are shuffled and deflated. Rows wait in memory until they fill a chunk.
class GrowingDataset {
 public:
  GrowingDataset() = default;
  // `row_shape` is empty for scalars. `type` is the type both in memory and in the file.
  GrowingDataset(hid_t group, const std::string& name, hid_t type, std::vector<hsize_t> row_shape,
                 hsize_t chunk_rows);

  bool exists() const { return dataset_.valid(); }
  // `rows` rows back to back. False where the file cannot be written.
  bool append(const void* data, std::size_t rows);
  bool flush();

 private:
  Hdf5Handle dataset_;
  hid_t type_ = -1;
  std::vector<hsize_t> shape_;  // of a row
  std::size_t row_bytes_ = 0;
  hsize_t chunk_rows_ = 0, written_ = 0;
  std::vector<std::byte> waiting_;
};

}  // namespace moesim
