#include "build_options.h"

#include "data_types.h"
#include "js_values.h"

#include <utility>

namespace precision_bench {
namespace {

struct NamedFormat {
    PbFormat format;
    const char* name;
};

//! As `ioFormats` of backend.ts.
constexpr NamedFormat kFormats[] = {
    {PB_FORMAT_LINEAR, "linear"},
    {PB_FORMAT_CHW2, "chw2"},
    {PB_FORMAT_CHW4, "chw4"},
    {PB_FORMAT_CHW16, "chw16"},
    {PB_FORMAT_CHW32, "chw32"},
    {PB_FORMAT_HWC, "hwc"},
    {PB_FORMAT_HWC8, "hwc8"},
    {PB_FORMAT_HWC16, "hwc16"},
    {PB_FORMAT_DHWC8, "dhwc8"},
    {PB_FORMAT_CDHW32, "cdhw32"},
    {PB_FORMAT_DLA_LINEAR, "dlaLinear"},
    {PB_FORMAT_DLA_HWC4, "dlaHwc4"},
};

uint32_t formatBit(const Napi::Value& name) {
    const std::string text = name.ToString();
    for (const NamedFormat& known : kFormats) {
        if (text == known.name) {
            return 1U << known.format;
        }
    }
    throw Napi::RangeError::New(name.Env(), text + " is no memory layout");
}

PbDataType typeField(const Napi::Object& object, const char* name) {
    const std::string text = stringField(object, name);
    const PbDataType type = typeNamed(text);
    if (type == PB_TYPE_UNKNOWN && !text.empty()) {
        throw Napi::RangeError::New(object.Env(), text + " is no element type");
    }
    return type;
}

} // namespace

Napi::Array formatsToJs(Napi::Env env, uint32_t formats) {
    Napi::Array array = Napi::Array::New(env);
    for (const NamedFormat& known : kFormats) {
        if ((formats & (1U << known.format)) != 0) {
            array.Set(array.Length(), known.name);
        }
    }
    return array;
}

BuildOptions::BuildOptions(const Napi::Object& request, std::shared_ptr<std::atomic<bool>> cancelFlag)
    : mOnnxPath(stringField(request, "onnx")), mEnginePath(stringField(request, "engine")),
      mTimingCachePath(stringField(request, "timingCache")),
      mComputeCapabilities(integersField<int32_t>(request, "computeCapabilities")) {
    mPlain.optimizationLevel = static_cast<int32_t>(numberField(request, "optimizationLevel"));
    mPlain.workspaceBytes = static_cast<int64_t>(numberField(request, "workspaceBytes"));
    mPlain.dlaCore = static_cast<int32_t>(numberField(request, "dlaCore"));
    mPlain.gpuFallback = flagField(request, "gpuFallback");
    mPlain.tf32 = flagField(request, "tf32");
    mPlain.versionCompatible = flagField(request, "versionCompatible");
    mPlain.hardwareCompatible = flagField(request, "hardwareCompatible");
    mPlain.typing = stringField(request, "typing") == "weak" ? PB_WEAK : PB_STRONG;
    mPlain.allowFp16 = flagField(request, "allowFp16");
    mPlain.allowBf16 = flagField(request, "allowBf16");
    mPlain.allowInt8 = flagField(request, "allowInt8");
    mPlain.allowFp8 = flagField(request, "allowFp8");
    mPlain.constraints = stringField(request, "constraints") == "prefer" ? PB_PREFER_CONSTRAINTS : PB_OBEY_CONSTRAINTS;
    readProfiles(request);
    readLayers(request);
    readIo(request);
    if (hasField(request, "calibrator")) {
        mCalibration = std::make_unique<CalibrationBridge>(request.Env(), request.Get("calibrator").ToObject(),
                                                           std::move(cancelFlag));
    }
    link();
}

void BuildOptions::readProfiles(const Napi::Object& request) {
    const Napi::Array profiles = arrayField(request, "profiles");
    for (uint32_t i = 0; i < profiles.Length(); ++i) {
        const Napi::Array inputs = profiles.Get(i).As<Napi::Array>();
        std::vector<ProfileInput> read;
        for (uint32_t j = 0; j < inputs.Length(); ++j) {
            const Napi::Object input = inputs.Get(j).ToObject();
            ProfileInput profile = {stringField(input, "name"), flagField(input, "holdsValues") != 0,
                                    integersField<int64_t>(input, "min"), integersField<int64_t>(input, "opt"),
                                    integersField<int64_t>(input, "max")};
            if (profile.optimum.size() != profile.minimum.size() || profile.maximum.size() != profile.minimum.size()) {
                throw Napi::RangeError::New(request.Env(), "min, opt and max of " + profile.name + " differ in rank");
            }
            read.push_back(std::move(profile));
        }
        mProfiles.push_back(std::move(read));
    }
}

void BuildOptions::readLayers(const Napi::Object& request) {
    const Napi::Array layers = arrayField(request, "layerPrecisions");
    for (uint32_t i = 0; i < layers.Length(); ++i) {
        const Napi::Object layer = layers.Get(i).ToObject();
        mLayers.push_back({stringField(layer, "layer"), typeField(layer, "dtype")});
    }
}

void BuildOptions::readIo(const Napi::Object& request) {
    const Napi::Array options = arrayField(request, "io");
    for (uint32_t i = 0; i < options.Length(); ++i) {
        const Napi::Object option = options.Get(i).ToObject();
        const Napi::Array names = arrayField(option, "formats");
        uint32_t formats = 0;
        for (uint32_t j = 0; j < names.Length(); ++j) {
            formats |= formatBit(names.Get(j));
        }
        mIo.push_back({stringField(option, "name"), typeField(option, "dtype"), formats});
    }
}

void BuildOptions::link() {
    for (const std::vector<ProfileInput>& profile : mProfiles) {
        std::vector<PbProfileInput> inputs;
        for (const ProfileInput& input : profile) {
            inputs.push_back({input.name.c_str(), input.holdsValues ? 1 : 0, input.minimum.size(), input.minimum.data(),
                              input.optimum.data(), input.maximum.data()});
        }
        mPlainInputs.push_back(std::move(inputs));
    }
    for (const std::vector<PbProfileInput>& inputs : mPlainInputs) {
        mPlainProfiles.push_back({inputs.data(), inputs.size()});
    }
    for (const Layer& layer : mLayers) {
        mPlainLayers.push_back({layer.name.c_str(), layer.type});
    }
    for (const Io& io : mIo) {
        mPlainIo.push_back({io.name.c_str(), io.type, io.formats});
    }
    mPlain.onnxPath = mOnnxPath.c_str();
    mPlain.enginePath = mEnginePath.c_str();
    mPlain.profiles = mPlainProfiles.data();
    mPlain.profileCount = mPlainProfiles.size();
    mPlain.computeCapabilities = mComputeCapabilities.data();
    mPlain.computeCapabilityCount = mComputeCapabilities.size();
    mPlain.layerPrecisions = mPlainLayers.data();
    mPlain.layerPrecisionCount = mPlainLayers.size();
    mPlain.io = mPlainIo.data();
    mPlain.ioCount = mPlainIo.size();
    mPlain.calibrator = mCalibration != nullptr ? mCalibration->plain() : nullptr;
    mPlain.timingCachePath = mTimingCachePath.empty() ? nullptr : mTimingCachePath.c_str();
    mPlain.user = this;
    mPlain.networkTensor = [](void* user, const PbNetworkTensor* tensor) {
        static_cast<BuildOptions*>(user)->mTensors.push_back(
            {tensor->name, tensor->type, tensor->isInput != 0, tensor->holdsShape != 0, tensor->formats,
             std::vector<int64_t>(tensor->dims, tensor->dims + tensor->rank)});
    };
    mPlain.unknownLayer = [](void* user, const char* layer) {
        static_cast<BuildOptions*>(user)->mUnknownLayers.emplace_back(layer);
    };
}

} // namespace precision_bench
