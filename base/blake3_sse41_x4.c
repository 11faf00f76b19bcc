#define BLAKE3_LANES  4
#define BLAKE3_KERNEL blake3_sse41_x4
#include "base/blake3_lanes.h"
