//! \file observe_binding.h
//! \brief JavaScript's `observeRange` and `accumulateHistogram`.
#pragma once

#include <napi.h>

namespace precision_bench {

//! Adds the functions to the addon's exports.
void exportObserve(Napi::Env env, Napi::Object exports);

} // namespace precision_bench
