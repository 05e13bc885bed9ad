//! \file compute_capability.h
//! \brief Compute capabilities as numbers (89 for 8.9) and as TensorRT-RTX's enumerators.
#pragma once

#include "trt.h"

#if PB_TRT_HAS_COMPUTE_CAPABILITY

#include <array>
#include <cstdint>
#include <optional>

namespace precision_bench {

struct NamedComputeCapability {
    int32_t number;
    nvinfer1::ComputeCapability value;
};

//! All that the headers name; which of them a library takes is asked of the library.
constexpr std::array<NamedComputeCapability, 6> kComputeCapabilities = {{
    {75, nvinfer1::ComputeCapability::kSM75},
    {80, nvinfer1::ComputeCapability::kSM80},
    {86, nvinfer1::ComputeCapability::kSM86},
    {89, nvinfer1::ComputeCapability::kSM89},
    {120, nvinfer1::ComputeCapability::kSM120},
    {121, nvinfer1::ComputeCapability::kSM121},
}};

inline std::optional<nvinfer1::ComputeCapability> computeCapability(int32_t number) {
    for (const NamedComputeCapability& known : kComputeCapabilities) {
        if (known.number == number) {
            return known.value;
        }
    }
    return std::nullopt;
}

} // namespace precision_bench

#endif
