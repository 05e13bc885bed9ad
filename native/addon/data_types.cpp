#include "data_types.h"

namespace precision_bench {
namespace {

struct NamedType {
    PbDataType type;
    const char* name;
};

constexpr NamedType kTypes[] = {
    {PB_TYPE_FP32, "fp32"}, {PB_TYPE_FP16, "fp16"},   {PB_TYPE_BF16, "bf16"},   {PB_TYPE_FP8, "fp8e4m3"},
    {PB_TYPE_INT8, "int8"}, {PB_TYPE_UINT8, "uint8"}, {PB_TYPE_INT32, "int32"}, {PB_TYPE_INT64, "int64"},
    {PB_TYPE_BOOL, "bool"}, {PB_TYPE_INT4, "int4"},
};

} // namespace

const char* typeName(PbDataType type) {
    for (const NamedType& known : kTypes) {
        if (known.type == type) {
            return known.name;
        }
    }
    return "unknown";
}

PbDataType typeNamed(const std::string& name) {
    for (const NamedType& known : kTypes) {
        if (name == known.name) {
            return known.type;
        }
    }
    return PB_TYPE_UNKNOWN;
}

} // namespace precision_bench
