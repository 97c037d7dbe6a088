# Declares the libraries and tests of the house and keeps its floors.
#
#   penstock_library(rules FLOOR 2 PURE DIR engine/rules
#     COMPONENTS pattern select            # finds x.h and, where there is one, x.cc
#     DEPS penstock::base penstock::mail)
#   penstock_test(rules KIND unit COMPONENTS pattern select)   # tests/unit/rules/pattern_test.cc …
#
# A library may link only libraries of a lower floor. PURE: none of its dependencies, through any
# number of steps, is Asio, gRPC, protobuf or nlohmann_json.
include_guard(GLOBAL)
if(BUILD_TESTING)
  include(Catch)
endif()

# One test takes no longer; sanitizers are slow.
set(PENSTOCK_TEST_SECONDS 60)
if(PENSTOCK_SANITIZE)
  set(PENSTOCK_TEST_SECONDS 300)
endif()
set(PENSTOCK_IMPURE_REGEX "^(gRPC::|protobuf::|Boost::|nlohmann_json)")

function(penstock_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "PURE" "FLOOR;DIR" "COMPONENTS;DEPS")
  set(target penstock_${name})
  set(headers "")
  set(sources "")
  foreach(component IN LISTS arg_COMPONENTS)
    list(APPEND headers ${PROJECT_SOURCE_DIR}/${arg_DIR}/${component}.h)
    if(EXISTS ${PROJECT_SOURCE_DIR}/${arg_DIR}/${component}.cc)
      list(APPEND sources ${PROJECT_SOURCE_DIR}/${arg_DIR}/${component}.cc)
    endif()
  endforeach()
  if(sources)
    set(scope PUBLIC)
    add_library(${target} STATIC ${sources})
  else()
    set(scope INTERFACE)
    add_library(${target} INTERFACE)
  endif()
  add_library(penstock::${name} ALIAS ${target})
  target_sources(${target} ${scope} FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${headers})
  # What is installed asks nothing of its user's compiler but the language.
  target_link_libraries(${target} ${scope} ${arg_DEPS} $<BUILD_INTERFACE:penstock_options>)
  target_compile_features(${target} ${scope} cxx_std_20)
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  set_target_properties(${target} PROPERTIES PENSTOCK_FLOOR ${arg_FLOOR} PENSTOCK_PURE ${arg_PURE})

  foreach(dep IN LISTS arg_DEPS)
    if(dep MATCHES "^penstock::(.+)$")
      get_target_property(dep_floor penstock_${CMAKE_MATCH_1} PENSTOCK_FLOOR)
      get_target_property(dep_pure penstock_${CMAKE_MATCH_1} PENSTOCK_PURE)
      if(NOT dep_floor LESS arg_FLOOR)
        message(FATAL_ERROR "penstock::${name} (floor ${arg_FLOOR}) links ${dep} (floor ${dep_floor})")
      endif()
      if(arg_PURE AND NOT dep_pure)
        message(FATAL_ERROR "penstock::${name} is PURE and links ${dep}, which is not")
      endif()
    elseif(arg_PURE AND dep MATCHES "${PENSTOCK_IMPURE_REGEX}")
      message(FATAL_ERROR "penstock::${name} is PURE and links ${dep}")
    endif()
  endforeach()
endfunction()

# One executable per library and kind. The kind is the ctest label; the library is the name's prefix.
# SLOW: test cases tagged [.slow] are hidden from that and run as one test, NAME/slow, label slow.
# `-w NoTests` makes a test case that ctest cannot find again fail instead of passing with nothing run.
function(penstock_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SLOW" "KIND" "COMPONENTS;DEPS")
  if(NOT BUILD_TESTING)
    return()
  endif()
  set(target ${name}_${arg_KIND}_test)
  list(TRANSFORM arg_COMPONENTS REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/tests/${arg_KIND}/${name}/\\1_test.cc")
  add_executable(${target} ${arg_COMPONENTS})
  target_link_libraries(${target} PRIVATE penstock::${name} ${arg_DEPS} penstock_options Catch2::Catch2WithMain)
  if(TARGET penstock_test_support)
    target_link_libraries(${target} PRIVATE penstock_test_support)
  endif()
  penstock_test_needs(${arg_KIND} ${target})
  catch_discover_tests(${target} TEST_PREFIX "${name}/" EXTRA_ARGS -w NoTests
    PROPERTIES LABELS ${arg_KIND} TIMEOUT ${PENSTOCK_TEST_SECONDS})
  if(arg_SLOW)
    add_test(NAME ${name}/slow COMMAND ${target} "[slow]" -w NoTests)
    set_tests_properties(${name}/slow PROPERTIES LABELS slow TIMEOUT 3600)
    penstock_test_needs(slow ${target})
  endif()
endfunction()

# Says that the tests with this ctest label need these targets: `tools/check LABEL` builds no more.
function(penstock_test_needs label)
  string(REPLACE "-" "_" name tests_${label})
  if(NOT TARGET ${name})
    add_custom_target(${name})
  endif()
  add_dependencies(${name} ${ARGN})
endfunction()

# Optimizes these sources of tests in debug builds as well: they run a million cases.
function(penstock_quick)
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -O2)
endfunction()
