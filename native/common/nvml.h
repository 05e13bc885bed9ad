//! \file nvml.h
//! \brief The GPU's meters, read through NVIDIA's management library, which is opened at run time and may be missing.
#pragma once

#include "shared_library.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace precision_bench {

//! What the meters say at one moment; nothing where the GPU has no such meter.
struct GpuMeters {
    std::optional<uint32_t> graphicsClockMhz;
    std::optional<uint32_t> memoryClockMhz;
    std::optional<double> powerWatts;
    std::optional<double> temperatureCelsius;
    //! NVML's bits of the reasons that hold the clocks down.
    std::optional<uint64_t> throttleReasons;
    //! Since the driver was loaded.
    std::optional<uint64_t> energyMillijoules;
};

//! \brief One GPU as the management library knows it.
class Nvml {
public:
    //! \param pciBusId of the GPU, since NVML numbers GPUs otherwise than CUDA
    //! \return null where there is no library or it does not know the GPU
    static std::unique_ptr<Nvml> open(const char* pciBusId);

    GpuMeters read() const;

private:
    explicit Nvml(const SharedLibrary& library) : mLibrary(library) {}

    SharedLibrary mLibrary;
    void* mDevice = nullptr;
    int (*mClock)(void* device, int kind, unsigned int* mhz) = nullptr;
    int (*mPower)(void* device, unsigned int* milliwatts) = nullptr;
    int (*mTemperature)(void* device, int sensor, unsigned int* celsius) = nullptr;
    int (*mThrottle)(void* device, unsigned long long* reasons) = nullptr;
    int (*mEnergy)(void* device, unsigned long long* millijoules) = nullptr;
};

} // namespace precision_bench
