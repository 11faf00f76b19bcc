# The warning set of CONTRIBUTING.md; an error with both compilers.
set(DEDUP_WARNINGS
  -Wall -Wextra -Wpedantic -Werror -Wconversion -Wsign-conversion -Wshadow
  -Wcast-qual -Wcast-align -Wpointer-arith -Wstrict-prototypes
  -Wmissing-prototypes -Wold-style-definition -Wwrite-strings -Wundef -Wvla
  -Walloca -Wformat=2 -Wnull-dereference -Wswitch-enum -Wimplicit-fallthrough)
# The sanitizers make frames larger than those of a release.
if(NOT DEDUP_SANITIZE)
  list(APPEND DEDUP_WARNINGS -Wframe-larger-than=8192)
endif()
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  list(APPEND DEDUP_WARNINGS -Wlogical-op -Wduplicated-cond
    -Wduplicated-branches -Wformat-signedness -Warith-conversion)
else()
  list(APPEND DEDUP_WARNINGS -Wthread-safety -Wcomma
    -Wmissing-variable-declarations -Wconditional-uninitialized)
endif()
