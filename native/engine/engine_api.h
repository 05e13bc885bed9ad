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
#define PB_ENGINE_API_VERSION 1

typedef enum PbStatus {
    PB_OK = 0,
    PB_CANCELLED = 1,  //!< The caller's PbReporter::cancelled said so.
    PB_LIBRARY = 2,    //!< A library does not load, lacks an entry point, or is of another major version.
    PB_NO_BUILDER = 3, //!< TensorRT refused to make a builder, as it does without a GPU.
    PB_PARSE = 4,      //!< The parser refused the model; each reason went to PbReporter::parserError.
    PB_INVALID = 5,    //!< An option or a profile was refused.
    PB_BUILD = 6,      //!< The builder gave no engine; the log says why.
    PB_WRITE = 7,      //!< The engine file could not be written.
    PB_INTERNAL = 8    //!< A defect, or no memory.
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
} PbBuildRequest;

typedef struct PbBuildResult {
    uint64_t engineBytes;
    int32_t networkLayers; //!< Layers of the parsed network, before the builder fuses them.
    double parseSeconds;
    double buildSeconds;
} PbBuildResult;

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
} PbEngineApi;

//! The symbol that each flavour exports.
typedef const PbEngineApi* PbEngineApiFunction(void);
#define PB_ENGINE_API_SYMBOL "pb_engine_api"

#ifdef __cplusplus
} // extern "C"
#endif
