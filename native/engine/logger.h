//! \file logger.h
//! \brief TensorRT's log, passed to the call that is running.
#pragma once

#include "reporter.h"
#include "trt.h"

#include <atomic>
#include <mutex>

namespace precision_bench {

//! \brief The logger of one library. It lives as long as the library, the reporters come and go.
class Logger final : public nvinfer1::ILogger {
public:
    //! While it lives, log lines go to its reporter.
    class Scope {
    public:
        Scope(Logger& logger, Reporter& reporter);
        ~Scope();
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

    private:
        Logger& mLogger;
    };

    void log(Severity severity, const char* message) noexcept override;

    //! Whether an error of the running call was about memory: TensorRT has no other way to say so.
    bool hasRunOutOfMemory() const { return mHasRunOutOfMemory; }

private:
    std::mutex mMutex;
    std::atomic<bool> mHasRunOutOfMemory{false};
    Reporter* mReporter = nullptr;
};

} // namespace precision_bench
