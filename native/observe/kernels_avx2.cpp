//! \file kernels_avx2.cpp
//! \brief The loops for x86-64 processors with AVX2; compiled with that option and called only where it is present.
#include "kernels.h"

#include "kernels.inl"

namespace precision_bench {

const Kernels kernelsAvx2 = {range, bins, magnitudeBins, rangeEach, error, errorEach};

} // namespace precision_bench
