#include "calibrator.h"

#if PB_TRT_HAS_CALIBRATORS

#include "types.h"

#include <algorithm>
#include <cstring>

// Deprecated in TensorRT 10, and what `--calibrator tensorrt` asks for.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif

namespace precision_bench {
namespace {

const PbInputShape* find(const PbCalibrator& source, const char* name) {
    for (size_t i = 0; i < source.inputCount; ++i) {
        if (std::strcmp(source.inputs[i].name, name) == 0) {
            return &source.inputs[i];
        }
    }
    return nullptr;
}

//! Calibration takes FP32 for every input of floats, whatever the type of the engine's binding.
PbDataType calibrationType(PbDataType type) {
    switch (type) {
    case PB_TYPE_FP16:
    case PB_TYPE_BF16:
    case PB_TYPE_FP8:
    case PB_TYPE_INT8:
        return PB_TYPE_FP32;
    default:
        return type;
    }
}

//! A calibrator of TensorRT's over a feed of ours.
template <typename Base>
class Fed : public Base {
public:
    explicit Fed(CalibrationFeed& feed) : mFeed(feed) {}

    // The batch axis is part of the shape in networks from ONNX; its size is that of the calibration profile.
    int32_t getBatchSize() const noexcept override { return 1; }

    bool getBatch(void* bindings[], const char* names[], int32_t count) noexcept override {
        return mFeed.next(bindings, names, count);
    }

    const void* readCalibrationCache(size_t& length) noexcept override { return mFeed.readCache(length); }

    void writeCalibrationCache(const void* data, size_t length) noexcept override { mFeed.writeCache(data, length); }

protected:
    CalibrationFeed& mFeed;
};

//! The legacy calibrator cuts a histogram at a quantile.
class FedLegacy final : public Fed<nvinfer1::IInt8LegacyCalibrator> {
public:
    using Fed::Fed;
    double getQuantile() const noexcept override { return mFeed.quantile(); }
    double getRegressionCutoff() const noexcept override { return mFeed.cutoff(); }
    const void* readHistogramCache(size_t& length) noexcept override {
        length = 0;
        return nullptr;
    }
    void writeHistogramCache(const void*, size_t) noexcept override {}
};

} // namespace

CalibrationFeed::CalibrationFeed(const PbCalibrator& source, const nvinfer1::INetworkDefinition& network)
    : mSource(source) {
    CudaDriver::get().useContext();
    for (int32_t i = 0; i < network.getNbInputs(); ++i) {
        const nvinfer1::ITensor& tensor = *network.getInput(i);
        const PbInputShape& shape = *find(source, tensor.getName()); // setCalibrationProfile has looked
        const PbDataType type = calibrationType(typeOf(tensor.getType()));
        const std::vector<int64_t> dims(shape.dims, shape.dims + shape.rank);
        mInputs.push_back(std::make_unique<Input>(tensor.getName(), type, bytesOf(type, dims), tensor.isShapeTensor()));
    }
    for (const auto& input : mInputs) {
        mBuffers.push_back({input->name.c_str(), input->type, input->host.address(), input->bytes});
    }
}

void CalibrationFeed::pull() {
    switch (mSource.nextBatch(mSource.user, mBuffers.data(), mBuffers.size())) {
    case PB_BATCH_FILLED:
        break;
    case PB_BATCH_END:
        mEnded = true;
        return;
    case PB_BATCH_FAILED:
        mEnded = true;
        mFailure = "The calibration data failed.";
        return;
    }
    const CudaDriver& cuda = CudaDriver::get();
    cuda.useContext(); // TensorRT may call from a thread of its own
    for (const auto& input : mInputs) {
        if (!input->inHost && input->bytes > 0) {
            cuda.check(cuda.memcpyHtoD(input->device.address(), input->host.address(), input->bytes), "cuMemcpyHtoD");
        }
    }
    ++mBatches;
}

bool CalibrationFeed::next(void* bindings[], const char* const names[], int32_t count) noexcept {
    try {
        if (!mEnded) {
            pull();
        }
        if (mEnded) {
            return false;
        }
        for (int32_t i = 0; i < count; ++i) {
            const auto found = std::find_if(mInputs.begin(), mInputs.end(),
                                            [&](const auto& input) { return input->name == names[i]; });
            if (found == mInputs.end()) {
                mFailure = "TensorRT asks for calibration data of " + std::string(names[i]) + ", which is no input.";
                mEnded = true;
                return false;
            }
            bindings[i] =
                (*found)->inHost ? (*found)->host.address() : reinterpret_cast<void*>((*found)->device.address());
        }
        return true;
    } catch (const std::exception& error) {
        mFailure = error.what();
        mEnded = true;
        return false;
    }
}

const void* CalibrationFeed::readCache(size_t& bytes) const noexcept {
    bytes = mSource.cacheBytes;
    return mSource.cacheBytes == 0 ? nullptr : mSource.cache;
}

std::unique_ptr<nvinfer1::IInt8Calibrator> makeCalibrator(PbCalibration algorithm, CalibrationFeed& feed) {
    switch (algorithm) {
    case PB_CALIBRATE_ENTROPY:
        return std::make_unique<Fed<nvinfer1::IInt8EntropyCalibrator>>(feed);
    case PB_CALIBRATE_MINMAX:
        return std::make_unique<Fed<nvinfer1::IInt8MinMaxCalibrator>>(feed);
    case PB_CALIBRATE_LEGACY:
        return std::make_unique<FedLegacy>(feed);
    case PB_CALIBRATE_ENTROPY2:
        break;
    }
    return std::make_unique<Fed<nvinfer1::IInt8EntropyCalibrator2>>(feed);
}

PbStatus setCalibrationProfile(nvinfer1::IBuilder& builder, nvinfer1::IBuilderConfig& config,
                               const nvinfer1::INetworkDefinition& network, const PbCalibrator& source,
                               Reporter& reporter) {
    using nvinfer1::OptProfileSelector;
    nvinfer1::IOptimizationProfile* profile = builder.createOptimizationProfile();
    if (profile == nullptr) {
        return reporter.fail(PB_INTERNAL, "TensorRT made no calibration profile.");
    }
    bool isDynamic = false;
    for (int32_t i = 0; i < network.getNbInputs(); ++i) {
        const nvinfer1::ITensor& tensor = *network.getInput(i);
        const std::string name = tensor.getName();
        const PbInputShape* shape = find(source, tensor.getName());
        if (shape == nullptr) {
            return reporter.fail(PB_INVALID, "There is no calibration data for input " + name + ".");
        }
        const std::vector<int64_t> wanted = sizesOf(tensor.getDimensions());
        const std::vector<int64_t> given(shape->dims, shape->dims + shape->rank);
        bool fits = wanted.size() == given.size();
        for (size_t axis = 0; fits && axis < wanted.size(); ++axis) {
            isDynamic = isDynamic || wanted[axis] < 0;
            fits = wanted[axis] < 0 || wanted[axis] == given[axis];
        }
        if (!fits) {
            return reporter.fail(PB_INVALID, "Calibration batches of input " + name + " have the shape " +
                                                 textOf(given) + ", it takes " + textOf(wanted) + ".");
        }
        const nvinfer1::Dims dims = dimsOf(shape->dims, shape->rank);
        if (!profile->setDimensions(tensor.getName(), OptProfileSelector::kMIN, dims) ||
            !profile->setDimensions(tensor.getName(), OptProfileSelector::kOPT, dims) ||
            !profile->setDimensions(tensor.getName(), OptProfileSelector::kMAX, dims)) {
            return reporter.fail(PB_INVALID, "TensorRT refused the calibration shape of input " + name + ".");
        }
    }
    if (isDynamic && !config.setCalibrationProfile(profile)) {
        return reporter.fail(PB_INVALID, "TensorRT refused the calibration profile.");
    }
    return PB_OK;
}

} // namespace precision_bench

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#endif
