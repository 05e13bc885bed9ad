//! \file calibration_test.cpp
//! \brief TensorRT's calibrators: what they are fed, what they write and read, and how they fail.
#include "fixture.h"

#include <cstring>

namespace precision_bench::test {
namespace {

#if PB_TRT_HAS_CALIBRATORS

//! Data that are made batch by batch: batch i is full of i + 1.
struct Data {
    int batches = 3;
    int failsAt = -1;
    int served = 0;
    std::vector<size_t> bytes;
    std::string written;

    PbCalibrator calibrator(PbCalibration algorithm, const PbInputShape* shape) {
        PbCalibrator made = {};
        made.algorithm = algorithm;
        made.quantile = 0.9999;
        made.cutoff = 0.5;
        made.inputs = shape;
        made.inputCount = 1;
        made.user = this;
        made.nextBatch = [](void* user, const PbBatchBuffer* buffers, size_t count) {
            return static_cast<Data*>(user)->fill(buffers, count);
        };
        made.writeCache = [](void* user, const void* data, size_t size) {
            static_cast<Data*>(user)->written.assign(static_cast<const char*>(data), size);
        };
        return made;
    }

private:
    PbBatch fill(const PbBatchBuffer* buffers, size_t count) {
        EXPECT_EQ(count, 1U);
        EXPECT_STREQ(buffers[0].name, "x");
        EXPECT_EQ(buffers[0].type, PB_TYPE_FP32);
        if (served == failsAt) {
            return PB_BATCH_FAILED;
        }
        if (served == batches) {
            return PB_BATCH_END;
        }
        ++served;
        bytes.push_back(buffers[0].bytes);
        auto* values = static_cast<float*>(buffers[0].host);
        for (size_t i = 0; i < buffers[0].bytes / sizeof(float); ++i) {
            values[i] = static_cast<float>(served);
        }
        return PB_BATCH_FILLED;
    }
};

class CalibrationTest : public EngineTest {
protected:
    PbBuildRequest int8Request(const PbCalibrator& calibrator) {
        PbBuildRequest made = request(PB_WEAK);
        made.allowInt8 = 1;
        made.allowFp16 = 1;
        made.calibrator = &calibrator;
        return made;
    }

    const PbInputShape mShape = {"x", 4, kMiddle.data(), nullptr};
};

TEST_F(CalibrationTest, PullsEveryBatchAtTheSizeAskedFor) {
    Data data;
    const PbCalibrator calibrator = data.calibrator(PB_CALIBRATE_ENTROPY2, &mShape);
    const Built built = build(int8Request(calibrator));
    ASSERT_EQ(built.status, PB_OK) << built.told.failure;
    EXPECT_EQ(built.result.calibrationBatches, 3);
    EXPECT_EQ(data.bytes, std::vector<size_t>(3, 4 * 3 * 8 * 8 * sizeof(float)));
    // The largest value was 3: the data were on the GPU when TensorRT looked.
    EXPECT_TRUE(has(data.written, "EntropyCalibration2\n"));
    EXPECT_TRUE(has(data.written, "x: 3cc18306")) << data.written; // 3 / 127
    EXPECT_TRUE(has(read(mEngine), "CaskConv Int8"));
}

TEST_F(CalibrationTest, EveryAlgorithmIsTheOneAskedFor) {
    const std::vector<std::pair<PbCalibration, std::string>> algorithms = {
        {PB_CALIBRATE_ENTROPY2, "-EntropyCalibration2\n"},
        {PB_CALIBRATE_ENTROPY, "-EntropyCalibration\n"},
        {PB_CALIBRATE_MINMAX, "-MinMaxCalibration\n"},
        {PB_CALIBRATE_LEGACY, "-LegacyCalibration\nquantile: 0.999900 cutoff: 0.500000\n"}};
    for (const auto& [algorithm, header] : algorithms) {
        Data data;
        const PbCalibrator calibrator = data.calibrator(algorithm, &mShape);
        ASSERT_EQ(build(int8Request(calibrator)).status, PB_OK);
        EXPECT_TRUE(has(data.written, header)) << data.written;
    }
}

TEST_F(CalibrationTest, ACacheServesInsteadOfData) {
    Data first;
    const PbCalibrator calibrator = first.calibrator(PB_CALIBRATE_MINMAX, &mShape);
    ASSERT_EQ(build(int8Request(calibrator)).status, PB_OK);

    Data second;
    PbCalibrator cached = second.calibrator(PB_CALIBRATE_MINMAX, &mShape);
    cached.cache = first.written.data();
    cached.cacheBytes = first.written.size();
    const Built built = build(int8Request(cached));
    ASSERT_EQ(built.status, PB_OK);
    EXPECT_EQ(built.result.calibrationBatches, 0);
    EXPECT_EQ(second.served, 0);
    EXPECT_TRUE(second.written.empty());
    EXPECT_TRUE(has(read(mEngine), "CaskConv Int8"));

    // A cache of another algorithm is not taken.
    Data third;
    PbCalibrator other = third.calibrator(PB_CALIBRATE_ENTROPY, &mShape);
    other.cache = first.written.data();
    other.cacheBytes = first.written.size();
    const Built again = build(int8Request(other));
    EXPECT_EQ(again.result.calibrationBatches, 3);
    EXPECT_TRUE(again.told.hasLogged("does not match"));
}

TEST_F(CalibrationTest, DataThatFailEndTheBuild) {
    Data data;
    data.failsAt = 1;
    const PbCalibrator calibrator = data.calibrator(PB_CALIBRATE_ENTROPY2, &mShape);
    const Built built = build(int8Request(calibrator));
    EXPECT_EQ(built.status, PB_CALIBRATION);
    EXPECT_EQ(files(), std::vector<std::string>{"net.onnx"})
        << "TensorRT builds on with what it has; nobody wants that";
}

TEST_F(CalibrationTest, NoDataAtAllIsABuildError) {
    Data data;
    data.batches = 0;
    const PbCalibrator calibrator = data.calibrator(PB_CALIBRATE_ENTROPY2, &mShape);
    const Built built = build(int8Request(calibrator));
    EXPECT_EQ(built.status, PB_BUILD);
    EXPECT_TRUE(built.told.hasLogged("no scaling factors"));
}

TEST_F(CalibrationTest, ShapesThatDoNotFitAreRefused) {
    Data data;
    const std::vector<int64_t> wrong = {4, 3, 9, 8};
    const PbInputShape shape = {"x", 4, wrong.data(), nullptr};
    PbCalibrator calibrator = data.calibrator(PB_CALIBRATE_ENTROPY2, &shape);
    const Built built = build(int8Request(calibrator));
    EXPECT_EQ(built.status, PB_INVALID);
    EXPECT_TRUE(has(built.told.failure, "[4, 3, 9, 8], it takes [-1, 3, 8, 8]")) << built.told.failure;
    calibrator.inputCount = 0;
    EXPECT_TRUE(has(build(int8Request(calibrator)).told.failure, "no calibration data for input x"));
}

TEST_F(CalibrationTest, CalibrationIsInFp32WhateverTheBinding) {
    Data data;
    const PbCalibrator calibrator = data.calibrator(PB_CALIBRATE_MINMAX, &mShape);
    const PbIoOption half = {"x", PB_TYPE_FP16, 0};
    PbBuildRequest wanted = int8Request(calibrator);
    wanted.io = &half;
    wanted.ioCount = 1;
    const Built built = build(wanted);
    ASSERT_EQ(built.status, PB_OK) << built.told.failure;
    EXPECT_EQ(built.tensors[0], "in x fp16 -1,3,8,8");
    EXPECT_TRUE(has(data.written, "x: 3cc18306")) << data.written;
}

TEST_F(CalibrationTest, TooLittleMemoryForABatchIsSaid) {
    const Environment gpu("PB_FAKE_CUDA", "memory=1000");
    Data data;
    const PbCalibrator calibrator = data.calibrator(PB_CALIBRATE_ENTROPY2, &mShape);
    const Built built = build(int8Request(calibrator));
    EXPECT_EQ(built.status, PB_NO_MEMORY);
    EXPECT_TRUE(has(built.told.failure, "CUDA_ERROR_OUT_OF_MEMORY"));
}

TEST_F(CalibrationTest, WithoutInt8ThereIsNothingToCalibrate) {
    Data data;
    const PbCalibrator calibrator = data.calibrator(PB_CALIBRATE_ENTROPY2, &mShape);
    PbBuildRequest wanted = int8Request(calibrator);
    wanted.allowInt8 = 0;
    EXPECT_EQ(build(wanted).status, PB_INVALID);
#if PB_TRT_HAS_STRONG_TYPING
    wanted.typing = PB_STRONG;
    EXPECT_EQ(build(wanted).status, PB_INVALID);
#endif
}

#else

class CalibrationTest : public EngineTest {};

TEST_F(CalibrationTest, IsRefused) {
    PbCalibrator calibrator = {};
    PbBuildRequest wanted = request(PB_WEAK);
    wanted.calibrator = &calibrator;
    const Built built = build(wanted);
    EXPECT_EQ(built.status, PB_UNSUPPORTED);
    EXPECT_NE(built.told.failure.find("Q/DQ"), std::string::npos) << built.told.failure;
}

#endif

} // namespace
} // namespace precision_bench::test
