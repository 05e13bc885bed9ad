//! \file kernels_baseline.cpp
//! \brief The loops for any processor of the architecture: SSE2 on x86-64, Advanced SIMD on arm64.
#include "kernels.h"

#include "kernels.inl"

namespace precision_bench {

const Kernels kernelsBaseline = {range, bins};

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
