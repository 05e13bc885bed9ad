//! \file observing_binding.h
//! \brief `ObservingSession` for JavaScript; see `extension/backends/nativeAddon.ts`.
#pragma once

#include <napi.h>

namespace precision_bench {

void exportObservingSession(Napi::Env env, Napi::Object exports);

} // namespace precision_bench
