#include "nvml.h"

#include <mutex>

namespace precision_bench {
namespace {

#if defined(_WIN32)
constexpr const char* kLibraryName = "nvml.dll";
#else
constexpr const char* kLibraryName = "libnvidia-ml.so.1";
#endif

// Of nvml.h, whose C interface does not change: its header comes with no package that the rest needs.
constexpr int kSuccess = 0;
constexpr int kGraphicsClock = 0;
constexpr int kMemoryClock = 2;
constexpr int kGpuSensor = 0;

//! Starts the library once; it stays for the life of the process.
bool start(const SharedLibrary& library) {
    static std::mutex mutex;
    static bool isStarted = false;
    const std::lock_guard<std::mutex> lock(mutex);
    if (!isStarted) {
        auto* initialize = library.function<int()>("nvmlInit_v2");
        isStarted = initialize != nullptr && initialize() == kSuccess;
    }
    return isStarted;
}

} // namespace

std::unique_ptr<Nvml> Nvml::open(const char* pciBusId) {
    const SharedLibrary library(kLibraryName);
    if (!library.isOpen() || !start(library)) {
        return nullptr;
    }
    std::unique_ptr<Nvml> nvml(new Nvml(library));
    auto* find = library.function<int(const char*, void**)>("nvmlDeviceGetHandleByPciBusId_v2");
    if (find == nullptr || find(pciBusId, &nvml->mDevice) != kSuccess) {
        return nullptr;
    }
    nvml->mClock = library.function<int(void*, int, unsigned int*)>("nvmlDeviceGetClockInfo");
    nvml->mPower = library.function<int(void*, unsigned int*)>("nvmlDeviceGetPowerUsage");
    nvml->mTemperature = library.function<int(void*, int, unsigned int*)>("nvmlDeviceGetTemperature");
    nvml->mThrottle = library.function<int(void*, unsigned long long*)>("nvmlDeviceGetCurrentClocksThrottleReasons");
    nvml->mEnergy = library.function<int(void*, unsigned long long*)>("nvmlDeviceGetTotalEnergyConsumption");
    return nvml;
}

GpuMeters Nvml::read() const {
    GpuMeters meters;
    unsigned int value = 0;
    unsigned long long wide = 0;
    if (mClock != nullptr && mClock(mDevice, kGraphicsClock, &value) == kSuccess) {
        meters.graphicsClockMhz = value;
    }
    if (mClock != nullptr && mClock(mDevice, kMemoryClock, &value) == kSuccess) {
        meters.memoryClockMhz = value;
    }
    if (mPower != nullptr && mPower(mDevice, &value) == kSuccess) {
        meters.powerWatts = value / 1000.0;
    }
    if (mTemperature != nullptr && mTemperature(mDevice, kGpuSensor, &value) == kSuccess) {
        meters.temperatureCelsius = value;
    }
    if (mThrottle != nullptr && mThrottle(mDevice, &wide) == kSuccess) {
        meters.throttleReasons = wide;
    }
    if (mEnergy != nullptr && mEnergy(mDevice, &wide) == kSuccess) {
        meters.energyMillijoules = wide;
    }
    return meters;
}

} // namespace precision_bench
