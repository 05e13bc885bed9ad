//! \file kernels_baseline.cpp
//! \brief The loops for any processor of the architecture: SSE2 on x86-64, Advanced SIMD on arm64.
#include "kernels.h"

#include "kernels.inl"

#include <cstring>

namespace precision_bench {

const Kernels kernelsBaseline = {range, bins, magnitudeBins, rangeEach, error, errorEach};

float keyToFloat(int32_t key) {
    const int32_t bits = key ^ ((key >> 31) & 0x7fffffff);
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value + 0.0f; // -0 becomes +0
}

const Kernels& bestKernels() {
#if defined(PB_HAVE_AVX2)
    static const bool avx2 = __builtin_cpu_supports("avx2");
    if (avx2) {
        return kernelsAvx2;
    }
#endif
    return kernelsBaseline;
}

} // namespace precision_bench
