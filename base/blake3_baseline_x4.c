/* 128-bit vectors of any machine. Big-endian ones have the scalar kernel. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BLAKE3_LANES  4
#define BLAKE3_KERNEL blake3_baseline_x4
#include "base/blake3_lanes.h"
#else
typedef int blake3_baseline_is_empty;
#endif
