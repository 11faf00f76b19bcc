#define BLAKE3_LANES  16
#define BLAKE3_KERNEL blake3_avx512_x16
#include "base/blake3_lanes.h"
