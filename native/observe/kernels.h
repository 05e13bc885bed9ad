//! \file kernels.h
//! \brief The inner loops of observation, compiled once per instruction set and chosen at run time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace precision_bench {

//! Least and greatest of the finite elements as order-preserving integer keys, and how many are not finite.
struct KeyRange {
    int32_t least;
    int32_t greatest;
    uint32_t nonFinite;
};

//! One instruction set's versions of the loops.
struct Kernels {
    //! \param count at most 2^31
    KeyRange (*range)(const float* values, size_t count);
    //! Writes each element's bin, or \p lastBin + 1 where the element is not finite.
    void (*bins)(const float* values, size_t count, double binWidth, int32_t lastBin, int32_t* out);
};

extern const Kernels kernelsBaseline;
#if defined(PB_HAVE_AVX2)
extern const Kernels kernelsAvx2;
#endif

//! The fastest version that this processor can run.
const Kernels& bestKernels();

} // namespace precision_bench
