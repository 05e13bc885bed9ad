//! \file calibration_bridge.h
//! \brief Calibration batches from JavaScript to the thread of a build.
#pragma once

#include "engine/engine_api.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <napi.h>
#include <string>
#include <vector>

namespace precision_bench {

//! \brief PbCalibrator over an asynchronous JavaScript function.
//!
//! The thread of the build asks for a batch and sleeps; on JavaScript's thread the function is called, its promise is
//! awaited and the arrays are copied into the buffers. When the build is cancelled the thread gives up waiting, and
//! what comes later is dropped.
class CalibrationBridge {
public:
    //! \param calibrator `NativeCalibrator` of nativeAddon.ts
    CalibrationBridge(Napi::Env env, const Napi::Object& calibrator, std::shared_ptr<std::atomic<bool>> cancelFlag);
    ~CalibrationBridge();
    CalibrationBridge(const CalibrationBridge&) = delete;
    CalibrationBridge& operator=(const CalibrationBridge&) = delete;

    const PbCalibrator* plain() const { return &mPlain; }
    //! What TensorRT wrote; empty when it wrote nothing.
    const std::vector<uint8_t>& writtenCache() const { return mWritten; }
    //! What the function threw or rejected with; empty when it did not. On JavaScript's thread.
    Napi::Value failure(Napi::Env env) const;

private:
    //! One request for a batch, shared by both threads; whichever is last drops it.
    struct Exchange;
    //! What belongs to JavaScript's thread.
    struct JsSide;

    PbBatch next(const PbBatchBuffer* buffers, size_t count);

    struct Input {
        std::string name;
        std::vector<int64_t> dims;
    };

    std::shared_ptr<std::atomic<bool>> mCancelFlag;
    std::vector<Input> mInputs;
    std::vector<PbInputShape> mShapes;
    std::vector<uint8_t> mCache;
    std::vector<uint8_t> mWritten;
    PbCalibrator mPlain = {};
    std::shared_ptr<JsSide> mJs;
    Napi::ThreadSafeFunction mFunction;
};

} // namespace precision_bench
