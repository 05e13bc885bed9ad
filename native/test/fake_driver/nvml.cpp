//! \file nvml.cpp
//! \brief A fake libnvidia-ml.so.1: a GPU that draws 250 W and slows down on demand.
//!
//! PB_FAKE_NVML: `init=fail` (no permission), `throttle=BITS`, `energy=none` (an older GPU has no counter).
#include "../fake_tensorrt/options.h"

#include <chrono>
#include <cstring>

#define FAKE_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

constexpr int kSuccess = 0;
constexpr int kNotSupported = 3;
constexpr int kNotFound = 6;
constexpr double kWatts = 250;

int gDevice = 0;

std::string told(const char* key, const char* otherwise = "") { return fake::option("PB_FAKE_NVML", key, otherwise); }

} // namespace

FAKE_EXPORT int nvmlInit_v2() { return told("init") == "fail" ? 4 : kSuccess; }

FAKE_EXPORT int nvmlDeviceGetHandleByPciBusId_v2(const char* bus, void** device) {
    if (std::strcmp(bus, "0000:0A:00.0") != 0 || told("init") == "fail") {
        return kNotFound;
    }
    *device = &gDevice;
    return kSuccess;
}
FAKE_EXPORT int nvmlDeviceGetClockInfo(void*, int kind, unsigned int* mhz) {
    *mhz = kind == 0 ? 1980 : 3201;
    return kSuccess;
}
FAKE_EXPORT int nvmlDeviceGetPowerUsage(void*, unsigned int* milliwatts) {
    *milliwatts = static_cast<unsigned int>(1000 * kWatts);
    return kSuccess;
}
FAKE_EXPORT int nvmlDeviceGetTemperature(void*, int, unsigned int* celsius) {
    *celsius = 61;
    return kSuccess;
}
FAKE_EXPORT int nvmlDeviceGetCurrentClocksThrottleReasons(void*, unsigned long long* reasons) {
    *reasons = static_cast<unsigned long long>(fake::number(told("throttle", "0")));
    return kSuccess;
}
FAKE_EXPORT int nvmlDeviceGetTotalEnergyConsumption(void*, unsigned long long* millijoules) {
    if (told("energy") == "none") {
        return kNotSupported;
    }
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    *millijoules = static_cast<unsigned long long>(1000 * kWatts * std::chrono::duration<double>(now).count());
    return kSuccess;
}
