#include "repo/pad.h"

#include "base/err.h"

static unsigned pad_log2(uint64_t n)
{
    unsigned e = 0;

    while (n >>= 1)
        e++;
    return e;
}

static uint64_t pad_up(uint64_t n, uint64_t step)
{
    return (n + step - 1) / step * step;
}

uint64_t pad_padme(uint64_t n)
{
    unsigned e;
    unsigned s;

    ASSERT(n >= 2 && n < 1ULL << 62);
    e = pad_log2(n);
    s = pad_log2(e) + 1;
    return e > s ? pad_up(n, 1ULL << (e - s)) : n;
}

uint64_t pad_size(uint64_t n, uint64_t step)
{
    return pad_up(pad_padme(n), step);
}
