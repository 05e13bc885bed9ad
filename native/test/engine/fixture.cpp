#include "fixture.h"

#include <algorithm>
#include <dlfcn.h>
#include <fstream>
#include <iterator>

namespace precision_bench::test {
namespace {

const char* wordOf(PbDataType type) {
    switch (type) {
    case PB_TYPE_FP32:
        return "fp32";
    case PB_TYPE_FP16:
        return "fp16";
    case PB_TYPE_INT8:
        return "int8";
    case PB_TYPE_INT32:
        return "int32";
    case PB_TYPE_INT64:
        return "int64";
    default:
        return "other";
    }
}

//! A counter that a fake library exports; the library is in the process already.
template <typename Number>
Number counter(const std::string& library, const char* name) {
    void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_NOLOAD);
    if (handle == nullptr) {
        return 0;
    }
    const auto function = reinterpret_cast<Number (*)()>(dlsym(handle, name));
    const Number value = function();
    dlclose(handle);
    return value;
}

} // namespace

const PbReporter* Told::reporter() {
    mReporter.user = this;
    mReporter.log = [](void* user, PbSeverity severity, const char* line) {
        static_cast<Told*>(user)->log.push_back((severity == PB_ERROR ? "error: " : "") + std::string(line));
    };
    mReporter.progress = [](void* user, const char*, double fraction) {
        static_cast<Told*>(user)->fractions.push_back(fraction);
    };
    mReporter.parserError = [](void* user, const PbParserError* error) {
        const std::string node = error->nodeName != nullptr ? error->nodeName : std::to_string(error->nodeIndex);
        const std::string operation = error->nodeOperator != nullptr ? error->nodeOperator : "";
        static_cast<Told*>(user)->errors.push_back(node + " (" + operation + "): " + error->reason);
    };
    mReporter.failure = [](void* user, const char* reason) { static_cast<Told*>(user)->failure = reason; };
    mReporter.cancelled = [](void* user) { return static_cast<Told*>(user)->isCancelled() ? 1 : 0; };
    return &mReporter;
}

bool Told::hasLogged(const std::string& words) const {
    return std::any_of(log.begin(), log.end(),
                       [&](const std::string& line) { return line.find(words) != std::string::npos; });
}

PbLibraryPaths EngineTest::paths() {
#if PB_TRT_RTX
    return {PB_FAKE_TENSORRT_FOLDER "/libtensorrt_rtx.so.1",
            PB_FAKE_TENSORRT_FOLDER "/libtensorrt_onnxparser_rtx.so.1"};
#else
    static const std::string major = std::to_string(NV_TENSORRT_MAJOR);
    static const std::string infer = PB_FAKE_TENSORRT_FOLDER "/libnvinfer.so." + major;
    static const std::string parser = PB_FAKE_TENSORRT_FOLDER "/libnvonnxparser.so." + major;
    return {infer.c_str(), parser.c_str()};
#endif
}

void EngineTest::SetUp() {
    std::string pattern = (std::filesystem::temp_directory_path() / "engine-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    mFolder = pattern;
    Told told;
    const PbLibraryPaths where = paths();
    ASSERT_EQ(api().openLibrary(&where, told.reporter(), &mLibrary), PB_OK) << told.failure;
    mOnnx = write("net.onnx", onnx_writer::serialize(onnx_writer::classifier()));
    mEngine = file("net.engine");
}

void EngineTest::TearDown() {
    if (mLibrary != nullptr) {
        api().closeLibrary(mLibrary);
    }
    EXPECT_EQ(liveObjects(), 0) << "objects of TensorRT were not destroyed";
    EXPECT_EQ(liveOnGpu(), 0) << "memory, streams or events of the GPU were not given back";
    std::filesystem::remove_all(mFolder);
}

std::string EngineTest::write(const std::string& name, const std::string& content) const {
    std::ofstream(file(name), std::ios::binary) << content;
    return file(name);
}

std::string EngineTest::read(const std::string& path) const {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::vector<std::string> EngineTest::files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(mFolder)) {
        names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

PbBuildRequest EngineTest::request(PbTyping typing) {
    mInputs = {{"x", 0, kSmall.size(), kSmall.data(), kMiddle.data(), kLarge.data()}};
    mProfile = {mInputs.data(), mInputs.size()};
    PbBuildRequest made = {};
    made.onnxPath = mOnnx.c_str();
    made.enginePath = mEngine.c_str();
    made.profiles = &mProfile;
    made.profileCount = 1;
#if PB_TRT_RTX
    mComputeCapabilities = {89};
    made.computeCapabilities = mComputeCapabilities.data();
    made.computeCapabilityCount = 1;
#endif
    made.optimizationLevel = 3;
    made.workspaceBytes = -1;
    made.dlaCore = -1;
    made.typing = typing;
    return made;
}

Built EngineTest::build(PbBuildRequest request, std::function<bool()> isCancelled) {
    Built built = {};
    if (isCancelled) {
        built.told.isCancelled = std::move(isCancelled);
    }
    request.user = &built;
    request.unknownLayer = [](void* user, const char* layer) {
        static_cast<Built*>(user)->unknownLayers.emplace_back(layer);
    };
    request.networkTensor = [](void* user, const PbNetworkTensor* tensor) {
        std::string sizes;
        for (size_t i = 0; i < tensor->rank; ++i) {
            sizes += (i == 0 ? "" : ",") + std::to_string(tensor->dims[i]);
        }
        static_cast<Built*>(user)->tensors.push_back(std::string(tensor->isInput != 0 ? "in " : "out ") + tensor->name +
                                                     " " + wordOf(tensor->type) + " " + sizes +
                                                     (tensor->holdsShape != 0 ? " shape" : ""));
    };
    built.status = api().build(mLibrary, &request, built.told.reporter(), &built.result);
    return built;
}

PbEngine* EngineTest::open(const std::string& path) {
    Told told;
    PbEngine* engine = nullptr;
    const PbStatus status = api().openEngine(mLibrary, path.c_str(), told.reporter(), &engine);
    EXPECT_EQ(status, PB_OK) << told.failure;
    return engine;
}

PbEngine* EngineTest::openClassifier() {
    const Built built = build(request());
    EXPECT_EQ(built.status, PB_OK) << built.told.failure;
    return open(mEngine);
}

int EngineTest::liveObjects() const {
    return counter<int>(paths().infer, "pb_fake_live_objects") + counter<int>(paths().parser, "pb_fake_live_objects");
}

long EngineTest::liveOnGpu() const { return counter<long>("libcuda.so.1", "pb_fake_cuda_live"); }

} // namespace precision_bench::test
