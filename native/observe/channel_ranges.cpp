#include "channel_ranges.h"

#include "kernels.h"

#include <algorithm>
#include <limits>

namespace precision_bench {

void ChannelRanges::add(const float* values, size_t outer, size_t channels, size_t inner) {
    growTo(channels);
    const Kernels& kernels = bestKernels();
    for (size_t row = 0; row < outer; ++row, values += channels * inner) {
        if (inner == 1) {
            kernels.rangeEach(values, channels, mLeast.data(), mGreatest.data());
            continue;
        }
        for (size_t channel = 0; channel < channels; ++channel) {
            const KeyRange found = kernels.range(values + channel * inner, inner);
            mLeast[channel] = std::min(mLeast[channel], found.least);
            mGreatest[channel] = std::max(mGreatest[channel], found.greatest);
        }
    }
}

void ChannelRanges::merge(const ChannelRanges& other) {
    growTo(other.size());
    for (size_t channel = 0; channel < other.size(); ++channel) {
        mLeast[channel] = std::min(mLeast[channel], other.mLeast[channel]);
        mGreatest[channel] = std::max(mGreatest[channel], other.mGreatest[channel]);
    }
}

float ChannelRanges::minimum(size_t channel) const {
    const bool empty = mLeast[channel] > mGreatest[channel];
    return empty ? std::numeric_limits<float>::infinity() : keyToFloat(mLeast[channel]);
}

float ChannelRanges::maximum(size_t channel) const {
    const bool empty = mLeast[channel] > mGreatest[channel];
    return empty ? -std::numeric_limits<float>::infinity() : keyToFloat(mGreatest[channel]);
}

void ChannelRanges::growTo(size_t channels) {
    if (channels > size()) {
        mLeast.resize(channels, INT32_MAX);
        mGreatest.resize(channels, INT32_MIN);
    }
}

} // namespace precision_bench
