//! \file engine_binding.h
//! \brief JavaScript's view of an engine that runs.
#pragma once

#include "flavour.h"

#include <memory>
#include <napi.h>
#include <string>

namespace precision_bench {

//! \brief Opens the engine at \p path as an object with describe, run, measure, profile, inspect and close.
//! \throws Napi::Error with TensorRT's words and the property `status`
Napi::Object makeEngine(Napi::Env env, std::shared_ptr<OpenedTensorRT> tensorrt, const std::string& path);

} // namespace precision_bench
