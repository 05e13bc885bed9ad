//! \file data_types.h
//! \brief Element types by the names of `extension/contract/tensor.ts`.
#pragma once

#include "engine/engine_api.h"

#include <string>

namespace precision_bench {

const char* typeName(PbDataType type);

//! PB_TYPE_UNKNOWN for a name that is not known.
PbDataType typeNamed(const std::string& name);

} // namespace precision_bench
