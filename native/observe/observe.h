//! \file observe.h
//! \brief What calibration asks of a tensor's values: their range, and a histogram of their magnitudes.
//!
//! Plain C++ over float arrays, with neither Node nor TensorRT. `addon/observe_binding.cpp` shows these functions to
//! JavaScript, where `extension/calibrate/observers/` has the same functions in TypeScript for machines without the
//! addon. Both give the same bits: every result is an integer count or one of the input values, so neither the order
//! of the elements, nor the instruction set, nor the number of threads can change it.
#pragma once

#include <cstddef>

namespace precision_bench {

//! The range of a tensor. Only finite elements take part in it.
struct Range {
    float minimum;    //!< Smallest finite element; +infinity when there is none. Never -0.
    float maximum;    //!< Largest finite element; -infinity when there is none. Never -0.
    float absMaximum; //!< Largest finite magnitude; 0 when there is none.
    size_t nonFinite; //!< Number of NaN and infinite elements.
};

//! \brief Finds the range of \p count elements.
Range observeRange(const float* values, size_t count);

//! \brief Adds the magnitudes of \p count elements to a histogram of \p bins bins of equal width.
//!
//! Bin i counts |x| / binWidth in [i, i + 1), the quotient in double precision; the last bin also takes everything
//! beyond it. Elements that are not finite are left out.
//!
//! \param values the tensor's elements
//! \param counts \p bins counters, added to; doubles, which hold integers exactly up to 2^53 and are what JavaScript
//! has \param binWidth the width of a bin in the tensor's unit; finite and above zero \return the number of elements
//! left out
size_t accumulateHistogram(const float* values, size_t count, double* counts, size_t bins, double binWidth);

} // namespace precision_bench
