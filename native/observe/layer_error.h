//! \file layer_error.h
//! \brief How far a layer's output is from what it should be: systematically per channel, and in power.
#pragma once

#include <cstddef>

namespace precision_bench {

//! \brief Compares a layer's output with the one it stands for, in one pass over both.
//!
//! Sums are of doubles in an order that only the shape decides, so that neither the instruction set nor what runs
//! beside it changes a bit.
//!
//! \param computed \p outer times \p channels times \p inner elements, as they lie in memory
//! \param original as many
//! \param result \p channels means of computed - original, then the mean squares of computed - original and of original
void compareLayer(const float* computed, const float* original, size_t outer, size_t channels, size_t inner,
                  double* result);

} // namespace precision_bench
