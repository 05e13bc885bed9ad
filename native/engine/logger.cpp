#include "logger.h"

#include <cctype>
#include <string>

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

//! "Out of memory", "OutOfMemory", "OUT_OF_MEMORY", "insufficient memory".
bool tellsOfMemory(const char* message) {
    std::string letters;
    for (const char* c = message; *c != '\0'; ++c) {
        if (std::isalpha(static_cast<unsigned char>(*c)) != 0) {
            letters += static_cast<char>(std::tolower(static_cast<unsigned char>(*c)));
        }
    }
    return letters.find("outofmemory") != std::string::npos || letters.find("insufficientmemory") != std::string::npos;
}

} // namespace

Logger::Scope::Scope(Logger& logger, Reporter& reporter) : mLogger(logger) {
    const std::lock_guard<std::mutex> lock(mLogger.mMutex);
    mLogger.mReporter = &reporter;
    mLogger.mHasRunOutOfMemory = false;
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
    if (severityOf(severity) == PB_ERROR && tellsOfMemory(message)) {
        mHasRunOutOfMemory = true;
    }
    const std::lock_guard<std::mutex> lock(mMutex);
    if (mReporter != nullptr) {
        mReporter->log(severityOf(severity), message);
    }
}

} // namespace precision_bench
