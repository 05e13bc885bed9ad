#include "observe_binding.h"

#include "observe/observe.h"

#include <cmath>

namespace precision_bench {
namespace {

Napi::Float32Array valuesArgument(const Napi::CallbackInfo& info, const char* function) {
    if (info.Length() > 0 && info[0].IsTypedArray()) {
        const auto array = info[0].As<Napi::TypedArray>();
        if (array.TypedArrayType() == napi_float32_array) {
            return array.As<Napi::Float32Array>();
        }
    }
    throw Napi::TypeError::New(info.Env(), std::string(function) + ": the values must be a Float32Array");
}

//! observeRange(values: Float32Array): {min, max, absMax, nonFinite}
Napi::Value observeRangeBinding(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const Napi::Float32Array values = valuesArgument(info, "observeRange");
    const Range range = observeRange(values.Data(), values.ElementLength());
    Napi::Object result = Napi::Object::New(env);
    result.Set("min", range.minimum);
    result.Set("max", range.maximum);
    result.Set("absMax", range.absMaximum);
    result.Set("nonFinite", static_cast<double>(range.nonFinite));
    return result;
}

//! accumulateHistogram(values: Float32Array, counts: Float64Array, binWidth: number): number
Napi::Value accumulateHistogramBinding(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const Napi::Float32Array values = valuesArgument(info, "accumulateHistogram");
    if (info.Length() < 2 || !info[1].IsTypedArray() ||
        info[1].As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) {
        throw Napi::TypeError::New(env, "accumulateHistogram: the counts must be a Float64Array");
    }
    auto counts = info[1].As<Napi::Float64Array>();
    // The bins are numbered in 32 bits; 2^24 of them is far beyond any calibration histogram.
    if (counts.ElementLength() == 0 || counts.ElementLength() > (size_t{1} << 24)) {
        throw Napi::RangeError::New(env, "accumulateHistogram: the counts must have 1 to 2^24 bins");
    }
    const double binWidth = info.Length() > 2 && info[2].IsNumber() ? info[2].As<Napi::Number>().DoubleValue() : NAN;
    if (!std::isfinite(binWidth) || binWidth <= 0) {
        throw Napi::RangeError::New(env, "accumulateHistogram: the bin width must be finite and above zero");
    }
    try {
        const size_t leftOut =
            accumulateHistogram(values.Data(), values.ElementLength(), counts.Data(), counts.ElementLength(), binWidth);
        return Napi::Number::New(env, static_cast<double>(leftOut));
    } catch (const std::exception& error) {
        throw Napi::Error::New(env, std::string("accumulateHistogram: ") + error.what());
    }
}

} // namespace

void exportObserve(Napi::Env env, Napi::Object exports) {
    exports.Set("observeRange", Napi::Function::New(env, observeRangeBinding, "observeRange"));
    exports.Set("accumulateHistogram", Napi::Function::New(env, accumulateHistogramBinding, "accumulateHistogram"));
}

} // namespace precision_bench
