/* bytes: a borrowed run of bytes, passed by value. Who lends it says for how
 * long it stays valid. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *p; /* may be NULL when n is 0 */
    size_t n;
};

static inline struct bytes bytes_of(const void *p, size_t n)
{
    return (struct bytes){p, n};
}

static inline struct bytes bytes_of_str(const char *s)
{
    return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static inline int bytes_equal(struct bytes a, struct bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* bytes_is_zero: whether all of x are zeros; none at all are. */
static inline int bytes_is_zero(struct bytes x)
{
    return x.n == 0 || (x.p[0] == 0 && memcmp(x.p, x.p + 1, x.n - 1) == 0);
}

/* bytes_cmp: order by byte value, a prefix before what it begins. <0, 0, >0 */
static inline int bytes_cmp(struct bytes a, struct bytes b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;

    return c ? c : (a.n > b.n) - (a.n < b.n);
}

#endif
