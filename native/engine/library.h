//! \file library.h
//! \brief An opened TensorRT: its entry points, its logger and its builder.
#pragma once

#include "common/shared_library.h"
#include "engine_api.h"
#include "logger.h"
#include "trt.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace precision_bench {

//! \brief One TensorRT library with its parser. Made once per process and path; a builder is costly and is kept.
class Library {
public:
    //! Opens both libraries and checks that they are of the major version compiled against.
    //! \return null after reporting the reason
    static std::unique_ptr<Library> open(const PbLibraryPaths& paths, Reporter& reporter);

    int32_t version() const { return mVersion; }
    //! Whether the library, which may be older than the headers, is of this version or a later one.
    bool isAtLeast(int32_t major, int32_t minor) const;
    Logger& logger() { return mLogger; }
    //! Held for the length of a build or a run: one builder serves one network at a time, and the log has one reader.
    std::mutex& buildMutex() { return mBuildMutex; }

    //! \brief The builder, made at the first call, or null when TensorRT refuses (it logs why).
    //! Call with a Logger::Scope and buildMutex() held.
    nvinfer1::IBuilder* builder();

    //! \brief The compute capabilities for which engines can be built on any machine, as 89; found by asking.
    //! Call with a Logger::Scope and buildMutex() held.
    const std::vector<int32_t>& computeCapabilities();

    //! \brief The runtime, made at the first call, or null when TensorRT refuses (it logs why).
    //! Call with a Logger::Scope and buildMutex() held.
    nvinfer1::IRuntime* runtime();

    //! A parser that writes into \p network, or null when the library refuses.
    std::unique_ptr<nvonnxparser::IParser> createParser(nvinfer1::INetworkDefinition& network);

private:
    using CreateBuilder = void*(void* logger, int32_t version);
    using CreateRuntime = void*(void* logger, int32_t version);
    using CreateParser = void*(void* network, void* logger, int version);

    Library(SharedLibrary infer, SharedLibrary parser) : mInfer(std::move(infer)), mParser(std::move(parser)) {}

    SharedLibrary mInfer;
    SharedLibrary mParser;
    CreateBuilder* mCreateBuilder = nullptr;
    CreateRuntime* mCreateRuntime = nullptr;
    CreateParser* mCreateParser = nullptr;
    int32_t mVersion = 0;
    Logger mLogger; //!< Outlives the builder, which keeps a pointer to it.
    std::mutex mBuildMutex;
    std::unique_ptr<nvinfer1::IBuilder> mBuilder;
    std::unique_ptr<nvinfer1::IRuntime> mRuntime;
    std::vector<int32_t> mComputeCapabilities;
};

} // namespace precision_bench
