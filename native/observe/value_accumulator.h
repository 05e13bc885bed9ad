//! \file value_accumulator.h
//! \brief Range and histogram of one tensor while values come in, in one pass over them.
//!
//! The result is a function of the multiset of values alone: integer counts in bins whose width is the smallest power
//! of two that fits, and extremes. So accumulators can be filled by several threads in any order and merged. The rules
//! are those of `extension/calibrate/histogram.ts`, and the bits are too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace precision_bench {

class ValueAccumulator {
public:
    //! Bins of a histogram (`binCount` of histogram.ts).
    static constexpr size_t kBins = 4096;

    explicit ValueAccumulator(bool histogram);

    void add(const float* values, size_t count);
    //! Adds what \p other has seen.
    void merge(const ValueAccumulator& other);

    float minimum() const; //!< Smallest finite value; +infinity without any. Never -0.
    float maximum() const; //!< Largest finite value; -infinity without any. Never -0.
    uint64_t nonFinite() const { return mNonFinite; }
    double binWidth() const;
    //! Empty without a histogram.
    const std::vector<uint64_t>& counts() const { return mCounts; }

private:
    void addRange(const float* values, size_t count);
    void countInPlace(const float* values, size_t count);
    void countInTurns(const float* values, size_t count);
    //! Merges bins until their width is at least 2^\p exponent.
    void widenTo(int exponent);
    void widenTo(float largest);

    int32_t mLeast = INT32_MAX; //!< Order-preserving keys of kernels.h.
    int32_t mGreatest = INT32_MIN;
    uint64_t mNonFinite = 0;
    int mExponent; //!< The width of a bin is 2 to this power.
    std::vector<uint64_t> mCounts;
};

} // namespace precision_bench
