#include "types.h"

#include <type_traits>

namespace precision_bench {
namespace {

struct NamedType {
    PbDataType ours;
    nvinfer1::DataType theirs;
};

constexpr NamedType kTypes[] = {
    {PB_TYPE_FP32, nvinfer1::DataType::kFLOAT},  {PB_TYPE_FP16, nvinfer1::DataType::kHALF},
    {PB_TYPE_INT8, nvinfer1::DataType::kINT8},   {PB_TYPE_INT32, nvinfer1::DataType::kINT32},
    {PB_TYPE_BOOL, nvinfer1::DataType::kBOOL},
#if PB_TRT_HAS_UINT8
    {PB_TYPE_UINT8, nvinfer1::DataType::kUINT8},
#endif
#if PB_TRT_HAS_FP8
    {PB_TYPE_FP8, nvinfer1::DataType::kFP8},
#endif
#if PB_TRT_MODERN
    {PB_TYPE_BF16, nvinfer1::DataType::kBF16},   {PB_TYPE_INT64, nvinfer1::DataType::kINT64},
    {PB_TYPE_INT4, nvinfer1::DataType::kINT4},
#endif
};

struct NamedFormat {
    PbFormat ours;
    nvinfer1::TensorFormat theirs;
};

constexpr NamedFormat kFormats[] = {
    {PB_FORMAT_LINEAR, nvinfer1::TensorFormat::kLINEAR},
    {PB_FORMAT_CHW2, nvinfer1::TensorFormat::kCHW2},
    {PB_FORMAT_CHW4, nvinfer1::TensorFormat::kCHW4},
    {PB_FORMAT_CHW16, nvinfer1::TensorFormat::kCHW16},
    {PB_FORMAT_CHW32, nvinfer1::TensorFormat::kCHW32},
    {PB_FORMAT_HWC, nvinfer1::TensorFormat::kHWC},
    {PB_FORMAT_HWC8, nvinfer1::TensorFormat::kHWC8},
    {PB_FORMAT_HWC16, nvinfer1::TensorFormat::kHWC16},
    {PB_FORMAT_DHWC8, nvinfer1::TensorFormat::kDHWC8},
    {PB_FORMAT_CDHW32, nvinfer1::TensorFormat::kCDHW32},
#if PB_TRT_HAS_DLA
    {PB_FORMAT_DLA_LINEAR, nvinfer1::TensorFormat::kDLA_LINEAR},
    {PB_FORMAT_DLA_HWC4, nvinfer1::TensorFormat::kDLA_HWC4},
#endif
};

} // namespace

PbDataType typeOf(nvinfer1::DataType type) {
    for (const NamedType& known : kTypes) {
        if (known.theirs == type) {
            return known.ours;
        }
    }
    return PB_TYPE_UNKNOWN;
}

std::optional<nvinfer1::DataType> tensorRtType(PbDataType type) {
    for (const NamedType& known : kTypes) {
        if (known.ours == type) {
            return known.theirs;
        }
    }
    return std::nullopt;
}

const char* typeText(PbDataType type) {
    switch (type) {
    case PB_TYPE_FP32:
        return "fp32";
    case PB_TYPE_FP16:
        return "fp16";
    case PB_TYPE_BF16:
        return "bf16";
    case PB_TYPE_FP8:
        return "fp8";
    case PB_TYPE_INT8:
        return "int8";
    case PB_TYPE_UINT8:
        return "uint8";
    case PB_TYPE_INT32:
        return "int32";
    case PB_TYPE_INT64:
        return "int64";
    case PB_TYPE_BOOL:
        return "bool";
    case PB_TYPE_INT4:
        return "int4";
    case PB_TYPE_UNKNOWN:
        break;
    }
    return "an unknown type";
}

size_t bitsOf(PbDataType type) {
    switch (type) {
    case PB_TYPE_INT64:
        return 64;
    case PB_TYPE_FP32:
    case PB_TYPE_INT32:
        return 32;
    case PB_TYPE_FP16:
    case PB_TYPE_BF16:
        return 16;
    case PB_TYPE_FP8:
    case PB_TYPE_INT8:
    case PB_TYPE_UINT8:
    case PB_TYPE_BOOL:
        return 8;
    case PB_TYPE_INT4:
        return 4;
    case PB_TYPE_UNKNOWN:
        break;
    }
    return 0;
}

size_t bytesOf(PbDataType type, const std::vector<int64_t>& dims) {
    size_t elements = 1;
    for (const int64_t size : dims) {
        elements *= static_cast<size_t>(size);
    }
    return (elements * bitsOf(type) + 7) / 8;
}

std::optional<nvinfer1::TensorFormats> tensorRtFormats(uint32_t formats) {
    nvinfer1::TensorFormats mask = 0;
    uint32_t known = 0;
    for (const NamedFormat& format : kFormats) {
        const uint32_t bit = 1U << format.ours;
        if ((formats & bit) != 0) {
            mask |= 1U << static_cast<uint32_t>(format.theirs);
            known |= bit;
        }
    }
    return known == formats ? std::optional<nvinfer1::TensorFormats>(mask) : std::nullopt;
}

uint32_t formatsOf(nvinfer1::TensorFormats formats) {
    uint32_t bits = 0;
    for (const NamedFormat& format : kFormats) {
        if ((formats & (1U << static_cast<uint32_t>(format.theirs))) != 0) {
            bits |= 1U << format.ours;
        }
    }
    return bits;
}

std::vector<int64_t> sizesOf(const nvinfer1::Dims& dims) {
    return dims.nbDims < 0 ? std::vector<int64_t>() : std::vector<int64_t>(dims.d, dims.d + dims.nbDims);
}

nvinfer1::Dims dimsOf(const int64_t* sizes, size_t rank) {
    nvinfer1::Dims dims = {};
    dims.nbDims = static_cast<int32_t>(rank);
    for (size_t i = 0; i < rank; ++i) {
        dims.d[i] = static_cast<std::remove_reference_t<decltype(dims.d[0])>>(sizes[i]);
    }
    return dims;
}

std::string textOf(const std::vector<int64_t>& sizes) {
    std::string text = "[";
    for (size_t i = 0; i < sizes.size(); ++i) {
        text += (i == 0 ? "" : ", ") + std::to_string(sizes[i]);
    }
    return text + "]";
}

} // namespace precision_bench
