#include "progress_monitor.h"

#if PB_TRT_HAS_PROGRESS_MONITOR

#include <algorithm>

namespace precision_bench {

void ProgressMonitor::phaseStart(const char* phaseName, const char* parentPhase, int32_t nbSteps) noexcept {
    try {
        const std::lock_guard<std::mutex> lock(mMutex);
        mPhases[phaseName] = {parentPhase != nullptr ? parentPhase : "", nbSteps, 0};
        report(phaseName);
    } catch (...) {
        // Out of memory: the build itself will say so.
    }
}

bool ProgressMonitor::stepComplete(const char* phaseName, int32_t step) noexcept {
    try {
        const std::lock_guard<std::mutex> lock(mMutex);
        const auto found = mPhases.find(phaseName);
        if (found != mPhases.end()) {
            // Steps are numbered from zero and may end out of order.
            found->second.done = std::max(found->second.done, step + 1);
            report(phaseName);
        }
    } catch (...) {
    }
    return !mReporter.cancelled();
}

void ProgressMonitor::phaseFinish(const char* phaseName) noexcept {
    try {
        const std::lock_guard<std::mutex> lock(mMutex);
        const auto found = mPhases.find(phaseName);
        if (found != mPhases.end()) {
            found->second.done = found->second.steps;
            report(phaseName);
            mPhases.erase(found);
        }
    } catch (...) {
    }
}

double ProgressMonitor::fractionOf(const std::string& name) const {
    const Phase& phase = mPhases.at(name);
    if (phase.steps <= 0 || phase.done >= phase.steps) {
        return phase.steps <= 0 ? 0.0 : 1.0;
    }
    double inner = 0;
    for (const auto& [innerName, innerPhase] : mPhases) {
        if (innerPhase.parent == name && innerName != name) {
            inner = std::max(inner, fractionOf(innerName));
        }
    }
    return (phase.done + inner) / phase.steps;
}

void ProgressMonitor::report(const std::string& phase) {
    for (const auto& [name, outer] : mPhases) {
        if (outer.parent.empty()) {
            mFraction = std::max(mFraction, fractionOf(name));
        }
    }
    mReporter.progress(phase, mFraction);
}

} // namespace precision_bench

#endif
