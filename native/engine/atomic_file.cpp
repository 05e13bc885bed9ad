#include "atomic_file.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

#if defined(_WIN32)
#include <process.h>
#else
#include <unistd.h>
#endif

namespace precision_bench {
namespace {

int processId() {
#if defined(_WIN32)
    return _getpid();
#else
    return getpid();
#endif
}

//! Removes the file when it goes, unless it was given away.
class TemporaryFile {
public:
    explicit TemporaryFile(std::filesystem::path path) : mPath(std::move(path)) {}
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() {
        std::error_code ignored;
        std::filesystem::remove(mPath, ignored);
    }
    const std::filesystem::path& path() const { return mPath; }

private:
    std::filesystem::path mPath;
};

} // namespace

std::string writeAtomically(const std::string& path, const void* data, size_t size) {
    const std::filesystem::path target = std::filesystem::u8path(path);
    // Another process may be writing the same file.
    const TemporaryFile temporary(std::filesystem::u8path(path + "." + std::to_string(processId()) + ".tmp"));
    std::ofstream stream(temporary.path(), std::ios::binary | std::ios::trunc);
    stream.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
    stream.close();
    if (!stream) {
        return path + " could not be written; is the disk full or the folder read-only?";
    }
    std::error_code error;
    std::filesystem::rename(temporary.path(), target, error);
    return error ? path + " could not be written: " + error.message() : std::string();
}

} // namespace precision_bench
