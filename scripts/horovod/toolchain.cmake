# Horovod 0.28.1 asks CMake for C++14, torch's headers need C++17: the rules file changes what "14" means to the compiler.
set(CMAKE_USER_MAKE_RULES_OVERRIDE_CXX "${CMAKE_CURRENT_LIST_DIR}/rules.cmake")
