//! \file engine_api.h
//! \brief The one door between the addon and a flavour of the engine code.
//!
//! TensorRT's headers declare the same C++ classes with other virtual tables in every major version, so the sources in
//! this folder are compiled once per major, each time into a shared library of its own (`pb_engine_rtx`,
//! `pb_engine_10`, `pb_engine_11`, `pb_engine_8`). Two flavours in one binary would break the one-definition rule: the
//! linker keeps a single copy of `nvinfer1`'s inline functions. A flavour exports a single C symbol, pb_engine_api(),
//! and nothing C++ crosses it: no class, no exception, no allocation that the other side has to free.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

//! Raised with every change of the structures below; the addon refuses a flavour of another version.
#define PB_ENGINE_API_VERSION 2

typedef enum PbStatus {
    PB_OK = 0,
    PB_CANCELLED = 1,  //!< The caller's PbReporter::cancelled said so.
    PB_LIBRARY = 2,    //!< A library does not load, lacks an entry point, or is of another major version.
    PB_NO_BUILDER = 3, //!< TensorRT refused to make a builder, as it does without a GPU.
    PB_PARSE = 4,      //!< The parser refused the model; each reason went to PbReporter::parserError.
    PB_INVALID = 5,    //!< An option or a profile was refused.
    PB_BUILD = 6,      //!< The builder gave no engine; the log says why.
    PB_WRITE = 7,      //!< The engine file could not be written.
    PB_INTERNAL = 8,   //!< A defect, or no memory.
    PB_GPU = 9,        //!< There is no GPU or driver, or the driver reported an error.
    PB_ENGINE = 10,    //!< TensorRT refused an engine file: another version, another GPU, or no engine.
    PB_RUN = 11        //!< TensorRT refused to run; the log says why.
} PbStatus;

typedef enum PbSeverity { PB_ERROR = 0, PB_WARNING = 1, PB_INFO = 2, PB_VERBOSE = 3 } PbSeverity;

//! One reason of the parser for refusing a model. Strings may be null or empty where it says nothing.
typedef struct PbParserError {
    int32_t code;              //!< nvonnxparser::ErrorCode
    int32_t nodeIndex;         //!< Index of the node in the graph, -1 when the error is about no node.
    const char* nodeName;      //!< The node's name in the ONNX file.
    const char* nodeOperator;  //!< The node's operator type.
    const char* reason;        //!< The parser's description.
    const char* functionStack; //!< ONNX local functions around the node, outermost first, separated by " > ".
} PbParserError;

//! \brief How a flavour speaks to its caller during a call. Strings live only as long as the call to the function.
//!
//! The functions may be called from any thread, never two at a time, and never after the call they were given to ends.
typedef struct PbReporter {
    void* user; //!< Handed back as the first argument of each function.
    void (*log)(void* user, PbSeverity severity, const char* line);
    //! \param fraction of the whole build, 0 to 1, never falling; negative while unknown
    void (*progress)(void* user, const char* phase, double fraction);
    void (*parserError)(void* user, const PbParserError* error);
    //! The reason of a status other than PB_OK, as one sentence.
    void (*failure)(void* user, const char* reason);
    //! \return nonzero to stop as soon as possible
    int (*cancelled)(void* user);
} PbReporter;

//! An opened TensorRT; owned by the caller until PbEngineApi::closeLibrary.
typedef struct PbLibrary PbLibrary;

//! Where the libraries are; UTF-8 paths.
typedef struct PbLibraryPaths {
    const char* infer;  //!< libtensorrt_rtx.so.1 or libnvinfer.so.N
    const char* parser; //!< libtensorrt_onnxparser_rtx.so.1 or libnvonnxparser.so.N
} PbLibraryPaths;

//! What a library says of itself.
typedef struct PbLibraryInfo {
    int32_t version;                    //!< getInferLibVersion(): 10701 is RTX 1.7.1, 100600 is 10.6.0, 8601 is 8.6.1.
    int32_t hasBuilder;                 //!< Nonzero when a builder could be made on this machine.
    const int32_t* computeCapabilities; //!< Those it builds for without such a GPU, as 89; owned by the library.
    size_t computeCapabilityCount;
} PbLibraryInfo;

//! The optimization profile of one network input; each array has \p rank sizes.
typedef struct PbProfileInput {
    const char* name;
    size_t rank;
    const int64_t* minimum;
    const int64_t* optimum;
    const int64_t* maximum;
} PbProfileInput;

//! Where the types of tensors come from.
typedef enum PbTyping {
    PB_STRONG = 0, //!< From the graph. Not in TensorRT 8.
    PB_WEAK = 1    //!< From the builder's timings, among those allowed. Not in TensorRT 11 and RTX.
} PbTyping;

typedef struct PbBuildRequest {
    const char* onnxPath;   //!< External weights are read relative to it.
    const char* enginePath; //!< Written aside and renamed.
    const PbProfileInput* inputs;
    size_t inputCount;
    const int32_t* computeCapabilities; //!< Those to build for, as 89; none means the GPU of this machine.
    size_t computeCapabilityCount;
    int32_t optimizationLevel;  //!< 0 to 5; negative keeps TensorRT's default.
    int64_t workspaceBytes;     //!< Negative keeps TensorRT's default, all of the memory.
    int32_t dlaCore;            //!< Negative for none.
    int32_t tf32;               //!< Nonzero lets FP32 layers use TF32.
    int32_t versionCompatible;  //!< Nonzero: later TensorRT versions may run the engine.
    int32_t hardwareCompatible; //!< Nonzero: GPUs of other architectures may run the engine.
    PbTyping typing;
    int32_t allowFp16;           //!< Weak typing: nonzero lets layers use FP16.
    int32_t allowBf16;           //!< Weak typing: nonzero lets layers use BF16.
    int32_t allowInt8;           //!< Weak typing: nonzero lets layers with scales use INT8.
    const char* timingCachePath; //!< Read if it exists, written after the build; null for none. RTX has none.
} PbBuildRequest;

typedef struct PbBuildResult {
    uint64_t engineBytes;
    int32_t networkLayers; //!< Layers of the parsed network, before the builder fuses them.
    double parseSeconds;
    double buildSeconds;
} PbBuildResult;

//! The GPU that engines run on: the driver's first, as CUDA_VISIBLE_DEVICES orders them.
typedef struct PbGpuInfo {
    char name[256];
    int32_t computeCapability; //!< 89 for 8.9
    uint64_t memoryBytes;
    int32_t driverVersion; //!< The newest CUDA that the driver serves: 13000 is 13.0.
} PbGpuInfo;

//! Element types of bindings; numbers of our own, because TensorRT's move between majors.
typedef enum PbDataType {
    PB_TYPE_UNKNOWN = 0,
    PB_TYPE_FP32 = 1,
    PB_TYPE_FP16 = 2,
    PB_TYPE_BF16 = 3,
    PB_TYPE_FP8 = 4,
    PB_TYPE_INT8 = 5,
    PB_TYPE_UINT8 = 6,
    PB_TYPE_INT32 = 7,
    PB_TYPE_INT64 = 8,
    PB_TYPE_BOOL = 9,
    PB_TYPE_INT4 = 10
} PbDataType;

//! An engine ready to run: deserialized, with an execution context and a stream of its own.
typedef struct PbEngine PbEngine;

//! A binding as the engine declares it.
typedef struct PbTensorInfo {
    const char* name;
    PbDataType type;
    int32_t isInput;
    size_t rank;
    const int64_t* dims; //!< -1 where the size is known only with the inputs.
} PbTensorInfo;

typedef struct PbEngineInfo {
    const PbTensorInfo* tensors; //!< Owned by the engine.
    size_t tensorCount;
    int32_t layers; //!< After fusion.
} PbEngineInfo;

typedef struct PbInputShape {
    const char* name;
    size_t rank;
    const int64_t* dims;
} PbInputShape;

//! A binding with its sizes and its page-locked host memory, which the caller fills (inputs) or reads (outputs).
//! Owned by the engine, valid until the next call of bindEngine or closeEngine.
typedef struct PbBinding {
    const char* name;
    PbDataType type;
    int32_t isInput;
    size_t rank;
    const int64_t* dims;
    void* host;
    size_t bytes;
} PbBinding;

typedef struct PbMeasureRequest {
    double warmupSeconds;
    double minimumSeconds; //!< Of running, whatever the number of runs.
    int64_t minimumRuns;
    int32_t cudaGraph; //!< Nonzero: the run is recorded once and replayed.
} PbMeasureRequest;

//! One run, in ms. The first three are times of the GPU between events; hostMs is the caller's clock around all of it.
typedef struct PbRunTime {
    float hostToDeviceMs;
    float computeMs;
    float deviceToHostMs;
    float hostMs;
} PbRunTime;

typedef struct PbMeasureResult {
    const PbRunTime* runs; //!< Owned by the engine until the next measurement.
    size_t runCount;
    double warmupSeconds;
    int32_t cudaGraph; //!< Zero where the engine cannot be recorded.
} PbMeasureResult;

typedef struct PbLayerTime {
    const char* name;
    double ms; //!< Mean over the runs.
} PbLayerTime;

//! A flavour's functions. All are safe to call from any thread; builds of one library wait for each other.
typedef struct PbEngineApi {
    uint32_t apiVersion;       //!< PB_ENGINE_API_VERSION
    const char* flavour;       //!< "rtx", "11", "10" or "8"
    const char* headerVersion; //!< Version of the headers it was compiled against, as "1.7.1".

    PbStatus (*openLibrary)(const PbLibraryPaths* paths, const PbReporter* reporter, PbLibrary** library);
    void (*closeLibrary)(PbLibrary* library);
    //! Makes a builder if there is none yet; with TensorRT 10 that takes seconds.
    PbStatus (*describeLibrary)(PbLibrary* library, const PbReporter* reporter, PbLibraryInfo* info);
    PbStatus (*build)(PbLibrary* library, const PbBuildRequest* request, const PbReporter* reporter,
                      PbBuildResult* result);

    //! Needs the driver only. \return PB_GPU when there is no GPU
    PbStatus (*describeGpu)(const PbReporter* reporter, PbGpuInfo* info);

    // Null in flavours whose headers have no named bindings (before TensorRT 8.5). Calls for one engine wait for each
    // other; the library must stay open as long as its engines.
    PbStatus (*openEngine)(PbLibrary* library, const char* path, const PbReporter* reporter, PbEngine** engine);
    void (*closeEngine)(PbEngine* engine);
    PbStatus (*describeEngine)(PbEngine* engine, const PbReporter* reporter, PbEngineInfo* info);
    //! Sets the sizes of all inputs and makes the memory of all bindings.
    PbStatus (*bindEngine)(PbEngine* engine, const PbInputShape* inputs, size_t inputCount, const PbReporter* reporter,
                           const PbBinding** bindings, size_t* bindingCount);
    //! Copies the inputs to the GPU, runs, copies the outputs back and waits.
    PbStatus (*runEngine)(PbEngine* engine, const PbReporter* reporter);
    PbStatus (*measureEngine)(PbEngine* engine, const PbMeasureRequest* request, const PbReporter* reporter,
                              PbMeasureResult* result);
    //! Runs with TensorRT's profiler, which makes every layer wait for the one before: shares, not latencies.
    PbStatus (*profileEngine)(PbEngine* engine, int64_t runs, const PbReporter* reporter, const PbLayerTime** layers,
                              size_t* layerCount);
    //! \param json the inspector's description of the layers; owned by the engine
    PbStatus (*inspectEngine)(PbEngine* engine, const PbReporter* reporter, const char** json);
} PbEngineApi;

//! The symbol that each flavour exports.
typedef const PbEngineApi* PbEngineApiFunction(void);
#define PB_ENGINE_API_SYMBOL "pb_engine_api"

#ifdef __cplusplus
} // extern "C"
#endif
