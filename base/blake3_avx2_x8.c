#define BLAKE3_LANES  8
#define BLAKE3_KERNEL blake3_avx2_x8
#include "base/blake3_lanes.h"
