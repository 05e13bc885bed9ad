//! \file builder.h
//! \brief ONNX file in, engine file out.
#pragma once

#include "engine_api.h"
#include "library.h"
#include "reporter.h"

namespace precision_bench {

//! \brief Parses request.onnxPath, builds an engine by the request's options and writes it to request.enginePath.
//!
//! \param result filled when PB_OK is returned
//! \return PB_OK, or another status after reporting its reason; no file is left behind then
PbStatus buildEngine(Library& library, const PbBuildRequest& request, Reporter& reporter, PbBuildResult& result);

} // namespace precision_bench
