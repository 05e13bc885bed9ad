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
#define PB_ENGINE_API_VERSION 4

typedef enum PbStatus {
    PB_OK = 0,
    PB_CANCELLED = 1,    //!< The caller's PbReporter::cancelled said so.
    PB_LIBRARY = 2,      //!< A library does not load, lacks an entry point, or is of another major version.
    PB_NO_BUILDER = 3,   //!< TensorRT refused to make a builder, as it does without a GPU.
    PB_PARSE = 4,        //!< The parser refused the model; each reason went to PbReporter::parserError.
    PB_INVALID = 5,      //!< An option or a profile was refused.
    PB_BUILD = 6,        //!< The builder gave no engine; the log says why.
    PB_WRITE = 7,        //!< The engine file could not be written.
    PB_INTERNAL = 8,     //!< A defect, or no memory.
    PB_GPU = 9,          //!< There is no GPU or driver, or the driver reported an error.
    PB_ENGINE = 10,      //!< TensorRT refused an engine file: another version, another GPU, or no engine.
    PB_RUN = 11,         //!< TensorRT refused to run; the log says why.
    PB_UNSUPPORTED = 12, //!< This major of TensorRT, or this version of it, has not what was asked for.
    PB_CALIBRATION = 13, //!< The caller's data failed, or TensorRT's calibrator did.
    PB_NO_MEMORY = 14    //!< The host or the GPU has not enough memory.
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

//! Memory layouts of a binding, named as TensorRT names them; used as bit numbers.
typedef enum PbFormat {
    PB_FORMAT_LINEAR = 0,
    PB_FORMAT_CHW2 = 1,
    PB_FORMAT_CHW4 = 2,
    PB_FORMAT_CHW16 = 3,
    PB_FORMAT_CHW32 = 4,
    PB_FORMAT_HWC = 5,
    PB_FORMAT_HWC8 = 6,
    PB_FORMAT_HWC16 = 7,
    PB_FORMAT_DHWC8 = 8,
    PB_FORMAT_CDHW32 = 9,
    PB_FORMAT_DLA_LINEAR = 10,
    PB_FORMAT_DLA_HWC4 = 11
} PbFormat;

//! One network input in an optimization profile; each array has \p count numbers.
typedef struct PbProfileInput {
    const char* name;
    int32_t holdsValues; //!< Zero: the arrays are sizes. Nonzero: values of an input that holds a shape.
    size_t count;
    const int64_t* minimum;
    const int64_t* optimum;
    const int64_t* maximum;
} PbProfileInput;

typedef struct PbProfile {
    const PbProfileInput* inputs;
    size_t inputCount;
} PbProfile;

//! Where the types of tensors come from.
typedef enum PbTyping {
    PB_STRONG = 0, //!< From the graph. Not in TensorRT 8.
    PB_WEAK = 1    //!< From the builder's timings, among those allowed. Not in TensorRT 11 and RTX.
} PbTyping;

//! The type that a layer is to compute in, weak typing only.
typedef struct PbLayerPrecision {
    const char* layer; //!< Exact name of a network layer, which is that of its ONNX node.
    PbDataType type;
} PbLayerPrecision;

typedef enum PbConstraints {
    PB_PREFER_CONSTRAINTS = 0, //!< Another type where the wanted one has no kernel.
    PB_OBEY_CONSTRAINTS = 1    //!< The build fails there.
} PbConstraints;

//! A graph input or output.
typedef struct PbIoOption {
    const char* name;
    PbDataType type;  //!< PB_TYPE_UNKNOWN keeps the graph's; another needs weak typing.
    uint32_t formats; //!< Bits numbered by PbFormat that the builder may choose among; 0 keeps linear.
} PbIoOption;

typedef enum PbCalibration {
    PB_CALIBRATE_ENTROPY2 = 0,
    PB_CALIBRATE_ENTROPY = 1,
    PB_CALIBRATE_MINMAX = 2,
    PB_CALIBRATE_LEGACY = 3
} PbCalibration;

//! Sizes of an input, batch axis included; an input that holds a shape also has its values.
typedef struct PbInputShape {
    const char* name;
    size_t rank;
    const int64_t* dims;
    const void* values; //!< Read only for inputs that hold a shape; in the input's type.
} PbInputShape;

//! Host memory that a batch of one input is written to.
typedef struct PbBatchBuffer {
    const char* name;
    PbDataType type;
    void* host;
    size_t bytes;
} PbBatchBuffer;

typedef enum PbBatch { PB_BATCH_FILLED = 0, PB_BATCH_END = 1, PB_BATCH_FAILED = 2 } PbBatch;

//! Calibration by TensorRT itself, in TensorRT 8 and 10. The functions are called from the thread of the build.
typedef struct PbCalibrator {
    PbCalibration algorithm;
    double quantile;            //!< Legacy only, 0 to 1.
    double cutoff;              //!< Legacy only, 0 to 1.
    const PbInputShape* inputs; //!< The shape that every batch has, for all network inputs.
    size_t inputCount;
    const void* cache; //!< What TensorRT wrote in an earlier calibration, or null. It then asks for no data.
    size_t cacheBytes;
    void* user;
    //! Fills the buffers of all inputs with the next batch; may block.
    PbBatch (*nextBatch)(void* user, const PbBatchBuffer* buffers, size_t count);
    void (*writeCache)(void* user, const void* data, size_t bytes);
} PbCalibrator;

//! A network input or output as the builder was given it.
typedef struct PbNetworkTensor {
    const char* name;
    PbDataType type;
    int32_t isInput;
    int32_t holdsShape; //!< Its values decide sizes of other tensors; it lives in host memory.
    uint32_t formats;   //!< Bits numbered by PbFormat.
    size_t rank;
    const int64_t* dims; //!< -1 where the size is known only with the inputs.
} PbNetworkTensor;

typedef struct PbBuildRequest {
    const char* onnxPath;   //!< External weights are read relative to it.
    const char* enginePath; //!< Written aside and renamed.
    const PbProfile* profiles;
    size_t profileCount;
    const int32_t* computeCapabilities; //!< Those to build for, as 89; none means the GPU of this machine.
    size_t computeCapabilityCount;
    int32_t optimizationLevel;  //!< 0 to 5; negative keeps TensorRT's default.
    int64_t workspaceBytes;     //!< Negative keeps TensorRT's default, all of the memory.
    int32_t dlaCore;            //!< Negative for none.
    int32_t gpuFallback;        //!< Nonzero: layers that DLA cannot run go to the GPU.
    int32_t tf32;               //!< Nonzero lets FP32 layers use TF32.
    int32_t versionCompatible;  //!< Nonzero: later TensorRT versions may run the engine.
    int32_t hardwareCompatible; //!< Nonzero: GPUs of other architectures may run the engine.
    PbTyping typing;
    int32_t allowFp16;                       //!< Weak typing: nonzero lets layers use FP16.
    int32_t allowBf16;                       //!< Weak typing: nonzero lets layers use BF16.
    int32_t allowInt8;                       //!< Weak typing: nonzero lets layers with scales use INT8.
    int32_t allowFp8;                        //!< Weak typing: nonzero lets layers with scales use FP8.
    const PbLayerPrecision* layerPrecisions; //!< Weak typing.
    size_t layerPrecisionCount;
    PbConstraints constraints;
    const PbIoOption* io;
    size_t ioCount;
    const PbCalibrator* calibrator; //!< Weak typing with allowInt8; null for none.
    const char* timingCachePath;    //!< Read if it exists, written after the build; null for none. RTX has none.

    void* user;
    //! Called for every network input and output once the options are set; may be null.
    void (*networkTensor)(void* user, const PbNetworkTensor* tensor);
    //! Called for every name in layerPrecisions that no network layer has; may be null.
    void (*unknownLayer)(void* user, const char* layer);
} PbBuildRequest;

typedef struct PbBuildResult {
    uint64_t engineBytes;
    int32_t networkLayers; //!< Layers of the parsed network, before the builder fuses them.
    double parseSeconds;
    double buildSeconds;
    int64_t calibrationBatches; //!< Batches that TensorRT took.
    uint64_t timingCacheBytes;  //!< Of the timing cache that was read and taken; 0 for none.
} PbBuildResult;

//! The GPU that engines run on: the driver's first, as CUDA_VISIBLE_DEVICES orders them.
typedef struct PbGpuInfo {
    char name[256];
    int32_t computeCapability; //!< 89 for 8.9
    uint64_t memoryBytes;
    int32_t driverVersion; //!< The newest CUDA that the driver serves: 13000 is 13.0.
} PbGpuInfo;

//! An engine ready to run: deserialized, with an execution context and a stream of its own.
typedef struct PbEngine PbEngine;

//! A binding as the engine declares it.
typedef struct PbTensorInfo {
    const char* name;
    PbDataType type;
    int32_t isInput;
    int32_t holdsShape; //!< Its values decide sizes of other tensors; it lives in host memory.
    const char* format; //!< TensorRT's description of the memory layout, in its own words.
    size_t rank;
    const int64_t* dims; //!< -1 where the size is known only with the inputs.
} PbTensorInfo;

typedef struct PbEngineInfo {
    const PbTensorInfo* tensors; //!< Owned by the engine.
    size_t tensorCount;
    int32_t layers;   //!< After fusion.
    int32_t profiles; //!< Number of optimization profiles.
} PbEngineInfo;

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
    int32_t spin;      //!< Nonzero: the host polls for the end of a run; zero: it sleeps.
    int32_t transfers; //!< Nonzero: inputs and outputs are copied in every run; zero: they stay on the GPU.
} PbMeasureRequest;

//! One run, in ms. The first three are times of the GPU between events; hostMs is the caller's clock around all of it.
typedef struct PbRunTime {
    float hostToDeviceMs;
    float computeMs;
    float deviceToHostMs;
    float hostMs;
} PbRunTime;

//! The GPU's meters right after the last run; negative where it has no such meter.
typedef struct PbGpuMeters {
    int32_t graphicsClockMhz;
    int32_t memoryClockMhz;
    double powerWatts;
    double temperatureCelsius;
    int64_t throttleReasons;  //!< NVML's bits of what held the clocks down, before or after the runs.
    double energyMillijoules; //!< Over all runs that count.
} PbGpuMeters;

typedef struct PbMeasureResult {
    const PbRunTime* runs; //!< Owned by the engine until the next measurement.
    size_t runCount;
    double warmupSeconds;
    int32_t cudaGraph; //!< Zero where the engine cannot be recorded.
    int32_t hasMeters; //!< Zero without NVML.
    PbGpuMeters meters;
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

    // Calls for one engine wait for each other; the library must stay open as long as its engines.
    PbStatus (*openEngine)(PbLibrary* library, const char* path, const PbReporter* reporter, PbEngine** engine);
    void (*closeEngine)(PbEngine* engine);
    PbStatus (*describeEngine)(PbEngine* engine, const PbReporter* reporter, PbEngineInfo* info);
    //! Sets the sizes of all inputs, chooses the first profile that has them, and makes the memory of all bindings.
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
