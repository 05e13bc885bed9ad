//! \file gpu.h
//! \brief What the driver says of the GPU.
#pragma once

#include "engine_api.h"

namespace precision_bench {

//! \throws CudaError where there is none
PbGpuInfo describeGpu();

} // namespace precision_bench
