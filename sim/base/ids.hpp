// Ids as types, and arrays that can only be indexed by the right one.
#pragma once

#include <compare>
#include <cstddef>
#include <span>
#include <vector>

#include "sim/base/check.hpp"

namespace moesim {

template <class Tag>
struct Id {
  int value = -1;  // −1 = none

  constexpr Id() = default;
  constexpr explicit Id(int v) : value(v) {}
  constexpr explicit Id(std::size_t v) : value(static_cast<int>(v)) {}
  constexpr auto operator<=>(const Id&) const = default;
  constexpr Id& operator++() { return ++value, *this; }
  constexpr std::size_t index() const { return static_cast<std::size_t>(value); }
  constexpr bool valid() const { return value >= 0; }
};

using GpuId = Id<struct GpuTag>;
using NodeId = Id<struct NodeTag>;      // a server: GPUs that share NICs
using LinkId = Id<struct LinkTag>;      // one direction of a wire
using ExpertId = Id<struct ExpertTag>;  // logical (routed) expert of a layer
using SlotId = Id<struct SlotTag>;      // physical expert: a place on a GPU
using LayerId = Id<struct LayerTag>;    // MoE layer, counted from 0 over the MoE layers only
using StepId = Id<struct StepTag>;

// All ids 0 .. count-1, for range-for.
template <class IdType>
class IdRange {
 public:
  constexpr explicit IdRange(std::size_t count) : count_(static_cast<int>(count)) {}
  constexpr explicit IdRange(int count) : count_(count) {}
  struct Iterator {
    IdType id;
    constexpr IdType operator*() const { return id; }
    constexpr Iterator& operator++() { return ++id, *this; }
    constexpr bool operator!=(const Iterator& other) const { return id != other.id; }
  };
  constexpr Iterator begin() const { return {IdType(0)}; }
  constexpr Iterator end() const { return {IdType(count_)}; }

 private:
  int count_;
};

// A vector indexed by one id type.
template <class IdType, class T>
class IdVector {
 public:
  IdVector() = default;
  explicit IdVector(std::size_t size, T value = T{}) : data_(size, value) {}
  explicit IdVector(int size, T value = T{}) : data_(static_cast<std::size_t>(size), value) {}
  explicit IdVector(std::vector<T> data) : data_(std::move(data)) {}

  decltype(auto) operator[](IdType id) { return data_[id.index()]; }
  decltype(auto) operator[](IdType id) const { return data_[id.index()]; }
  std::size_t size() const { return data_.size(); }
  bool empty() const { return data_.empty(); }
  IdRange<IdType> ids() const { return IdRange<IdType>(data_.size()); }
  std::vector<T>& raw() { return data_; }
  const std::vector<T>& raw() const { return data_; }
  auto begin() const { return data_.begin(); }
  auto end() const { return data_.end(); }
  auto begin() { return data_.begin(); }
  auto end() { return data_.end(); }
  bool operator==(const IdVector&) const = default;

 private:
  std::vector<T> data_;
};

// A dense row-major matrix [rows × columns] indexed by two id types.
template <class RowId, class ColumnId, class T>
class IdMatrix {
 public:
  IdMatrix() = default;
  IdMatrix(std::size_t rows, std::size_t columns, T value = T{})
      : rows_(rows), columns_(columns), data_(rows * columns, value) {}
  IdMatrix(int rows, int columns, T value = T{})
      : IdMatrix(static_cast<std::size_t>(rows), static_cast<std::size_t>(columns), value) {}

  T& operator()(RowId row, ColumnId column) {
    return data_[row.index() * columns_ + column.index()];
  }
  const T& operator()(RowId row, ColumnId column) const {
    return data_[row.index() * columns_ + column.index()];
  }
  std::span<T> row(RowId row) { return {data_.data() + row.index() * columns_, columns_}; }
  std::span<const T> row(RowId row) const {
    return {data_.data() + row.index() * columns_, columns_};
  }
  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  bool empty() const { return data_.empty(); }
  IdRange<RowId> row_ids() const { return IdRange<RowId>(rows_); }
  IdRange<ColumnId> column_ids() const { return IdRange<ColumnId>(columns_); }
  std::vector<T>& raw() { return data_; }
  const std::vector<T>& raw() const { return data_; }
  bool operator==(const IdMatrix&) const = default;

 private:
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::vector<T> data_;
};

}  // namespace moesim
