# find_package(jitsimeet) defines jitsimeet::jitsimeet, the shared library, and jitsimeet::static. Both come with the
# headers. The installation may be moved.
include(CMakeFindDependencyMacro)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_dependency(Threads)

get_filename_component(_jitsimeet_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(NOT TARGET jitsimeet::jitsimeet)
  add_library(jitsimeet::jitsimeet SHARED IMPORTED)
  set_target_properties(jitsimeet::jitsimeet PROPERTIES
    IMPORTED_LOCATION "${_jitsimeet_prefix}/lib/libjitsimeet.so"
    IMPORTED_SONAME "libjitsimeet.so.0"
    INTERFACE_INCLUDE_DIRECTORIES "${_jitsimeet_prefix}/include"
    INTERFACE_LINK_LIBRARIES Threads::Threads)

  add_library(jitsimeet::static STATIC IMPORTED)
  set_target_properties(jitsimeet::static PROPERTIES
    IMPORTED_LOCATION "${_jitsimeet_prefix}/lib/libjitsimeet.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_jitsimeet_prefix}/include"
    INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS};m")
endif()

unset(_jitsimeet_prefix)
