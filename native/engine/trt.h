//! \file trt.h
//! \brief TensorRT's headers, and what the major version compiled against has.
//!
//! Tests are on features, not on versions, wherever the sources differ. Within a major the library may be older than
//! the headers: of what came after a major's first release (8.2, 10.0, 11.0, RTX 1.3) only that is called for which
//! Library::isAtLeast was asked.
#pragma once

// The headers mark as deprecated what older majors need.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif
#include <NvInfer.h>
#include <NvOnnxParser.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#if defined(TRT_MAJOR_RTX)
#define PB_TRT_RTX 1
#else
#define PB_TRT_RTX 0
#endif

//! RTX 1.x is cut from the same source as TensorRT 10 and 11.
#define PB_TRT_MODERN (PB_TRT_RTX || NV_TENSORRT_MAJOR >= 10)

//! Two contexts of an engine may have the same optimization profile (before 9 only as a preview feature, at build
//! time).
#define PB_TRT_SHARES_PROFILES PB_TRT_MODERN

//! Engines for named compute capabilities, built on any machine.
#define PB_TRT_HAS_COMPUTE_CAPABILITY PB_TRT_RTX
#define PB_TRT_HAS_PROGRESS_MONITOR PB_TRT_MODERN
//! Tensor types come from the graph: not in TensorRT 8, on request in 10, always in RTX and 11.
#define PB_TRT_HAS_STRONG_TYPING PB_TRT_MODERN
#define PB_TRT_ONLY_STRONG_TYPING (PB_TRT_RTX || NV_TENSORRT_MAJOR >= 11)
#define PB_TRT_HAS_OPTIMIZATION_LEVEL (PB_TRT_MODERN || (NV_TENSORRT_MAJOR == 8 && NV_TENSORRT_MINOR >= 6))
#define PB_TRT_HAS_COMPATIBILITY (PB_TRT_MODERN || (NV_TENSORRT_MAJOR == 8 && NV_TENSORRT_MINOR >= 6))
#define PB_TRT_HAS_MEMORY_POOLS (PB_TRT_MODERN || (NV_TENSORRT_MAJOR == 8 && NV_TENSORRT_MINOR >= 4))
#define PB_TRT_HAS_DLA (!PB_TRT_RTX)
//! IParserError names the node and its operator, not only its index.
#define PB_TRT_HAS_PARSER_NODE_NAMES PB_TRT_MODERN
//! kFP16 and its like: the builder chooses among the types allowed.
#define PB_TRT_HAS_WEAK_TYPING (!PB_TRT_ONLY_STRONG_TYPING)
//! BF16 among the types that weak typing may choose.
#define PB_TRT_HAS_WEAK_BF16 (PB_TRT_HAS_WEAK_TYPING && PB_TRT_MODERN)
//! RTX times nothing while it builds.
#define PB_TRT_HAS_TIMING_CACHE (!PB_TRT_RTX)
//! FP8 among the types that weak typing may choose.
#define PB_TRT_HAS_WEAK_FP8 (PB_TRT_HAS_WEAK_TYPING && PB_TRT_HAS_FP8)
#define PB_TRT_HAS_FP8 (PB_TRT_MODERN || (NV_TENSORRT_MAJOR == 8 && NV_TENSORRT_MINOR >= 6))
#define PB_TRT_HAS_UINT8 (PB_TRT_MODERN || (NV_TENSORRT_MAJOR == 8 && NV_TENSORRT_MINOR >= 5))
//! Calibrators of TensorRT's own, for weakly typed networks.
#define PB_TRT_HAS_CALIBRATORS PB_TRT_HAS_WEAK_TYPING
//! Values of shape tensors in profiles are 64-bit; before, 32-bit. 10 has both, from 10.11 on only.
#define PB_TRT_HAS_WIDE_SHAPE_VALUES PB_TRT_ONLY_STRONG_TYPING
//! Bindings by name (getNbIOTensors, setInputShape, enqueueV3). TensorRT 8 has them from 8.5 on only, and bindings by
//! index throughout.
#define PB_TRT_HAS_NAMED_BINDINGS PB_TRT_MODERN
//! Kernels of cuDNN and cuBLAS are among those timed by default; from 10 on they are for plugins alone.
#if defined(_WIN32)
#define PB_TRT_USES_CUDNN 0
#else
#define PB_TRT_USES_CUDNN (!PB_TRT_MODERN)
#endif
