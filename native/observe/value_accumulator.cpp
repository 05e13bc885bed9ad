//! \file value_accumulator.cpp
//! \brief The values are taken in blocks that stay in the first-level cache: first their range, then their bins.
#include "value_accumulator.h"

#include "kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>

namespace precision_bench {
namespace {

//! Elements of a block.
constexpr size_t kBlock = 2048;
//! Equal neighbours (the zeros after a ReLU) would wait for each other's increment; counting in turns avoids that.
constexpr size_t kTurns = 4;
//! Below this many elements, tables to count in turns cost more than the waiting.
constexpr size_t kWorthTurns = 8192;
//! The tables count in 32 bits.
constexpr size_t kLargestPart = size_t{1} << 30;
constexpr int kBinsExponent = 12;
static_assert(ValueAccumulator::kBins == size_t{1} << kBinsExponent, "the exponent belongs to the number of bins");
//! Narrower bins would have an inverse beyond the range of float32.
constexpr int kSmallestExponent = -126;
//! The bin of elements that are not finite, behind the others.
constexpr size_t kTrash = ValueAccumulator::kBins;

float magnitudeOf(int32_t least, int32_t greatest) {
    return std::max(std::fabs(keyToFloat(least)), std::fabs(keyToFloat(greatest)));
}

//! The power of two whose bins just hold \p largest.
int exponentFor(float largest) {
    return largest == 0 ? kSmallestExponent : std::max(std::ilogb(largest) + 1 - kBinsExponent, kSmallestExponent);
}

//! Counters for several elements at a time; all zero between two tensors.
class TurnTables {
public:
    void count(const int32_t* bins, size_t length) {
        size_t i = 0;
        for (; i + kTurns <= length; i += kTurns) {
            for (size_t turn = 0; turn < kTurns; ++turn) {
                ++mTables[turn][static_cast<size_t>(bins[i + turn])];
            }
        }
        for (; i < length; ++i) {
            ++mTables[0][static_cast<size_t>(bins[i])];
        }
    }

    void moveInto(std::vector<uint64_t>& counts) {
        for (size_t bin = 0; bin < counts.size(); ++bin) {
            uint64_t sum = 0;
            for (const Table& table : mTables) {
                sum += table[bin];
            }
            counts[bin] += sum;
        }
        mTables = {};
    }

private:
    using Table = std::array<uint32_t, kTrash + 1>;
    std::array<Table, kTurns> mTables = {};
};

//! 64 KiB that every thread keeps. Behind a pointer: of an object, compilers look up the thread's again at every use.
TurnTables& turnTables() {
    thread_local const std::unique_ptr<TurnTables> tables = std::make_unique<TurnTables>();
    return *tables;
}

float inverseWidth(int exponent) { return std::ldexp(1.0f, -exponent); }

} // namespace

ValueAccumulator::ValueAccumulator(bool histogram) : mExponent(kSmallestExponent), mCounts(histogram ? kBins : 0) {}

void ValueAccumulator::add(const float* values, size_t count) {
    if (mCounts.empty()) {
        for (size_t begin = 0; begin < count; begin += kLargestPart) {
            addRange(values + begin, std::min(kLargestPart, count - begin));
        }
    } else if (count < kWorthTurns) {
        countInPlace(values, count);
    } else {
        for (size_t begin = 0; begin < count; begin += kLargestPart) {
            countInTurns(values + begin, std::min(kLargestPart, count - begin));
        }
    }
}

void ValueAccumulator::addRange(const float* values, size_t count) {
    const KeyRange found = bestKernels().range(values, count);
    mLeast = std::min(mLeast, found.least);
    mGreatest = std::max(mGreatest, found.greatest);
    mNonFinite += found.nonFinite;
}

void ValueAccumulator::countInPlace(const float* values, size_t count) {
    addRange(values, count);
    if (mLeast > mGreatest) {
        return;
    }
    widenTo(magnitudeOf(mLeast, mGreatest));
    std::array<int32_t, kBlock> bins;
    for (size_t begin = 0; begin < count; begin += kBlock) {
        const size_t length = std::min(kBlock, count - begin);
        bestKernels().magnitudeBins(values + begin, length, inverseWidth(mExponent), kTrash, bins.data());
        for (size_t i = 0; i < length; ++i) {
            const size_t bin = static_cast<size_t>(bins[i]);
            if (bin < kTrash) {
                ++mCounts[bin];
            }
        }
    }
}

void ValueAccumulator::countInTurns(const float* values, size_t count) {
    TurnTables& tables = turnTables();
    std::array<int32_t, kBlock> bins;
    for (size_t begin = 0; begin < count; begin += kBlock) {
        const size_t length = std::min(kBlock, count - begin);
        addRange(values + begin, length);
        if (mLeast > mGreatest) {
            continue;
        }
        const float largest = magnitudeOf(mLeast, mGreatest);
        if (exponentFor(largest) > mExponent) {
            tables.moveInto(mCounts);
            widenTo(largest);
        }
        bestKernels().magnitudeBins(values + begin, length, inverseWidth(mExponent), kTrash, bins.data());
        tables.count(bins.data(), length);
    }
    tables.moveInto(mCounts);
}

void ValueAccumulator::merge(const ValueAccumulator& other) {
    mLeast = std::min(mLeast, other.mLeast);
    mGreatest = std::max(mGreatest, other.mGreatest);
    mNonFinite += other.mNonFinite;
    if (mCounts.empty()) {
        return;
    }
    widenTo(other.mExponent);
    const int shift = std::min(mExponent - other.mExponent, kBinsExponent);
    for (size_t bin = 0; bin < kBins; ++bin) {
        mCounts[bin >> shift] += other.mCounts[bin];
    }
}

void ValueAccumulator::widenTo(float largest) { widenTo(exponentFor(largest)); }

void ValueAccumulator::widenTo(int exponent) {
    if (exponent <= mExponent) {
        return;
    }
    const int shift = std::min(exponent - mExponent, kBinsExponent);
    // In place: the target is never beyond the source.
    for (size_t bin = 1; bin < kBins; ++bin) {
        const uint64_t moved = mCounts[bin];
        mCounts[bin] = 0;
        mCounts[bin >> shift] += moved;
    }
    mExponent = exponent;
}

float ValueAccumulator::minimum() const {
    return mLeast > mGreatest ? std::numeric_limits<float>::infinity() : keyToFloat(mLeast);
}

float ValueAccumulator::maximum() const {
    return mLeast > mGreatest ? -std::numeric_limits<float>::infinity() : keyToFloat(mGreatest);
}

double ValueAccumulator::binWidth() const { return std::ldexp(1.0, mExponent); }

} // namespace precision_bench
