#include "logger.h"

namespace precision_bench {
namespace {

PbSeverity severityOf(nvinfer1::ILogger::Severity severity) {
    switch (severity) {
    case nvinfer1::ILogger::Severity::kINTERNAL_ERROR:
    case nvinfer1::ILogger::Severity::kERROR:
        return PB_ERROR;
    case nvinfer1::ILogger::Severity::kWARNING:
        return PB_WARNING;
    case nvinfer1::ILogger::Severity::kINFO:
        return PB_INFO;
    case nvinfer1::ILogger::Severity::kVERBOSE:
        return PB_VERBOSE;
    }
    return PB_INFO;
}

} // namespace

Logger::Scope::Scope(Logger& logger, Reporter& reporter) : mLogger(logger) {
    const std::lock_guard<std::mutex> lock(mLogger.mMutex);
    mLogger.mReporter = &reporter;
}

Logger::Scope::~Scope() {
    const std::lock_guard<std::mutex> lock(mLogger.mMutex);
    mLogger.mReporter = nullptr;
}

void Logger::log(Severity severity, const char* message) noexcept {
    // Verbose output is tens of thousands of lines a build and nobody has asked for it.
    if (severity == Severity::kVERBOSE) {
        return;
    }
    const std::lock_guard<std::mutex> lock(mMutex);
    if (mReporter != nullptr) {
        mReporter->log(severityOf(severity), message);
    }
}

} // namespace precision_bench
