//! \file engine_test.cpp
//! \brief Engines on the fake GPU: bindings, runs, measurements, profiles, and what keeps an engine from running.
#include "fixture.h"

namespace precision_bench::test {
namespace {

class RunTest : public EngineTest {
protected:
    void SetUp() override {
        EngineTest::SetUp();
        setenv("PB_FAKE_CUDA", "sm=89", 1);
    }
    void TearDown() override {
        if (mOpened != nullptr) {
            api().closeEngine(mOpened);
        }
        unsetenv("PB_FAKE_CUDA");
        EngineTest::TearDown();
    }

    void openAndBind(const std::vector<int64_t>& dims) {
        mOpened = openClassifier();
        ASSERT_NE(mOpened, nullptr);
        ASSERT_EQ(bind(dims), PB_OK) << mTold.failure;
        auto* values = static_cast<float*>(mBindings[0].host);
        for (size_t i = 0; i < mBindings[0].bytes / sizeof(float); ++i) {
            values[i] = static_cast<float>(i);
        }
    }

    PbStatus bind(const std::vector<int64_t>& dims) {
        const PbInputShape shape = {"x", dims.size(), dims.data(), nullptr};
        return api().bindEngine(mOpened, &shape, 1, mTold.reporter(), &mBindings, &mCount);
    }

    PbMeasureResult measure(PbMeasureRequest wanted, PbStatus expected = PB_OK) {
        PbMeasureResult result = {};
        EXPECT_EQ(api().measureEngine(mOpened, &wanted, mTold.reporter(), &result), expected) << mTold.failure;
        return result;
    }

    PbEngine* mOpened = nullptr;
    const PbBinding* mBindings = nullptr;
    size_t mCount = 0;
    Told mTold;
};

TEST_F(RunTest, DescribesItsBindings) {
    mOpened = openClassifier();
    PbEngineInfo info = {};
    ASSERT_EQ(api().describeEngine(mOpened, mTold.reporter(), &info), PB_OK);
    ASSERT_EQ(info.tensorCount, 2U);
    EXPECT_STREQ(info.tensors[0].name, "x");
    EXPECT_EQ(info.tensors[0].isInput, 1);
    EXPECT_EQ(info.tensors[0].type, PB_TYPE_FP32);
    EXPECT_EQ(info.tensors[0].dims[0], -1);
    EXPECT_STREQ(info.tensors[1].format, "Row major linear format");
    EXPECT_EQ(info.layers, 2) << "conv1 and relu1 are fused";
    EXPECT_EQ(info.profiles, 1);
}

TEST_F(RunTest, DataGoThereAndBack) {
    openAndBind(kMiddle);
    ASSERT_EQ(mCount, 2U);
    EXPECT_EQ(mBindings[1].bytes, 4 * 10 * sizeof(float));
    ASSERT_EQ(api().runEngine(mOpened, mTold.reporter()), PB_OK) << mTold.failure;
    const auto* answers = static_cast<const float*>(mBindings[1].host);
    for (int i = 0; i < 40; ++i) {
        ASSERT_EQ(answers[i], 2.0F * static_cast<float>(i) + 1);
    }
}

TEST_F(RunTest, OtherSizesGetOtherMemory) {
    openAndBind(kMiddle);
    ASSERT_EQ(bind(kLarge), PB_OK);
    EXPECT_EQ(mBindings[1].bytes, 8 * 10 * sizeof(float));
    EXPECT_EQ(api().runEngine(mOpened, mTold.reporter()), PB_OK);
    const std::vector<int64_t> tooLarge = {9, 3, 8, 8};
    EXPECT_EQ(bind(tooLarge), PB_INVALID);
    EXPECT_NE(mTold.failure.find("No optimization profile"), std::string::npos);
    EXPECT_EQ(api().runEngine(mOpened, mTold.reporter()), PB_INVALID) << "nothing is bound after a refusal";
}

TEST_F(RunTest, WithoutGpuMemoryNothingIsBoundAndNothingIsLost) {
    openAndBind(kSmall);
    setenv("PB_FAKE_CUDA", "sm=89;memory=5000", 1);
    EXPECT_EQ(bind(kLarge), PB_NO_MEMORY);
    setenv("PB_FAKE_CUDA", "sm=89", 1);
    EXPECT_EQ(bind(kLarge), PB_OK);
}

TEST_F(RunTest, MeasuresAtLeastTheRunsAndTheTimeAskedFor) {
    const Environment fake("PB_FAKE_TENSORRT", "runUs=2000");
    openAndBind(kSmall);
    PbMeasureRequest wanted = {0.02, 0, 7, 0, 0, 1};
    PbMeasureResult result = measure(wanted);
    EXPECT_EQ(result.runCount, 7U);
    EXPECT_GE(result.warmupSeconds, 0.02);
    EXPECT_EQ(result.cudaGraph, 0);
    for (size_t i = 0; i < result.runCount; ++i) {
        EXPECT_GE(result.runs[i].computeMs, 2.0F);
        EXPECT_GE(result.runs[i].hostMs, result.runs[i].computeMs);
        EXPECT_LT(result.runs[i].hostToDeviceMs, 1.0F);
    }
    wanted = {0, 0.05, 1, 0, 1, 0};
    result = measure(wanted);
    EXPECT_GT(result.runCount, 1U);
}

TEST_F(RunTest, TheMetersOfTheGpuAreReadAroundTheRuns) {
    const Environment fake("PB_FAKE_TENSORRT", "runUs=5000");
    openAndBind(kSmall);
    const PbMeasureRequest wanted = {0, 0, 10, 0, 0, 0};
    {
        const Environment nvml("PB_FAKE_NVML", "throttle=4");
        const PbMeasureResult result = measure(wanted);
        ASSERT_EQ(result.hasMeters, 1);
        EXPECT_EQ(result.meters.graphicsClockMhz, 1980);
        EXPECT_EQ(result.meters.memoryClockMhz, 3201);
        EXPECT_EQ(result.meters.powerWatts, 250);
        EXPECT_EQ(result.meters.temperatureCelsius, 61);
        EXPECT_EQ(result.meters.throttleReasons, 4);
        EXPECT_GE(result.meters.energyMillijoules, 250 * 50 * 0.98) << "250 W for at least 50 ms, without the warm-up";
        EXPECT_LT(result.meters.energyMillijoules, 250 * 1000);
    }
    {
        const Environment nvml("PB_FAKE_NVML", "energy=none");
        EXPECT_EQ(measure(wanted).meters.energyMillijoules, -1);
    }
    const Environment nvml("PB_FAKE_NVML", "init=fail");
    EXPECT_EQ(measure(wanted).hasMeters, 0);
}

TEST_F(RunTest, TheGraphIsReplayedAndComputesTheSame) {
    openAndBind(kMiddle);
    const PbMeasureRequest wanted = {0, 0, 5, 1, 1, 1};
    EXPECT_EQ(measure(wanted).cudaGraph, 1);
    static_cast<float*>(mBindings[0].host)[3] = 100;
    measure(wanted);
    EXPECT_EQ(static_cast<const float*>(mBindings[1].host)[3], 201) << "the graph reads what is there by then";
    const Environment fake("PB_FAKE_TENSORRT", "capture=fail");
    ASSERT_EQ(bind(kSmall), PB_OK);
    EXPECT_EQ(measure(wanted).cudaGraph, 0) << "an engine that cannot be recorded is measured without";
}

TEST_F(RunTest, AMeasurementCanBeCancelled) {
    openAndBind(kSmall);
    int asked = 0;
    mTold.isCancelled = [&] { return ++asked > 3; };
    measure({0, 60, 1, 0, 0, 0}, PB_CANCELLED);
}

TEST_F(RunTest, ARunThatIsRefusedIsSaid) {
    openAndBind(kSmall);
    const Environment fake("PB_FAKE_TENSORRT", "enqueue=fail");
    EXPECT_EQ(api().runEngine(mOpened, mTold.reporter()), PB_RUN);
    measure({0, 0, 1, 1, 0, 0}, PB_RUN);
}

TEST_F(RunTest, ProfilesEveryLayerInOrder) {
    openAndBind(kSmall);
    const PbLayerTime* layers = nullptr;
    size_t count = 0;
    ASSERT_EQ(api().profileEngine(mOpened, 4, mTold.reporter(), &layers, &count), PB_OK) << mTold.failure;
    ASSERT_EQ(count, 2U);
    EXPECT_STREQ(layers[0].name, "conv1 + relu1");
    EXPECT_DOUBLE_EQ(layers[0].ms, 0.5) << "the mean, without the first run";
    EXPECT_DOUBLE_EQ(layers[1].ms, 1.0);
    EXPECT_EQ(api().runEngine(mOpened, mTold.reporter()), PB_OK);
}

TEST_F(RunTest, InspectsLayersInDetail) {
    mOpened = openClassifier();
    const char* json = nullptr;
    ASSERT_EQ(api().inspectEngine(mOpened, mTold.reporter(), &json), PB_OK);
    EXPECT_NE(std::string(json).find("[ONNX Layer: conv1][ONNX Layer: relu1]"), std::string::npos) << json;
}

TEST_F(RunTest, WhatIsNoEngineOfHereIsRefusedWithTensorRtsWords) {
    ASSERT_EQ(build(request()).status, PB_OK);
    const auto refusal = [&](const std::string& path) {
        Told told;
        PbEngine* engine = nullptr;
        EXPECT_EQ(api().openEngine(library(), path.c_str(), told.reporter(), &engine), PB_ENGINE);
        EXPECT_EQ(engine, nullptr);
        return told;
    };
    EXPECT_NE(refusal(file("none.engine")).failure.find("cannot be read"), std::string::npos);
    EXPECT_TRUE(refusal(write("bad.engine", "nonsense")).hasLogged("Magic tag"));
    EXPECT_TRUE(refusal(write("cut.engine", read(mEngine).substr(0, 60))).hasLogged("cut short"));
    {
        const Environment fake("PB_FAKE_TENSORRT", "version=" + std::to_string(NV_TENSORRT_MAJOR) + "9999");
        EXPECT_TRUE(refusal(mEngine).hasLogged("not compatible with this version"));
    }
    setenv("PB_FAKE_CUDA", "sm=75", 1);
    EXPECT_TRUE(refusal(mEngine).hasLogged("incompatible device"));
}

TEST_F(RunTest, TheGpuIsDescribed) {
    setenv("PB_FAKE_CUDA", "sm=87;memory=4000000000;driver=12040;name=Orin", 1);
    PbGpuInfo gpu = {};
    ASSERT_EQ(api().describeGpu(mTold.reporter(), &gpu), PB_OK) << mTold.failure;
    EXPECT_STREQ(gpu.name, "Orin");
    EXPECT_EQ(gpu.computeCapability, 87);
    EXPECT_EQ(gpu.memoryBytes, 4000000000U);
    EXPECT_EQ(gpu.driverVersion, 12040);
}

} // namespace
} // namespace precision_bench::test
