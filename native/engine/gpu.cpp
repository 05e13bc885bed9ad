#include "gpu.h"

#include "cuda_driver.h"

namespace precision_bench {

PbGpuInfo describeGpu() {
    const CudaDriver& cuda = CudaDriver::get();
    PbGpuInfo info = {};
    int major = 0;
    int minor = 0;
    int version = 0;
    size_t bytes = 0;
    cuda.check(cuda.deviceGetName(info.name, sizeof(info.name), cuda.device()), "cuDeviceGetName");
    cuda.check(cuda.deviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, cuda.device()),
               "cuDeviceGetAttribute");
    cuda.check(cuda.deviceGetAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, cuda.device()),
               "cuDeviceGetAttribute");
    cuda.check(cuda.deviceTotalMem(&bytes, cuda.device()), "cuDeviceTotalMem");
    cuda.check(cuda.driverGetVersion(&version), "cuDriverGetVersion");
    info.computeCapability = major * 10 + minor;
    info.memoryBytes = bytes;
    info.driverVersion = version;
    return info;
}

} // namespace precision_bench
