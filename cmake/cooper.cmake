# One folder is one namespace, one static library and one line of the include table
# (docs/architecture.md). A folder links only what MAY_INCLUDE names, so an upward
# include fails to compile or to link; tests/architecture checks the text as well.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
# All here, at the top level: imported targets are visible only below the folder that found them.
find_package(CURL REQUIRED)  # headers; the library is loaded when a registry is spoken to
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)  # shared: Debian's archive of it has no worker threads
# One program: libraries are linked into it where the distribution has their archives. Mapping and relocating twenty
# shared libraries was half of what a cached build took.
set(shared_first ${CMAKE_FIND_LIBRARY_SUFFIXES})
set(CMAKE_FIND_LIBRARY_SUFFIXES .a .so)
set(OPENSSL_USE_STATIC_LIBS TRUE)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(BZip2 REQUIRED)
pkg_check_modules(LZMA REQUIRED IMPORTED_TARGET liblzma)
pkg_check_modules(LIBARCHIVE REQUIRED IMPORTED_TARGET libarchive)
pkg_check_modules(LIBDEFLATE REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(CAP REQUIRED IMPORTED_TARGET libcap)
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)  # used without its shared library
set(CMAKE_FIND_LIBRARY_SUFFIXES ${shared_first})
# What an archive needs and a shared library would bring along.
target_link_libraries(PkgConfig::LIBARCHIVE INTERFACE PkgConfig::LZMA BZip2::BZip2 PkgConfig::ZSTD ZLIB::ZLIB)
target_link_libraries(PkgConfig::SQLITE INTERFACE m ${CMAKE_DL_LIBS})
add_link_options($<$<CONFIG:RelWithDebInfo>:-static-libstdc++> $<$<CONFIG:RelWithDebInfo>:-static-libgcc>)

# The same warnings for every build, so that every build is the same program.
add_library(cooper_options INTERFACE)
target_compile_options(cooper_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-missing-field-initializers -Werror
  -fno-omit-frame-pointer)
target_include_directories(cooper_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(cooper_options INTERFACE _FILE_OFFSET_BITS=64)
target_link_libraries(cooper_options INTERFACE Threads::Threads)

# cooper_folder(<name> MAY_INCLUDE <folders…> LIBS <link libraries…>)
function(cooper_folder name)
  cmake_parse_arguments(ARG "" "" "MAY_INCLUDE;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cc)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS *.h)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  add_library(cooper_${name} STATIC ${sources})
  target_sources(cooper_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR} FILES ${headers})
  list(TRANSFORM ARG_MAY_INCLUDE PREPEND cooper_)
  target_link_libraries(cooper_${name} PUBLIC cooper_options ${ARG_MAY_INCLUDE} PRIVATE ${ARG_LIBS})
  # The standard headers that most files use, compiled once: half of the build's time.
  target_precompile_headers(cooper_${name} PRIVATE <algorithm> <chrono> <functional> <map> <memory>
    <mutex> <optional> <span> <sstream> <string> <string_view> <thread> <unordered_map> <variant> <vector>)
endfunction()

# cooper_tests(<folder> LIBS <libraries…>): every tests/<folder>/*_test.cc in one ctest-discovered binary.
function(cooper_tests folder)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(${folder}_tests ${sources})
  target_link_libraries(${folder}_tests PRIVATE cooper_options ${ARG_LIBS} GTest::gmock GTest::gtest_main)
  target_precompile_headers(${folder}_tests PRIVATE <gmock/gmock.h> <gtest/gtest.h> <filesystem> <functional> <map>
    <memory> <optional> <sstream> <string> <string_view> <thread> <variant> <vector>)
  # Tests are compiled once and run once: quick to build beats quick to run. What they test is optimised.
  target_compile_options(${folder}_tests PRIVATE -O0)
  target_compile_definitions(${folder}_tests PRIVATE COOPER_TESTDATA="${CMAKE_SOURCE_DIR}/testdata")
  gtest_discover_tests(${folder}_tests TEST_PREFIX "${folder}." DISCOVERY_TIMEOUT 60)
endfunction()
