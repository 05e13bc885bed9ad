//! \file types.h
//! \brief Element types and memory layouts: ours, whose numbers stay, and those of the major compiled against.
#pragma once

#include "engine_api.h"
#include "trt.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace precision_bench {

//! PB_TYPE_UNKNOWN for what has no number of ours.
PbDataType typeOf(nvinfer1::DataType type);

//! Nothing for a type that this major has not.
std::optional<nvinfer1::DataType> tensorRtType(PbDataType type);

//! As messages name it: "fp16".
const char* typeText(PbDataType type);

//! Bits per element; 0 for types that have no place in host memory.
size_t bitsOf(PbDataType type);

//! Bytes of a tensor; INT4 has two elements to a byte.
size_t bytesOf(PbDataType type, const std::vector<int64_t>& dims);

//! TensorRT's mask of layouts for bits numbered by PbFormat; nothing where this major has not all of them.
std::optional<nvinfer1::TensorFormats> tensorRtFormats(uint32_t formats);

//! Bits numbered by PbFormat for TensorRT's mask.
uint32_t formatsOf(nvinfer1::TensorFormats formats);

//! Empty for an unknown rank.
std::vector<int64_t> sizesOf(const nvinfer1::Dims& dims);

//! \param rank at most Dims::MAX_DIMS
nvinfer1::Dims dimsOf(const int64_t* sizes, size_t rank);

//! As messages name it: "[1, 3, 224, 224]".
std::string textOf(const std::vector<int64_t>& sizes);

} // namespace precision_bench
