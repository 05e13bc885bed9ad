//! \file plugin_stub.cpp
//! \brief Stands in for TensorRT 8's plugin library where that does not load.
//!
//! TensorRT 8's ONNX parser is linked against libnvinfer_plugin.so.8, of which it calls one function, and that library
//! wants cuDNN and cuBLAS, which nothing else of ours needs. With this library in the process under the same name the
//! parser loads; only operators that are plugins are then missing, and the parser says so.

extern "C" __attribute__((visibility("default"))) bool initLibNvInferPlugins(void*, const char*) { return true; }
