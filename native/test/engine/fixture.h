//! \file fixture.h
//! \brief What every test of the engine code needs: a flavour's function table over its fake TensorRT, and a folder.
//!
//! Tests go through engine_api.h as the addon does. What the fakes are told stands in `fake_tensorrt/options.h`.
#pragma once

#include "engine/engine_api.h"
#include "engine/trt.h"
#include "onnx_writer.h"

#include <atomic>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <vector>

extern "C" const PbEngineApi* pb_engine_api(void);

namespace precision_bench::test {

//! Whether the flavour under test has weak typing, and with it TensorRT's calibrators.
constexpr bool kHasWeakTyping = PB_TRT_HAS_WEAK_TYPING != 0;
constexpr bool kHasStrongTyping = PB_TRT_HAS_STRONG_TYPING != 0;
constexpr bool kHasProgressMonitor = PB_TRT_HAS_PROGRESS_MONITOR != 0;
constexpr PbTyping kAnyTyping = kHasStrongTyping ? PB_STRONG : PB_WEAK;

//! Sets an environment variable for as long as it lives.
class Environment {
public:
    Environment(const char* name, const std::string& value) : mName(name) { setenv(name, value.c_str(), 1); }
    ~Environment() { unsetenv(mName); }
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;

private:
    const char* mName;
};

inline bool has(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

//! What a call reported.
struct Told {
    std::vector<std::string> log;
    std::vector<std::string> errors; //!< "node (operator): reason" of the parser.
    std::vector<double> fractions;
    std::string failure;
    std::function<bool()> isCancelled = [] { return false; };

    const PbReporter* reporter();
    //! Whether a line of the log has these words.
    bool hasLogged(const std::string& words) const;

private:
    PbReporter mReporter = {};
};

struct Built {
    PbStatus status;
    PbBuildResult result;
    Told told;
    std::vector<std::string> unknownLayers;
    std::vector<std::string> tensors; //!< "x fp32 [-1, 3, 8, 8]"
};

class EngineTest : public ::testing::Test {
protected:
    void SetUp() override;
    void TearDown() override;

    const PbEngineApi& api() const { return *pb_engine_api(); }
    PbLibrary* library() const { return mLibrary; }
    std::string file(const std::string& name) const { return (mFolder / name).string(); }
    std::string write(const std::string& name, const std::string& content) const;
    std::string read(const std::string& path) const;
    //! Names of the files in the test's folder.
    std::vector<std::string> files() const;

    //! A request for the classifier with batches of 1 to 8; it points into this object.
    PbBuildRequest request(PbTyping typing = kAnyTyping);
    Built build(PbBuildRequest request, std::function<bool()> isCancelled = nullptr);
    //! Builds the classifier and opens it.
    PbEngine* openClassifier();
    PbEngine* open(const std::string& path);

    //! Objects of the fake library and of its parser that live.
    int liveObjects() const;
    long liveOnGpu() const;

    std::string mOnnx;
    std::string mEngine;

private:
    static PbLibraryPaths paths();

    std::filesystem::path mFolder;
    PbLibrary* mLibrary = nullptr;
    std::vector<PbProfileInput> mInputs;
    PbProfile mProfile = {};
    std::vector<int32_t> mComputeCapabilities;
};

//! Sizes as the request and the fixture need them: memory that stays.
inline const std::vector<int64_t> kSmall = {1, 3, 8, 8};
inline const std::vector<int64_t> kMiddle = {4, 3, 8, 8};
inline const std::vector<int64_t> kLarge = {8, 3, 8, 8};

} // namespace precision_bench::test
