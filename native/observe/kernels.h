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

//! Sums over elements: of the error, of its square, and of the square of what is right.
struct ErrorSums {
    double error;
    double noise;
    double signal;
};

//! One instruction set's versions of the loops.
struct Kernels {
    //! \param count at most 2^31
    KeyRange (*range)(const float* values, size_t count);
    //! Writes each element's bin, or \p lastBin + 1 where the element is not finite.
    void (*bins)(const float* values, size_t count, double binWidth, int32_t lastBin, int32_t* out);
    //! The same where the bins are a power of two wide, given by its inverse, and hold every finite element: the
    //! product is then exact, or below the smallest normal number and in bin 0.
    //! \param trash the bin of elements that are not finite
    void (*magnitudeBins)(const float* values, size_t count, float inverseWidth, int32_t trash, int32_t* out);
    //! Widens every element's own range by its value, if that is finite.
    void (*rangeEach)(const float* values, size_t count, int32_t* least, int32_t* greatest);
    ErrorSums (*error)(const float* computed, const float* original, size_t count);
    //! The same, added to sums of every element's own.
    void (*errorEach)(const float* computed, const float* original, size_t count, double* error, double* noise,
                      double* signal);
};

//! The float that a key of KeyRange stands for; +0 for -0.
float keyToFloat(int32_t key);

extern const Kernels kernelsBaseline;
#if defined(PB_HAVE_AVX2)
extern const Kernels kernelsAvx2;
#endif

//! The fastest version that this processor can run.
const Kernels& bestKernels();

} // namespace precision_bench
