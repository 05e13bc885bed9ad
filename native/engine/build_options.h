//! \file build_options.h
//! \brief What a request says of the builder: precisions, memory, devices, compatibility.
#pragma once

#include "engine_api.h"
#include "library.h"
#include "reporter.h"
#include "trt.h"

namespace precision_bench {

//! \return PB_OK, or PB_UNSUPPORTED or PB_INVALID after reporting what this TensorRT has not
PbStatus setOptions(const Library& library, nvinfer1::IBuilderConfig& config, const PbBuildRequest& request,
                    Reporter& reporter);

} // namespace precision_bench
