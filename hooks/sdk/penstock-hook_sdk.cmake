# The target penstock::hook_sdk.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(absl CONFIG)
find_dependency(Protobuf)  # module mode: Debian ships no protobuf-config.cmake; before gRPC
find_dependency(gRPC CONFIG)
find_dependency(PkgConfig)
pkg_check_modules(GMIME REQUIRED IMPORTED_TARGET gmime-3.0)
pkg_check_modules(IDN2 REQUIRED IMPORTED_TARGET libidn2)

include(${CMAKE_CURRENT_LIST_DIR}/penstock-targets.cmake)
