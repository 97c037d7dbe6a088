# find_package(penstock REQUIRED COMPONENTS hook_sdk): the target penstock::hook_sdk.
foreach(component IN LISTS penstock_FIND_COMPONENTS)
  if(NOT component STREQUAL "hook_sdk")
    set(penstock_FOUND FALSE)
    set(penstock_NOT_FOUND_MESSAGE "penstock has no component ${component}; it has hook_sdk")
    return()
  endif()
endforeach()

include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(absl CONFIG)
find_dependency(Protobuf)  # module mode: Debian ships no protobuf-config.cmake; before gRPC
find_dependency(gRPC CONFIG)
find_dependency(PkgConfig)
pkg_check_modules(GMIME REQUIRED IMPORTED_TARGET gmime-3.0)
pkg_check_modules(IDN2 REQUIRED IMPORTED_TARGET libidn2)

include(${CMAKE_CURRENT_LIST_DIR}/penstock-targets.cmake)
