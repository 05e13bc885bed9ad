//! \file reporter.h
//! \brief PbReporter for C++: strings in, and one caller at a time.
#pragma once

#include "engine_api.h"

#include <mutex>
#include <string>

namespace precision_bench {

//! \brief Passes log lines, progress and failures to whoever asked for the running call.
//!
//! TensorRT logs from threads of its own; a lock keeps the promise that the caller's functions never run two at a time.
class Reporter {
public:
    explicit Reporter(const PbReporter& target) : mTarget(target) {}
    Reporter(const Reporter&) = delete;
    Reporter& operator=(const Reporter&) = delete;

    void log(PbSeverity severity, const char* line) {
        const std::lock_guard<std::mutex> lock(mMutex);
        mTarget.log(mTarget.user, severity, line);
    }

    void progress(const std::string& phase, double fraction) {
        const std::lock_guard<std::mutex> lock(mMutex);
        mTarget.progress(mTarget.user, phase.c_str(), fraction);
    }

    void parserError(const PbParserError& error) {
        const std::lock_guard<std::mutex> lock(mMutex);
        mTarget.parserError(mTarget.user, &error);
    }

    //! Reports the reason and returns the status, to be returned in turn.
    PbStatus fail(PbStatus status, const std::string& reason) {
        const std::lock_guard<std::mutex> lock(mMutex);
        mTarget.failure(mTarget.user, reason.c_str());
        return status;
    }

    bool cancelled() {
        const std::lock_guard<std::mutex> lock(mMutex);
        return mTarget.cancelled(mTarget.user) != 0;
    }

private:
    const PbReporter& mTarget;
    std::mutex mMutex;
};

} // namespace precision_bench
