//! \file files_test.cpp
//! \brief Files that appear whole or not at all, types that have names, libraries that do not open.
#include "engine/atomic_file.h"
#include "engine/types.h"
#include "fixture.h"

#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace precision_bench::test {
namespace {

class FilesTest : public EngineTest {};

TEST_F(FilesTest, AFileIsReplacedWhole) {
    const std::string path = write("plan", "old");
    EXPECT_EQ(writeAtomically(path, "newer", 5), "");
    EXPECT_EQ(read(path), "newer");
    EXPECT_EQ(writeAtomically(path, "", 0), "");
    EXPECT_EQ(read(path), "");
    EXPECT_EQ(files(), (std::vector<std::string>{"net.onnx", "plan"}));
}

TEST_F(FilesTest, NamesOutsideAsciiArePaths) {
    const std::string path = file("模型 é.engine");
    EXPECT_EQ(writeAtomically(path, "x", 1), "");
    EXPECT_EQ(read(path), "x");
}

TEST_F(FilesTest, WhatCannotBeWrittenLeavesTheOldFile) {
    const std::string nowhere = file("none/plan");
    EXPECT_NE(writeAtomically(nowhere, "x", 1).find(nowhere), std::string::npos);
    // A folder with the name of the file: the rename fails after the writing.
    const std::string folder = file("folder");
    ASSERT_EQ(mkdir(folder.c_str(), 0755), 0);
    write("folder/inside", "x");
    EXPECT_NE(writeAtomically(folder, "x", 1), "");
    EXPECT_EQ(files(), (std::vector<std::string>{"folder", "net.onnx"})) << "no file is left aside";
}

TEST_F(FilesTest, AFullDiskIsSaidAndLeavesNothing) {
    if (access("/dev/full", W_OK) != 0) {
        GTEST_SKIP() << "there is no /dev/full";
    }
    // The file aside is a link to a device that takes nothing.
    const std::string path = file("plan");
    const std::string aside = path + "." + std::to_string(getpid()) + ".tmp";
    ASSERT_EQ(symlink("/dev/full", aside.c_str()), 0);
    EXPECT_NE(writeAtomically(path, std::string(100000, 'x').data(), 100000).find("disk full"), std::string::npos);
    EXPECT_EQ(files(), std::vector<std::string>{"net.onnx"});
}

TEST(TypesTest, EveryTypeHasBitsAndAWayBack) {
    for (int number = PB_TYPE_FP32; number <= PB_TYPE_INT4; ++number) {
        const auto type = static_cast<PbDataType>(number);
        EXPECT_GT(bitsOf(type), 0U);
        if (const auto theirs = tensorRtType(type)) {
            EXPECT_EQ(typeOf(*theirs), type);
        }
    }
    EXPECT_EQ(bytesOf(PB_TYPE_INT4, {3, 3}), 5U) << "two to a byte, rounded up";
    EXPECT_EQ(bytesOf(PB_TYPE_FP16, {}), 2U) << "a scalar";
    EXPECT_EQ(bytesOf(PB_TYPE_FP32, {4, 0}), 0U);
}

TEST(TypesTest, LayoutsGoThereAndBack) {
    const uint32_t formats = 1U << PB_FORMAT_LINEAR | 1U << PB_FORMAT_CHW32 | 1U << PB_FORMAT_HWC16;
    ASSERT_TRUE(tensorRtFormats(formats));
    EXPECT_EQ(formatsOf(*tensorRtFormats(formats)), formats);
    EXPECT_FALSE(tensorRtFormats(1U << 30)) << "a layout that nobody knows";
}

TEST(LibraryTest, WhatIsNoTensorRtIsRefused) {
    const PbEngineApi& api = *pb_engine_api();
    EXPECT_EQ(api.apiVersion, static_cast<uint32_t>(PB_ENGINE_API_VERSION));
    const auto refusal = [&](const char* infer, const char* parser) {
        Told told;
        PbLibrary* library = nullptr;
        const PbLibraryPaths paths = {infer, parser};
        EXPECT_EQ(api.openLibrary(&paths, told.reporter(), &library), PB_LIBRARY);
        return told.failure;
    };
    EXPECT_NE(refusal("/none/libnvinfer.so", "/none").find("/none/libnvinfer.so"), std::string::npos);
    EXPECT_NE(refusal("libc.so.6", "libm.so.6").find("entry points"), std::string::npos);
}

using LibraryDeathTest = EngineTest;

TEST_F(LibraryDeathTest, ALibraryOfAnotherMajorIsRefused) {
    const Environment fake("PB_FAKE_TENSORRT", "version=70000");
    Told told;
    PbLibrary* opened = nullptr;
#if PB_TRT_RTX
    const PbLibraryPaths paths = {PB_FAKE_TENSORRT_FOLDER "/libtensorrt_rtx.so.1",
                                  PB_FAKE_TENSORRT_FOLDER "/libtensorrt_onnxparser_rtx.so.1"};
#else
    const std::string major = std::to_string(NV_TENSORRT_MAJOR);
    const std::string infer = PB_FAKE_TENSORRT_FOLDER "/libnvinfer.so." + major;
    const std::string parser = PB_FAKE_TENSORRT_FOLDER "/libnvonnxparser.so." + major;
    const PbLibraryPaths paths = {infer.c_str(), parser.c_str()};
#endif
    EXPECT_EQ(api().openLibrary(&paths, told.reporter(), &opened), PB_LIBRARY);
    EXPECT_NE(told.failure.find("is of major version 7"), std::string::npos) << told.failure;
}

} // namespace
} // namespace precision_bench::test
