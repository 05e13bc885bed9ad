//! \file flavour.h
//! \brief A flavour of the engine code, opened, and a TensorRT library opened through it.
#pragma once

#include "common/shared_library.h"
#include "engine/engine_api.h"

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace precision_bench {

//! One reason of the parser, with strings of its own.
struct ParserError {
    int32_t code;
    int32_t nodeIndex;
    std::string nodeName;
    std::string nodeOperator;
    std::string reason;
    std::string functionStack;
};

//! The names of statuses that `extension/backends/nativeAddon.ts` knows.
const char* statusName(PbStatus status);

//! \brief Collects what a call reports, as PbReporter's functions.
//!
//! Progress and cancellation are for the derived class; by default nobody listens and nobody cancels.
class CallReport {
public:
    CallReport();
    virtual ~CallReport() = default;
    CallReport(const CallReport&) = delete;
    CallReport& operator=(const CallReport&) = delete;

    const PbReporter* reporter() const { return &mReporter; }

    std::string failure;
    std::vector<ParserError> parserErrors;
    std::deque<std::string> log; //!< The last kLogLines lines.

protected:
    virtual void onProgress(const char* /*phase*/, double /*fraction*/) {}
    virtual bool isCancelled() { return false; }

private:
    static constexpr size_t kLogLines = 200;

    PbReporter mReporter;
};

//! A TensorRT library opened through the flavour of its major. Shared by the object in JavaScript and running builds.
class OpenedTensorRT {
public:
    //! \brief Opens the flavour, then the libraries.
    //! \return null with \p reason set
    static std::shared_ptr<OpenedTensorRT> open(const std::string& flavour, const std::string& infer,
                                                const std::string& parser, std::string& reason);
    ~OpenedTensorRT();
    OpenedTensorRT(const OpenedTensorRT&) = delete;
    OpenedTensorRT& operator=(const OpenedTensorRT&) = delete;

    const PbEngineApi& api() const { return *mApi; }
    PbLibrary* library() const { return mLibrary; }

private:
    explicit OpenedTensorRT(const SharedLibrary& flavour) : mFlavour(flavour) {}

    SharedLibrary mFlavour;
    const PbEngineApi* mApi = nullptr;
    PbLibrary* mLibrary = nullptr;
};

} // namespace precision_bench
