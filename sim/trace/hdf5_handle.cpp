#include "sim/trace/hdf5_handle.hpp"

#include <algorithm>
#include <numeric>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

constexpr unsigned kDeflateLevel = 9;

}  // namespace

Hdf5Handle& Hdf5Handle::operator=(Hdf5Handle&& other) noexcept {
  if (this == &other) return *this;
  reset();
  id_ = other.id_;
  close_ = other.close_;
  other.id_ = -1;
  return *this;
}

void Hdf5Handle::reset() {
  if (id_ >= 0 && close_ != nullptr) close_(id_);
  id_ = -1;
}

void silence_hdf5() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

Hdf5Handle half_type() {
  Hdf5Handle type(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  H5Tset_fields(type.id(), 15, 10, 5, 0, 10);
  H5Tset_size(type.id(), 2);
  H5Tset_ebias(type.id(), 15);
  return type;
}

Hdf5Handle text_type() {
  Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.id(), H5T_VARIABLE);
  H5Tset_cset(type.id(), H5T_CSET_UTF8);
  return type;
}

GrowingDataset::GrowingDataset(hid_t group, const std::string& name, hid_t type,
                               std::vector<hsize_t> row_shape, hsize_t chunk_rows)
    : type_(type), shape_(std::move(row_shape)), chunk_rows_(chunk_rows) {
  std::vector<hsize_t> size = {0}, limit = {H5S_UNLIMITED}, chunk = {chunk_rows};
  for (std::size_t axis = 0; axis < shape_.size(); ++axis) {
    size.push_back(shape_[axis]);
    limit.push_back(shape_[axis]);
    chunk.push_back(axis == 0 && shape_.size() > 1 ? 1 : shape_[axis]);
  }
  const Hdf5Handle space(H5Screate_simple(static_cast<int>(size.size()), size.data(), limit.data()),
                         H5Sclose);
  const Hdf5Handle options(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_chunk(options.id(), static_cast<int>(chunk.size()), chunk.data());
  if (H5Tget_class(type) != H5T_STRING) {  // variable-length text lies elsewhere in the file
    H5Pset_shuffle(options.id());
    H5Pset_deflate(options.id(), kDeflateLevel);
  }
  // No modification times: the same trace gives the same bytes.
  H5Pset_obj_track_times(options.id(), false);
  dataset_ = Hdf5Handle(
      H5Dcreate2(group, name.c_str(), type, space.id(), H5P_DEFAULT, options.id(), H5P_DEFAULT),
      H5Dclose);
  row_bytes_ = H5Tget_size(type) *
               std::accumulate(shape_.begin(), shape_.end(), std::size_t{1}, std::multiplies<>());
}

bool GrowingDataset::append(const void* data, std::size_t rows) {
  MOESIM_CHECK(exists(), "a column is made before it is filled");
  const std::byte* at = static_cast<const std::byte*>(data);
  while (rows > 0) {
    const std::size_t room = chunk_rows_ - waiting_.size() / row_bytes_;
    const std::size_t taken = std::min(rows, room);
    waiting_.insert(waiting_.end(), at, at + taken * row_bytes_);
    at += taken * row_bytes_;
    rows -= taken;
    if (taken == room && !flush()) return false;
  }
  return true;
}

bool GrowingDataset::flush() {
  if (waiting_.empty()) return true;
  const hsize_t rows = waiting_.size() / row_bytes_;
  std::vector<hsize_t> size = {written_ + rows}, start = {written_}, count = {rows};
  for (const hsize_t extent : shape_) {
    size.push_back(extent);
    start.push_back(0);
    count.push_back(extent);
  }
  if (H5Dset_extent(dataset_.id(), size.data()) < 0) return false;
  const Hdf5Handle file(H5Dget_space(dataset_.id()), H5Sclose);
  const Hdf5Handle memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr),
                          H5Sclose);
  if (H5Sselect_hyperslab(file.id(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr) <
          0 ||
      H5Dwrite(dataset_.id(), type_, memory.id(), file.id(), H5P_DEFAULT, waiting_.data()) < 0)
    return false;
  written_ += rows;
  waiting_.clear();
  return true;
}

}  // namespace moesim
