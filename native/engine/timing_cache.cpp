#include "timing_cache.h"

#if PB_TRT_HAS_TIMING_CACHE

#include "atomic_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

namespace precision_bench {
namespace {

std::vector<char> readFile(const std::string& path) {
    std::ifstream file(std::filesystem::u8path(path), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

} // namespace

TimingCache::TimingCache(nvinfer1::IBuilderConfig& config, std::string path) : mConfig(config), mPath(std::move(path)) {
    const std::vector<char> kept = readFile(mPath);
    mCache.reset(config.createTimingCache(kept.data(), kept.size()));
    if (mCache != nullptr && config.setTimingCache(*mCache, false)) {
        mBytesRead = kept.size();
        return;
    }
    mCache.reset(config.createTimingCache(nullptr, 0));
    if (mCache != nullptr) {
        config.setTimingCache(*mCache, false);
    }
}

void TimingCache::merge() {
    const std::vector<char> kept = readFile(mPath);
    if (kept.empty()) {
        return;
    }
    const std::unique_ptr<nvinfer1::ITimingCache> others(mConfig.createTimingCache(kept.data(), kept.size()));
    if (others != nullptr) {
        mCache->combine(*others, false); // refused for timings of another GPU, which ours replace
    }
}

void TimingCache::save(Reporter& reporter) {
    if (mCache == nullptr) {
        return;
    }
    merge();
    const std::unique_ptr<nvinfer1::IHostMemory> data(mCache->serialize());
    const std::string failure =
        data == nullptr ? "TensorRT gave no timing cache." : writeAtomically(mPath, data->data(), data->size());
    if (!failure.empty()) {
        reporter.log(PB_WARNING, failure.c_str()); // the engine is good without it
    }
}

} // namespace precision_bench

#endif
