# Compiler and linker options that every target of ours shares, as one interface library.
include_guard(GLOBAL)

add_library(penstock_options INTERFACE)
target_include_directories(penstock_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(penstock_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 at -O1 and -O2 sees uninitialized values in a std::optional that is assigned to.
  target_compile_options(penstock_options INTERFACE -Wno-maybe-uninitialized)
endif()
if(PENSTOCK_WERROR)
  target_compile_options(penstock_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # From -O1 on, g++ 12 takes the frame of an Asio coroutine to be deleted by another allocator than
  # made it, where it inlined only one of the two.
  target_compile_options(penstock_options INTERFACE -Wno-mismatched-new-delete)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # To g++, -Wconversion in C++ does not mean -Wsign-conversion; both compilers want the same of us.
  target_compile_options(penstock_options INTERFACE
    -Wthread-safety -Wimplicit-fallthrough -Wno-sign-conversion)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  # Line tables only: two cores link and write far less. A debugger session wants -DCMAKE_CXX_FLAGS=-g.
  string(REPLACE "-g" "-g1" CMAKE_CXX_FLAGS_DEBUG "${CMAKE_CXX_FLAGS_DEBUG}")
endif()
if(PENSTOCK_SANITIZE)
  add_compile_options(-fsanitize=${PENSTOCK_SANITIZE} -fno-omit-frame-pointer -O1)
  add_link_options(-fsanitize=${PENSTOCK_SANITIZE})
  if(PENSTOCK_SANITIZE STREQUAL "thread")
    # ThreadSanitizer does not know fences, and g++ refuses them; Asio's locks order the same things.
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
    # The one that is left, in an executor's count of references, orders nothing but its destruction.
    add_compile_options(-Wno-tsan)
  endif()
endif()
if(PENSTOCK_FUZZ)
  # Everything is instrumented, so that the fuzzer sees into the libraries; tests/fuzz links libFuzzer.
  # The profile counts the lines that a run reaches (tools/check_fuzz.py).
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer -O1 -fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fsanitize=address,undefined -fprofile-instr-generate)
endif()
# ccache when there is one, and no launcher was asked for.
find_program(PENSTOCK_CCACHE NAMES ccache)
if(PENSTOCK_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${PENSTOCK_CCACHE})
endif()
find_program(PENSTOCK_MOLD NAMES mold)
if(PENSTOCK_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
