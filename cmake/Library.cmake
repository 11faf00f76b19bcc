# dedup_library(NAME SOURCES... [PUBLIC libs...] [PRIVATE libs...])
# One static library per folder. Third-party libraries go into PRIVATE, so that
# no folder sees another's headers; folders of the house go into PUBLIC.
function(dedup_library name)
  cmake_parse_arguments(L "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${L_SOURCES})
  target_compile_options(${name} PRIVATE ${DEDUP_WARNINGS})
  target_link_libraries(${name} PUBLIC ${L_PUBLIC} PRIVATE ${L_PRIVATE})
endfunction()

# dedup_test(NAME libs...) builds tests/<folder>/NAME.c and adds it to ctest
# under the label of its folder.
function(dedup_test name)
  add_executable(${name} ${name}.c)
  target_compile_options(${name} PRIVATE ${DEDUP_WARNINGS})
  target_link_libraries(${name} PRIVATE ${ARGN} cmocka)
  add_test(NAME ${name} COMMAND ${name})
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  # tests ask for more memory than there is, and expect NULL
  set_tests_properties(${name} PROPERTIES LABELS ${folder} TIMEOUT 900
    ENVIRONMENT "ASAN_OPTIONS=allocator_may_return_null=1;TSAN_OPTIONS=allocator_may_return_null=1")
endfunction()

# dedup_long(SECONDS NAME...): tests of this folder that take about so long. ctest
# begins with the longest, so that none is left to run alone at the end.
function(dedup_long seconds)
  set_tests_properties(${ARGN} PROPERTIES COST ${seconds})
endfunction()

# dedup_fuzz(NAME libs...) builds tests/fuzz/fuzz_NAME.c: as a libFuzzer target
# with -DDEDUP_FUZZ=ON, and always as a replayer of its corpus for ctest.
function(dedup_fuzz name)
  set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
  add_executable(replay_${name} fuzz_${name}.c replay.c)
  target_compile_options(replay_${name} PRIVATE ${DEDUP_WARNINGS})
  target_link_libraries(replay_${name} PRIVATE ${ARGN})
  add_test(NAME replay_${name} COMMAND replay_${name} ${corpus})
  set_tests_properties(replay_${name} PROPERTIES LABELS fuzz TIMEOUT 120)
  if(DEDUP_FUZZ)
    add_executable(fuzz_${name} fuzz_${name}.c)
    target_compile_options(fuzz_${name} PRIVATE ${DEDUP_WARNINGS})
    target_link_libraries(fuzz_${name} PRIVATE ${ARGN} -fsanitize=fuzzer)
  endif()
endfunction()
