# penstock_proto(NAME DIR): generated later by proto/CMakeLists.txt
include_guard(GLOBAL)
