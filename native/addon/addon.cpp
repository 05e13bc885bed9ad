//! \file addon.cpp
//! \brief The Node-API edge: what JavaScript sees, typed by hand in `extension/backends/nativeAddon.ts`.
#include "observe_binding.h"
#include "observing_binding.h"
#include "tensorrt_binding.h"

#include <napi.h>

namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
    precision_bench::exportObserve(env, exports);
    precision_bench::exportObservingSession(env, exports);
    precision_bench::exportTensorRT(env, exports);
    return exports;
}

} // namespace

NODE_API_MODULE(precision_bench, initialize)
