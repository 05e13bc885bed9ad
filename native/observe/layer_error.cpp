#include "layer_error.h"

#include "kernels.h"

#include <algorithm>
#include <vector>

namespace precision_bench {

void compareLayer(const float* computed, const float* original, size_t outer, size_t channels, size_t inner,
                  double* result) {
    const Kernels& kernels = bestKernels();
    double* const errors = result;
    std::fill(errors, errors + channels + 2, 0.0);
    double& noise = result[channels];
    double& signal = result[channels + 1];
    if (inner == 1) {
        // Channels lie side by side: each has sums of its own.
        std::vector<double> noises(channels);
        std::vector<double> signals(channels);
        for (size_t row = 0; row < outer; ++row) {
            const size_t at = row * channels;
            kernels.errorEach(computed + at, original + at, channels, errors, noises.data(), signals.data());
        }
        for (size_t channel = 0; channel < channels; ++channel) {
            noise += noises[channel];
            signal += signals[channel];
        }
    } else {
        for (size_t row = 0; row < outer; ++row) {
            for (size_t channel = 0; channel < channels; ++channel) {
                const size_t at = (row * channels + channel) * inner;
                const ErrorSums sums = kernels.error(computed + at, original + at, inner);
                errors[channel] += sums.error;
                noise += sums.noise;
                signal += sums.signal;
            }
        }
    }
    const double perChannel = static_cast<double>(std::max<size_t>(outer * inner, 1));
    for (size_t channel = 0; channel < channels; ++channel) {
        errors[channel] /= perChannel;
    }
    const double all = perChannel * static_cast<double>(std::max<size_t>(channels, 1));
    noise /= all;
    signal /= all;
}

} // namespace precision_bench
