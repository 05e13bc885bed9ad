//! \file tensorrt_binding.h
//! \brief JavaScript's class `TensorRT`: a library opened through its flavour.
#pragma once

#include <napi.h>

namespace precision_bench {

//! Adds the class to the addon's exports.
void exportTensorRT(Napi::Env env, Napi::Object exports);

} // namespace precision_bench
