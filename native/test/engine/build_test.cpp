//! \file build_test.cpp
//! \brief Builds against the fake: what comes out, and what is said and left behind when nothing does.
#include "fixture.h"

#include <chrono>
#include <dlfcn.h>
#include <fstream>
#include <thread>
#include <unistd.h>

namespace precision_bench::test {
namespace {

using ::testing::ExitedWithCode;
using ::testing::KilledBySignal;

class BuildTest : public EngineTest {
protected:
    void SetUp() override {
        EngineTest::SetUp();
        setenv("PB_FAKE_CUDA", "sm=89", 1); // what the requests of RTX build for
    }
    void TearDown() override {
        unsetenv("PB_FAKE_CUDA");
        EngineTest::TearDown();
    }

    //! What the fake builder was told, and the layers that it made, as its engine says.
    std::string engineText() const { return read(mEngine); }
};

TEST_F(BuildTest, WritesAnEngineAndTellsOfIt) {
    const Built built = build(request());
    ASSERT_EQ(built.status, PB_OK) << built.told.failure;
    EXPECT_EQ(built.result.networkLayers, 3);
    EXPECT_EQ(built.result.engineBytes, engineText().size());
    EXPECT_TRUE(has(engineText(), "conv1 + relu1"));
    EXPECT_EQ(built.tensors, (std::vector<std::string>{"in x fp32 -1,3,8,8", "out y fp32 -1,10"}));
    EXPECT_EQ(files(), (std::vector<std::string>{"net.engine", "net.onnx"}));
}

TEST_F(BuildTest, ProgressGrowsToTheEnd) {
    const Built built = build(request());
    ASSERT_EQ(built.status, PB_OK);
    if (!kHasProgressMonitor) {
        EXPECT_EQ(built.told.fractions.back(), -1) << "TensorRT 8 cannot tell";
        return;
    }
    for (size_t i = 1; i < built.told.fractions.size(); ++i) {
        EXPECT_GE(built.told.fractions[i], built.told.fractions[i - 1]);
    }
    EXPECT_DOUBLE_EQ(built.told.fractions.back(), 1);
}

TEST_F(BuildTest, OptionsReachTheBuilder) {
    PbBuildRequest wanted = request();
    wanted.tf32 = 1;
    wanted.workspaceBytes = 1 << 20;
#if PB_TRT_HAS_DLA
    wanted.dlaCore = 1;
    wanted.gpuFallback = 1;
#endif
    ASSERT_EQ(build(wanted).status, PB_OK);
    EXPECT_TRUE(has(engineText(), "tf32=1 workspace=1048576"));
#if PB_TRT_HAS_DLA
    EXPECT_TRUE(has(engineText(), "dla=1 fallback=1"));
#endif
    EXPECT_TRUE(has(engineText(), "_tf32"));
    ASSERT_EQ(build(request()).status, PB_OK);
    EXPECT_TRUE(has(engineText(), "tf32=0 workspace=0")) << "TF32 is on in TensorRT unless it is cleared";
    EXPECT_FALSE(has(engineText(), "_tf32"));
}

TEST_F(BuildTest, KernelsAreTimedMoreThanOnce) {
    ASSERT_EQ(build(request()).status, PB_OK);
    EXPECT_TRUE(has(engineText(), PB_TRT_RTX ? "averaged=1 " : "averaged=8 ")) << engineText();
}

TEST_F(BuildTest, TypingIsThatOfTheRequestOrRefused) {
    Built strong = build(request(PB_STRONG));
    EXPECT_EQ(strong.status, kHasStrongTyping ? PB_OK : PB_UNSUPPORTED);
    PbBuildRequest half = request(PB_WEAK);
    half.allowFp16 = 1;
    const Built weak = build(half);
    if (!kHasWeakTyping) {
        EXPECT_EQ(weak.status, PB_UNSUPPORTED);
        EXPECT_TRUE(has(weak.told.failure, "strong")) << weak.told.failure;
        return;
    }
    ASSERT_EQ(weak.status, PB_OK) << weak.told.failure;
    EXPECT_TRUE(has(engineText(), "strong=0"));
    EXPECT_TRUE(has(engineText(), "CaskConv FP16"));
}

TEST_F(BuildTest, WeakTypesThatAMajorHasNotAreRefused) {
    if (!kHasWeakTyping) {
        GTEST_SKIP() << "no weak typing";
    }
    PbBuildRequest wanted = request(PB_WEAK);
    wanted.allowBf16 = 1;
    EXPECT_EQ(build(wanted).status, PB_TRT_HAS_WEAK_BF16 ? PB_OK : PB_UNSUPPORTED);
    wanted = request(PB_WEAK);
    wanted.allowFp8 = 1;
    EXPECT_EQ(build(wanted).status, PB_TRT_HAS_WEAK_FP8 ? PB_OK : PB_UNSUPPORTED);
}

TEST_F(BuildTest, LayersKeepTheTypesAskedFor) {
    const PbLayerPrecision layers[] = {{"fc", PB_TYPE_FP32}, {"gone", PB_TYPE_FP32}};
    PbBuildRequest wanted = request(PB_WEAK);
    wanted.allowFp16 = 1;
    wanted.layerPrecisions = layers;
    wanted.layerPrecisionCount = 2;
    wanted.constraints = PB_OBEY_CONSTRAINTS;
    const Built built = build(wanted);
    if (!kHasWeakTyping) {
        EXPECT_EQ(built.status, PB_UNSUPPORTED);
        return;
    }
    ASSERT_EQ(built.status, PB_OK) << built.told.failure;
    EXPECT_TRUE(has(engineText(), "CaskConv FP16"));
    EXPECT_TRUE(has(engineText(), "CaskGemm FP32"));
    EXPECT_EQ(built.unknownLayers, std::vector<std::string>{"gone"});
    EXPECT_NE(build(request(PB_STRONG)).status, PB_INVALID);
}

TEST_F(BuildTest, ConstraintsAreObeyedOrPreferred) {
    if (!kHasWeakTyping) {
        GTEST_SKIP() << "no weak typing";
    }
    const Environment fake("PB_FAKE_TENSORRT", "refuse=fc");
    const PbLayerPrecision layer = {"fc", PB_TYPE_FP16};
    PbBuildRequest wanted = request(PB_WEAK);
    wanted.layerPrecisions = &layer;
    wanted.layerPrecisionCount = 1;
    wanted.constraints = PB_OBEY_CONSTRAINTS;
    const Built obeying = build(wanted);
    EXPECT_EQ(obeying.status, PB_BUILD);
    EXPECT_TRUE(obeying.told.hasLogged("fc"));
    wanted.constraints = PB_PREFER_CONSTRAINTS;
    EXPECT_EQ(build(wanted).status, PB_OK);
    EXPECT_TRUE(has(engineText(), "CaskGemm FP32"));
}

TEST_F(BuildTest, BindingsTakeTypesAndLayouts) {
    const PbIoOption options[] = {{"x", PB_TYPE_FP16, 1U << PB_FORMAT_CHW4 | 1U << PB_FORMAT_LINEAR},
                                  {"y", PB_TYPE_UNKNOWN, 1U << PB_FORMAT_HWC8}};
    PbBuildRequest wanted = request(PB_WEAK);
    wanted.io = options;
    wanted.ioCount = 2;
    if (kHasWeakTyping) {
        const Built weak = build(wanted);
        ASSERT_EQ(weak.status, PB_OK) << weak.told.failure;
        EXPECT_EQ(weak.tensors[0], "in x fp16 -1,3,8,8");
    }
    if (kHasStrongTyping) {
        wanted.typing = PB_STRONG;
        const Built strong = build(wanted);
        EXPECT_EQ(strong.status, PB_INVALID);
        EXPECT_TRUE(has(strong.told.failure, "x is fp32 there, not fp16")) << strong.told.failure;
        wanted.io = &options[1];
        wanted.ioCount = 1;
        EXPECT_EQ(build(wanted).status, PB_OK) << "layouts are free under strong typing";
    }
    const PbIoOption unknown = {"z", PB_TYPE_UNKNOWN, 1};
    wanted.io = &unknown;
    wanted.ioCount = 1;
    const Built refused = build(wanted);
    EXPECT_EQ(refused.status, PB_INVALID);
    EXPECT_TRUE(has(refused.told.failure, "z is no input or output"));
}

TEST_F(BuildTest, SeveralProfilesWithValuesOfShapes) {
    onnx_writer::Graph graph = {{{"x", onnx_writer::kFloat, {-1, 4}}, {"shape", onnx_writer::kInt64, {2}}},
                                {{"y", onnx_writer::kFloat, {-1, -1}}},
                                {{"reshape", "Reshape", {"x", "shape"}, {"y"}}},
                                {}};
    const std::string onnx = write("reshape.onnx", onnx_writer::serialize(graph));
    const std::vector<int64_t> low = {1, 4}, high = {8, 4}, two = {2}, least = {1, 1}, most = {32, 32};
    const std::vector<PbProfileInput> inputs = {{"x", 0, 2, low.data(), low.data(), high.data()},
                                                {"shape", 1, 2, least.data(), low.data(), most.data()}};
    const PbProfile profiles[] = {{inputs.data(), 2}, {inputs.data(), 2}};
    PbBuildRequest wanted = request();
    wanted.onnxPath = onnx.c_str();
    wanted.profiles = profiles;
    wanted.profileCount = 2;
    const Built built = build(wanted);
    ASSERT_EQ(built.status, PB_OK) << built.told.failure;
    EXPECT_TRUE(has(engineText(), "values=1 values=1"));
    EXPECT_TRUE(has(built.tensors[1], "shape"));

    PbEngine* engine = open(mEngine);
    ASSERT_NE(engine, nullptr);
    Told told;
    PbEngineInfo info = {};
    ASSERT_EQ(api().describeEngine(engine, told.reporter(), &info), PB_OK);
    EXPECT_EQ(info.profiles, 2);
    EXPECT_EQ(info.tensorCount, 3U) << "bindings of later profiles are the same tensors";
    EXPECT_EQ(info.tensors[1].holdsShape, 1);
#if PB_TRT_MODERN
    const int64_t target[] = {4, 2};
#else
    const int32_t target[] = {4, 2};
#endif
    const std::vector<int64_t> actual = {2, 4};
    const PbInputShape shapes[] = {{"x", 2, actual.data(), nullptr}, {"shape", 1, two.data(), target}};
    const PbBinding* bindings = nullptr;
    size_t count = 0;
    ASSERT_EQ(api().bindEngine(engine, shapes, 2, told.reporter(), &bindings, &count), PB_OK) << told.failure;
    EXPECT_EQ(std::vector<int64_t>(bindings[2].dims, bindings[2].dims + 2), (std::vector<int64_t>{4, 2}));
    EXPECT_EQ(api().runEngine(engine, told.reporter()), PB_OK) << told.failure;
    api().closeEngine(engine);
}

TEST_F(BuildTest, ProfilesThatDoNotFitAreRefused) {
    const std::vector<int64_t> large = {9, 3, 8, 8}, small = {1, 3, 8, 8};
    const PbProfileInput input = {"x", 0, 4, large.data(), small.data(), large.data()};
    const PbProfile profile = {&input, 1};
    PbBuildRequest wanted = request();
    wanted.profiles = &profile;
    const Built built = build(wanted);
    EXPECT_EQ(built.status, PB_INVALID);
    EXPECT_TRUE(has(built.told.failure, "profile 1"));

    const std::vector<int64_t> many(20, 1);
    const PbProfileInput tooMany = {"x", 0, many.size(), many.data(), many.data(), many.data()};
    const PbProfile overlong = {&tooMany, 1};
    wanted.profiles = &overlong;
    EXPECT_EQ(build(wanted).status, PB_INVALID);

    wanted.profileCount = 0;
    const Built without = build(wanted);
    EXPECT_EQ(without.status, PB_BUILD);
    EXPECT_TRUE(without.told.hasLogged("no optimization profile"));
}

TEST_F(BuildTest, CompatibilityIsAskedForOrRefused) {
    PbBuildRequest wanted = request();
    wanted.versionCompatible = 1;
    wanted.hardwareCompatible = 1;
    const Built built = build(wanted);
    EXPECT_EQ(built.status, PB_TRT_HAS_COMPATIBILITY ? PB_OK : PB_UNSUPPORTED) << built.told.failure;
}

#if PB_TRT_USES_CUDNN
TEST_F(BuildTest, KernelsOfLibrariesThatAreMissingAreLeftOut) {
    const auto isInstalled = [](const char* name) { return dlopen(name, RTLD_LAZY) != nullptr; };
    const bool hasCudnn = isInstalled("libcudnn.so.8") || isInstalled("libcudnn.so.7");
    ASSERT_EQ(build(request()).status, PB_OK);
    EXPECT_TRUE(has(engineText(), hasCudnn ? "cudnn=1" : "cudnn=0")) << engineText();
}
#endif

TEST_F(BuildTest, OtherTargetsAreForRtxOnly) {
    const int32_t targets[] = {75, 89};
    PbBuildRequest wanted = request();
    wanted.computeCapabilities = targets;
    wanted.computeCapabilityCount = 2;
    EXPECT_EQ(build(wanted).status, PB_TRT_RTX ? PB_OK : PB_UNSUPPORTED);
#if PB_TRT_RTX
    const int32_t unknown = 53;
    wanted.computeCapabilities = &unknown;
    wanted.computeCapabilityCount = 1;
    const Built refused = build(wanted);
    EXPECT_EQ(refused.status, PB_UNSUPPORTED);
    EXPECT_TRUE(has(refused.told.failure, "sm_53"));
    wanted = request();
    wanted.dlaCore = 0;
    EXPECT_EQ(build(wanted).status, PB_UNSUPPORTED);
#endif
}

TEST_F(BuildTest, TheParserNamesTheNode) {
    const Environment fake("PB_FAKE_TENSORRT", "parse=fc");
    const Built built = build(request());
    EXPECT_EQ(built.status, PB_PARSE);
    ASSERT_EQ(built.told.errors.size(), 1U);
    EXPECT_TRUE(has(built.told.errors[0], PB_TRT_MODERN ? "fc (Gemm): Plugin not found" : "2 (): Plugin not found"))
        << built.told.errors[0];
    EXPECT_EQ(files(), std::vector<std::string>{"net.onnx"});
}

TEST_F(BuildTest, AFileThatIsNoModelIsAParserError) {
    write("net.onnx", "\x3a\xff\xff nonsense");
    const Built built = build(request());
    EXPECT_EQ(built.status, PB_PARSE);
    EXPECT_FALSE(built.told.errors.empty());
}

TEST_F(BuildTest, ABuilderThatFailsLeavesNothing) {
    write("net.engine", "the engine of yesterday");
    const Environment fake("PB_FAKE_TENSORRT", "build=fail");
    const Built built = build(request());
    EXPECT_EQ(built.status, PB_BUILD);
    EXPECT_TRUE(built.told.hasLogged("Could not find any implementation for node conv1"));
    EXPECT_EQ(engineText(), "the engine of yesterday");
    EXPECT_EQ(files(), (std::vector<std::string>{"net.engine", "net.onnx"}));
}

TEST_F(BuildTest, NoBuilderIsItsOwnStatusAndTheNextTryMayWork) {
    {
        const Environment fake("PB_FAKE_TENSORRT", "builder=none");
        const Built built = build(request());
        EXPECT_EQ(built.status, PB_NO_BUILDER);
        EXPECT_TRUE(built.told.hasLogged("error: 35"));
        Told told;
        PbLibraryInfo info = {};
        ASSERT_EQ(api().describeLibrary(library(), told.reporter(), &info), PB_OK);
        EXPECT_EQ(info.hasBuilder, 0);
    }
    EXPECT_EQ(build(request()).status, PB_OK);
}

TEST_F(BuildTest, TooLittleMemoryIsItsOwnStatus) {
    {
        const Environment fake("PB_FAKE_TENSORRT", "build=oom");
        EXPECT_EQ(build(request()).status, PB_NO_MEMORY);
    }
    {
        const Environment fake("PB_FAKE_TENSORRT", "gpu=2000000");
        const Environment gpu("PB_FAKE_CUDA", "memory=1000000");
        const Built built = build(request());
        EXPECT_EQ(built.status, PB_NO_MEMORY);
        EXPECT_TRUE(built.told.hasLogged("OutOfMemory"));
    }
    // Memory that was short once says nothing of the next build.
    const Environment fake("PB_FAKE_TENSORRT", "build=fail");
    EXPECT_EQ(build(request()).status, PB_BUILD);
}

TEST_F(BuildTest, CancellingEndsTheBuildSoonAndLeavesNothing) {
    const Environment fake("PB_FAKE_TENSORRT", kHasProgressMonitor ? "steps=1000;stepMs=10" : "steps=20;stepMs=10");
    for (int round = 0; round < 20; ++round) {
        using Clock = std::chrono::steady_clock;
        const auto start = Clock::now();
        const Built built = build(request(), [&] { return Clock::now() - start > std::chrono::milliseconds(30); });
        const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
        ASSERT_EQ(built.status, PB_CANCELLED);
        ASSERT_LT(seconds, 2);
        ASSERT_EQ(files(), std::vector<std::string>{"net.onnx"});
        if (!kHasProgressMonitor && round == 1) {
            break; // 8 hears of it only at its end
        }
    }
    unsetenv("PB_FAKE_TENSORRT");
    EXPECT_EQ(build(request()).status, PB_OK) << "the builder is as good as new";
}

TEST_F(BuildTest, AnEngineThatCannotBeWrittenIsSaid) {
    const std::string nowhere = file("no/such/folder/net.engine");
    PbBuildRequest wanted = request();
    wanted.enginePath = nowhere.c_str();
    const Built built = build(wanted);
    EXPECT_EQ(built.status, PB_WRITE);
    EXPECT_TRUE(has(built.told.failure, nowhere));
}

TEST_F(BuildTest, TimingsAreKeptAndSharedBetweenBuilds) {
    const std::string cache = file("timings");
    PbBuildRequest wanted = request();
    wanted.timingCachePath = cache.c_str();
    if (!PB_TRT_HAS_TIMING_CACHE) {
        ASSERT_EQ(build(wanted).status, PB_OK);
        EXPECT_EQ(files(), (std::vector<std::string>{"net.engine", "net.onnx"}));
        return;
    }
    const Built first = build(wanted);
    ASSERT_EQ(first.status, PB_OK);
    EXPECT_EQ(first.result.timingCacheBytes, 0U);
    const std::string kept = read(cache);
    EXPECT_TRUE(has(kept, "conv1"));
    // Another process finds other layers while this one builds.
    write("timings", kept + "elsewhere\n");
    const Built second = build(wanted);
    EXPECT_GT(second.result.timingCacheBytes, kept.size());
    EXPECT_TRUE(has(read(cache), "elsewhere"));
    EXPECT_TRUE(has(read(cache), "fc"));
    // Timings of another GPU are of no use and are replaced.
    const Environment gpu("PB_FAKE_CUDA", "sm=75");
    const Built other = build(wanted);
    EXPECT_EQ(other.status, PB_OK);
    EXPECT_EQ(other.result.timingCacheBytes, 0U);
    EXPECT_FALSE(has(read(cache), "elsewhere"));
    EXPECT_TRUE(has(read(cache), "sm75"));
}

TEST_F(BuildTest, TimingsOfAnotherProcessDuringTheBuildAreKept) {
    if (!PB_TRT_HAS_TIMING_CACHE) {
        GTEST_SKIP() << "no timing cache";
    }
    const std::string cache = file("timings");
    PbBuildRequest wanted = request();
    wanted.timingCachePath = cache.c_str();
    ASSERT_EQ(build(wanted).status, PB_OK);
    const std::string kept = read(cache);
    std::filesystem::remove(cache);
    const Environment fake("PB_FAKE_TENSORRT", "steps=1;stepMs=300");
    std::thread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        write("timings", kept + "elsewhere\n");
    });
    EXPECT_EQ(build(wanted).status, PB_OK);
    other.join();
    EXPECT_TRUE(has(read(cache), "elsewhere"));
}

//! Resident memory of this process.
size_t residentBytes() {
    std::ifstream file("/proc/self/statm");
    size_t total = 0, resident = 0;
    file >> total >> resident;
    return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

TEST_F(BuildTest, TwoHundredEnginesDoNotAddUp) {
    size_t after20 = 0;
    int objects = 0;
    for (int i = 0; i < 200; ++i) {
        ASSERT_EQ(build(request()).status, PB_OK);
        PbEngine* engine = open(mEngine);
        ASSERT_NE(engine, nullptr);
        Told told;
        const PbInputShape shape = {"x", 4, kMiddle.data(), nullptr};
        const PbBinding* bindings = nullptr;
        size_t count = 0;
        ASSERT_EQ(api().bindEngine(engine, &shape, 1, told.reporter(), &bindings, &count), PB_OK);
        ASSERT_EQ(api().runEngine(engine, told.reporter()), PB_OK) << told.failure;
        api().closeEngine(engine);
        ASSERT_EQ(liveOnGpu(), 0);
        if (i == 20) {
            after20 = residentBytes();
            objects = liveObjects();
        }
    }
    EXPECT_EQ(liveObjects(), objects) << "the builder and the runtime stay, nothing else does";
    // The sanitizer keeps freed memory for a while, 256 MB by default; engines here are of a few kB.
    EXPECT_LT(residentBytes(), after20 + (50U << 20));
}

using BuildDeathTest = BuildTest;

TEST_F(BuildDeathTest, ACrashOfTheBuilderIsACrash) {
    // Nothing can be done about it in this process: the worker's client makes an error of it.
    EXPECT_DEATH(
        {
            const Environment fake("PB_FAKE_TENSORRT", "build=crash");
            build(request());
        },
        "");
}

} // namespace
} // namespace precision_bench::test
