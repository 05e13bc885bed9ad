//! \file build_options.h
//! \brief `NativeBuildRequest` of nativeAddon.ts as a PbBuildRequest, with memory of its own.
#pragma once

#include "calibration_bridge.h"
#include "engine/engine_api.h"

#include <atomic>
#include <memory>
#include <napi.h>
#include <string>
#include <vector>

namespace precision_bench {

//! PbNetworkTensor with memory of its own.
struct NetworkTensor {
    std::string name;
    PbDataType type;
    bool isInput;
    bool holdsShape;
    uint32_t formats;
    std::vector<int64_t> dims;
};

//! The names of layouts in \p formats, bits numbered by PbFormat.
Napi::Array formatsToJs(Napi::Env env, uint32_t formats);

//! \brief What a build was asked for, and what it tells beside its result.
class BuildOptions {
public:
    //! \throws Napi::TypeError and RangeError naming the field that is wrong
    BuildOptions(const Napi::Object& request, std::shared_ptr<std::atomic<bool>> cancelFlag);
    BuildOptions(const BuildOptions&) = delete;
    BuildOptions& operator=(const BuildOptions&) = delete;

    const PbBuildRequest* plain() const { return &mPlain; }
    //! Null where the request has no calibrator.
    const CalibrationBridge* calibration() const { return mCalibration.get(); }
    const std::vector<NetworkTensor>& tensors() const { return mTensors; }
    const std::vector<std::string>& unknownLayers() const { return mUnknownLayers; }

private:
    struct ProfileInput {
        std::string name;
        bool holdsValues;
        std::vector<int64_t> minimum;
        std::vector<int64_t> optimum;
        std::vector<int64_t> maximum;
    };
    struct Layer {
        std::string name;
        PbDataType type;
    };
    struct Io {
        std::string name;
        PbDataType type;
        uint32_t formats;
    };

    void readProfiles(const Napi::Object& request);
    void readLayers(const Napi::Object& request);
    void readIo(const Napi::Object& request);
    //! Points the plain request into what was read, which does not move any more.
    void link();

    std::string mOnnxPath;
    std::string mEnginePath;
    std::string mTimingCachePath;
    std::vector<int32_t> mComputeCapabilities;
    std::vector<std::vector<ProfileInput>> mProfiles;
    std::vector<std::vector<PbProfileInput>> mPlainInputs;
    std::vector<PbProfile> mPlainProfiles;
    std::vector<Layer> mLayers;
    std::vector<PbLayerPrecision> mPlainLayers;
    std::vector<Io> mIo;
    std::vector<PbIoOption> mPlainIo;
    std::unique_ptr<CalibrationBridge> mCalibration;
    std::vector<NetworkTensor> mTensors;
    std::vector<std::string> mUnknownLayers;
    PbBuildRequest mPlain = {};
};

} // namespace precision_bench
