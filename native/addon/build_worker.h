//! \file build_worker.h
//! \brief One engine build on a thread of Node's pool, with progress and cancellation.
#pragma once

#include "build_options.h"
#include "flavour.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <napi.h>
#include <string>
#include <vector>

namespace precision_bench {

struct ProgressEvent {
    std::string phase;
    double fraction;
};

//! \brief Runs a build and settles a promise with what came of it.
//!
//! The base class keeps itself and its thread-safe function alive until the last progress event was delivered, then
//! releases both, on success and failure alike.
class BuildWorker final : public Napi::AsyncProgressQueueWorker<ProgressEvent> {
public:
    //! \param cancelFlag set by JavaScript's `cancel`; shared because either side may go first
    BuildWorker(Napi::Env env, std::shared_ptr<OpenedTensorRT> tensorrt, std::unique_ptr<BuildOptions> options,
                const Napi::Function& onProgress, std::shared_ptr<std::atomic<bool>> cancelFlag);

    Napi::Promise promise() const { return mDeferred.Promise(); }

private:
    void Execute(const ExecutionProgress& progress) override;
    void OnProgress(const ProgressEvent* events, size_t count) override;
    void OnOK() override;
    void OnError(const Napi::Error& error) override;

    //! The report of this build: its progress goes to the queue, its cancellation comes from the flag.
    class Report final : public CallReport {
    public:
        explicit Report(const std::atomic<bool>& cancelFlag) : mCancelFlag(cancelFlag) {}
        const ExecutionProgress* queue = nullptr;

    private:
        void onProgress(const char* phase, double fraction) override;
        bool isCancelled() override { return mCancelFlag.load(std::memory_order_relaxed); }

        const std::atomic<bool>& mCancelFlag;
        std::chrono::steady_clock::time_point mLastSent;
    };

    Napi::Promise::Deferred mDeferred;
    Napi::FunctionReference mOnProgress;
    std::shared_ptr<OpenedTensorRT> mTensorRT;
    std::unique_ptr<BuildOptions> mOptions;
    std::shared_ptr<std::atomic<bool>> mCancelFlag;
    Report mReport;
    PbStatus mStatus = PB_INTERNAL;
    PbBuildResult mResult = {};
};

} // namespace precision_bench
