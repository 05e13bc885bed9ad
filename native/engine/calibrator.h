//! \file calibrator.h
//! \brief TensorRT's own INT8 calibrators, fed by the caller batch by batch.
#pragma once

#include "engine_api.h"
#include "reporter.h"
#include "trt.h"

#if PB_TRT_HAS_CALIBRATORS

#include "cuda_driver.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

// Deprecated in TensorRT 10, and what `--calibrator tensorrt` asks for.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif

namespace precision_bench {

//! \brief What all four calibrators share: where batches come from and where the cache goes.
//!
//! A batch passes through page-locked host memory to the GPU; only one is ever held, so the data may be larger than
//! memory.
class CalibrationFeed {
public:
    //! \param network with the types that the parser gave its inputs
    //! \throws CudaError where there is no GPU or no memory
    CalibrationFeed(const PbCalibrator& source, const nvinfer1::INetworkDefinition& network);

    //! TensorRT's call for the next batch. \return false at the end and after a failure
    bool next(void* bindings[], const char* const names[], int32_t count) noexcept;
    const void* readCache(size_t& bytes) const noexcept;
    void writeCache(const void* data, size_t bytes) const noexcept { mSource.writeCache(mSource.user, data, bytes); }

    double quantile() const { return mSource.quantile; }
    double cutoff() const { return mSource.cutoff; }
    int64_t batches() const { return mBatches; }
    //! Why next() failed; empty when it did not.
    const std::string& failure() const { return mFailure; }

private:
    struct Input {
        Input(std::string inputName, PbDataType inputType, size_t byteCount, bool isInHost)
            : name(std::move(inputName)), type(inputType), bytes(byteCount), inHost(isInHost), host(byteCount),
              device(byteCount) {}
        std::string name;
        PbDataType type;
        size_t bytes;
        bool inHost; //!< Shape tensors stay in host memory.
        PinnedMemory host;
        DeviceMemory device;
    };

    void pull();

    const PbCalibrator& mSource;
    std::vector<std::unique_ptr<Input>> mInputs;
    std::vector<PbBatchBuffer> mBuffers;
    int64_t mBatches = 0;
    bool mEnded = false;
    std::string mFailure;
};

//! \brief The calibrator that the source asks for. \p feed outlives it.
std::unique_ptr<nvinfer1::IInt8Calibrator> makeCalibrator(PbCalibration algorithm, CalibrationFeed& feed);

//! \brief Checks the shapes against the network and makes the profile that calibration runs at.
//! \return PB_OK, or PB_INVALID after reporting what does not fit
PbStatus setCalibrationProfile(nvinfer1::IBuilder& builder, nvinfer1::IBuilderConfig& config,
                               const nvinfer1::INetworkDefinition& network, const PbCalibrator& source,
                               Reporter& reporter);

} // namespace precision_bench

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#endif
