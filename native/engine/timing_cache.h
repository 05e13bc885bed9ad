//! \file timing_cache.h
//! \brief Kernel timings kept between builds, shared by processes.
#pragma once

#include "library.h"
#include "reporter.h"
#include "trt.h"

#if PB_TRT_HAS_TIMING_CACHE

#include <cstdint>
#include <memory>
#include <string>

namespace precision_bench {

//! \brief The timing cache of one build, read from a file at its start and merged into that file at its end.
class TimingCache {
public:
    //! Reads the file and hands its timings to \p config. An unusable file counts as none: TensorRT makes it anew.
    TimingCache(nvinfer1::IBuilderConfig& config, std::string path);

    //! Of what was read and taken; 0 for none.
    uint64_t bytesRead() const { return mBytesRead; }

    //! Writes the file with the timings that another process put there meanwhile. A failure is a warning in the log.
    void save(Reporter& reporter);

private:
    //! Adds what the file holds by now.
    void merge();

    nvinfer1::IBuilderConfig& mConfig;
    std::string mPath;
    std::unique_ptr<nvinfer1::ITimingCache> mCache;
    uint64_t mBytesRead = 0;
};

} // namespace precision_bench

#endif
