# Horovod 0.28.1 asks CMake for C++14, torch's headers need C++17: the rules file changes what "14" means to the compiler.
set(CMAKE_USER_MAKE_RULES_OVERRIDE_CXX "${CMAKE_CURRENT_LIST_DIR}/rules.cmake")
# Its headers use what they do not include; up to GCC 12 other headers bring it along.
set(CMAKE_CXX_FLAGS_INIT "-include cstdint -include stdexcept -include string")
