//! \file channel_ranges.h
//! \brief The range of every channel of one tensor while values come in.
//!
//! Extremes do not depend on the order of the values: ranges filled by several threads can be merged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace precision_bench {

class ChannelRanges {
public:
    //! \param values \p outer times \p channels times \p inner elements, as they lie in memory
    void add(const float* values, size_t outer, size_t channels, size_t inner);
    //! Adds what \p other has seen.
    void merge(const ChannelRanges& other);

    //! Number of channels; 0 before the first values.
    size_t size() const { return mLeast.size(); }
    float minimum(size_t channel) const; //!< Smallest finite value; +infinity without any. Never -0.
    float maximum(size_t channel) const; //!< Largest finite value; -infinity without any. Never -0.

private:
    void growTo(size_t channels);

    std::vector<int32_t> mLeast; //!< Order-preserving keys of kernels.h.
    std::vector<int32_t> mGreatest;
};

} // namespace precision_bench
