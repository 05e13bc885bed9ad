//! \file atomic_file.h
//! \brief A file that appears whole or not at all.
#pragma once

#include <cstddef>
#include <string>

namespace precision_bench {

//! \brief Writes \p size bytes beside \p path and renames.
//! \return an empty string, or why it failed; nothing is left behind then
std::string writeAtomically(const std::string& path, const void* data, size_t size);

} // namespace precision_bench
