#include "sim/trace/hdf5_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <fstream>

namespace moesim {
namespace {

std::vector<hsize_t> shape_of(const Hdf5Handle& dataset) {
  const Hdf5Handle space(H5Dget_space(dataset.id()), H5Sclose);
  const int rank = H5Sget_simple_extent_ndims(space.id());
  std::vector<hsize_t> shape(static_cast<std::size_t>(std::max(rank, 0)));
  if (rank > 0) H5Sget_simple_extent_dims(space.id(), shape.data(), nullptr);
  return shape;
}

}  // namespace

bool is_hdf5(const std::filesystem::path& path) {
  constexpr char kSignature[] = "\x89HDF\r\n\x1a\n";
  char start[8] = {};
  std::ifstream file(path, std::ios::binary);
  return file.read(start, sizeof start) && std::memcmp(start, kSignature, sizeof start) == 0;
}

Hdf5File::Hdf5File(const std::filesystem::path& path, std::string shown, Spot spot)
    : shown_(std::move(shown)), spot_(std::move(spot)) {
  silence_hdf5();
  if (!is_hdf5(path))
    throw InputError(spot_, fmt::format("'{}' is not an HDF5 file", shown_),
                     "`moesim trace convert` makes one from other forms");
  file_ = Hdf5Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!file_.valid()) damaged("the file is damaged or cut off");
}

void Hdf5File::damaged(const std::string& what) const {
  throw InputError(spot_, fmt::format("'{}' is not a whole trace: {}", shown_, what));
}

bool Hdf5File::has(const std::string& path) const {
  // Each part of the path must exist before the next may be asked for.
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1))
    if (H5Lexists(file_.id(), path.substr(0, slash).c_str(), H5P_DEFAULT) <= 0) return false;
  return H5Lexists(file_.id(), path.c_str(), H5P_DEFAULT) > 0;
}

std::string Hdf5File::text_attribute(const char* name) const {
  const Hdf5Handle attribute(H5Aopen(file_.id(), name, H5P_DEFAULT), H5Aclose);
  if (!attribute.valid()) return {};
  const Hdf5Handle type(H5Aget_type(attribute.id()), H5Tclose);
  if (H5Tget_class(type.id()) != H5T_STRING) return {};
  if (H5Tis_variable_str(type.id()) > 0) {
    const Hdf5Handle memory = text_type();
    char* text = nullptr;
    if (H5Aread(attribute.id(), memory.id(), &text) < 0 || text == nullptr) return {};
    std::string value(text);
    H5free_memory(text);
    return value;
  }
  std::string value(H5Tget_size(type.id()), '\0');
  if (H5Aread(attribute.id(), type.id(), value.data()) < 0) return {};
  return value.c_str();
}

int Hdf5File::number_attribute(const char* name) const {
  const Hdf5Handle attribute(H5Aopen(file_.id(), name, H5P_DEFAULT), H5Aclose);
  int value = -1;
  if (!attribute.valid() || H5Aread(attribute.id(), H5T_NATIVE_INT, &value) < 0 || value < 0)
    damaged(fmt::format("it has no attribute '{}'", name));
  return value;
}

std::vector<std::string> Hdf5File::texts(const char* name) const {
  if (!has(name)) return {};
  const Hdf5Handle dataset = open(name, {});
  const Hdf5Handle type = text_type();
  std::vector<char*> read(static_cast<std::size_t>(rows(dataset)), nullptr);
  if (!read.empty() &&
      H5Dread(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, read.data()) < 0)
    damaged(fmt::format("'{}' cannot be read", name));
  std::vector<std::string> values;
  for (char* text : read) {
    values.emplace_back(text != nullptr ? text : "");
    H5free_memory(text);
  }
  return values;
}

Hdf5Handle Hdf5File::open(const std::string& name, const std::vector<hsize_t>& row_shape) const {
  Hdf5Handle dataset(H5Dopen2(file_.id(), name.c_str(), H5P_DEFAULT), H5Dclose);
  if (!dataset.valid()) damaged(fmt::format("it has no dataset '{}'", name));
  const std::vector<hsize_t> shape = shape_of(dataset);
  if (shape.size() != row_shape.size() + 1 ||
      !std::equal(row_shape.begin(), row_shape.end(), shape.begin() + 1))
    damaged(fmt::format("'{}' has another shape than the attributes say", name));
  return dataset;
}

std::int64_t Hdf5File::rows(const Hdf5Handle& dataset) {
  return static_cast<std::int64_t>(shape_of(dataset).front());
}

std::size_t Hdf5File::element_bytes(const Hdf5Handle& dataset) {
  const Hdf5Handle type(H5Dget_type(dataset.id()), H5Tclose);
  return H5Tget_size(type.id());
}

void Hdf5File::read_rows(const Hdf5Handle& dataset, std::int64_t first, std::int64_t count,
                         int layer, hid_t type, void* out) const {
  if (count == 0) return;
  std::vector<hsize_t> size = shape_of(dataset);
  std::vector<hsize_t> start(size.size(), 0);
  start[0] = static_cast<hsize_t>(first);
  size[0] = static_cast<hsize_t>(count);
  if (layer >= 0) {
    start[1] = static_cast<hsize_t>(layer);
    size[1] = 1;
  }
  const Hdf5Handle file(H5Dget_space(dataset.id()), H5Sclose);
  const Hdf5Handle memory(H5Screate_simple(static_cast<int>(size.size()), size.data(), nullptr),
                          H5Sclose);
  if (H5Sselect_hyperslab(file.id(), H5S_SELECT_SET, start.data(), nullptr, size.data(), nullptr) <
          0 ||
      H5Dread(dataset.id(), type, memory.id(), file.id(), H5P_DEFAULT, out) < 0)
    damaged("the file is damaged or cut off");
}

}  // namespace moesim
