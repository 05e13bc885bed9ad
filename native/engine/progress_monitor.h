//! \file progress_monitor.h
//! \brief Progress and cancellation of a build, where the major has them.
#pragma once

#include "reporter.h"
#include "trt.h"

#if PB_TRT_HAS_PROGRESS_MONITOR

#include <map>
#include <mutex>
#include <string>

namespace precision_bench {

//! \brief Turns TensorRT's nested phases into one fraction that only grows, and passes on the wish to stop.
//!
//! A phase has a number of steps; while a step is under way, phases inside it may run. The fraction of a phase is its
//! steps done plus the fraction of the phase inside it, over its steps.
class ProgressMonitor final : public nvinfer1::IProgressMonitor {
public:
    explicit ProgressMonitor(Reporter& reporter) : mReporter(reporter) {}

    void phaseStart(const char* phaseName, const char* parentPhase, int32_t nbSteps) noexcept override;
    //! \return false when the caller wants the build to stop; TensorRT then gives up at the next safe point
    bool stepComplete(const char* phaseName, int32_t step) noexcept override;
    void phaseFinish(const char* phaseName) noexcept override;

private:
    struct Phase {
        std::string parent; //!< Empty for an outermost phase.
        int32_t steps;
        int32_t done;
    };

    //! The share of \p name that is done, 0 to 1.
    double fractionOf(const std::string& name) const;
    void report(const std::string& phase);

    Reporter& mReporter;
    std::mutex mMutex; //!< Phases may run on several threads.
    std::map<std::string, Phase> mPhases;
    double mFraction = 0;
};

} // namespace precision_bench

#endif
