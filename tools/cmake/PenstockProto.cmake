# penstock_proto_library(TARGET SERVICES hook … MESSAGES config …)
#   Generates C++ for proto/penstock/v1/NAME.proto; SERVICES with gRPC stubs as well. The code is
#   included as "penstock/v1/NAME.pb.h" and counts as a system header: our warnings are not for it.
#   ROOT and FOLDER name another place: ROOT/FOLDER/NAME.proto, included as "FOLDER/NAME.pb.h".
# One command a file, so that a changed proto compiles what it generates and what includes it.
include_guard(GLOBAL)

# Sets `result` to the files that `proto`, a path below `root`, imports, through any number of steps.
# (Ninja reads a dependency file of one output only, so that of protoc is of no use.)
function(penstock_proto_imports result root proto)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${root}/${proto})
  file(STRINGS ${root}/${proto} lines REGEX "^import (public )?\"penstock/")
  set(files "")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE ".*\"(.+)\".*" "\\1" import "${line}")
    penstock_proto_imports(further ${root} ${import})
    list(APPEND files ${root}/${import} ${further})
  endforeach()
  list(REMOVE_DUPLICATES files)
  set(${result} ${files} PARENT_SCOPE)
endfunction()

function(penstock_proto_library target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "ROOT;FOLDER" "SERVICES;MESSAGES")
  set(root ${PROJECT_SOURCE_DIR}/proto)
  set(folder penstock/v1)
  if(arg_ROOT)
    set(root ${arg_ROOT})
    set(folder ${arg_FOLDER})
  endif()
  set(out ${CMAKE_CURRENT_BINARY_DIR}/gen)
  file(MAKE_DIRECTORY ${out})
  set(generated "")
  foreach(name IN LISTS arg_SERVICES arg_MESSAGES)
    set(stem ${out}/${folder}/${name})
    set(files ${stem}.pb.h ${stem}.pb.cc)
    set(grpc "")
    if(name IN_LIST arg_SERVICES)
      list(APPEND files ${stem}.grpc.pb.h ${stem}.grpc.pb.cc)
      set(grpc --grpc_out=${out} --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>)
    endif()
    penstock_proto_imports(imports ${root} ${folder}/${name}.proto)
    add_custom_command(
      OUTPUT ${files}
      COMMAND protobuf::protoc -I ${root} --cpp_out=${out} ${grpc}
              ${root}/${folder}/${name}.proto
      DEPENDS ${root}/${folder}/${name}.proto ${imports}
      COMMENT "Generating ${folder}/${name}.pb.*"
      VERBATIM)
    list(APPEND generated ${files})
  endforeach()
  add_library(${target} STATIC ${generated})
  string(REPLACE "penstock_" "penstock::" alias ${target})
  add_library(${alias} ALIAS ${target})
  target_include_directories(${target} SYSTEM PUBLIC $<BUILD_INTERFACE:${out}>)
  string(REPLACE "penstock_" "" name ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(${target} PUBLIC protobuf::libprotobuf)
  if(arg_SERVICES)
    target_link_libraries(${target} PUBLIC gRPC::grpc++)
  endif()
  # It knows nothing of ours, so every floor that may know protobuf may link it.
  set_target_properties(${target} PROPERTIES PENSTOCK_FLOOR 0 PENSTOCK_PURE FALSE)
endfunction()
