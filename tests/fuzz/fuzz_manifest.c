/* The content of a snapshot: what is accepted says the same when it is written
 * anew, fields included that this program does not know. */
#include <stdint.h>
#include <stdlib.h>

#include "repo/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct manifest_copy a;
    struct manifest_copy b;
    struct buf one;
    struct buf two;

    if (manifest_get(bytes_of(data, n), &a) < 0)
        return 0;
    buf_init(&one, MANIFEST_BYTES_MAX);
    buf_init(&two, MANIFEST_BYTES_MAX);
    manifest_put(&a.m, &one);
    ASSERT(buf_status(&one) == 0);
    ASSERT(manifest_get(buf_bytes(&one), &b) == 0);
    manifest_put(&b.m, &two);
    ASSERT(bytes_equal(buf_bytes(&one), buf_bytes(&two)));
    ASSERT(bytes_equal(a.m.unknown, b.m.unknown));
    ASSERT(a.m.path_n == b.m.path_n && a.m.problem_n == b.m.problem_n);
    manifest_release(&a);
    manifest_release(&b);
    buf_release(&one);
    buf_release(&two);
    return 0;
}
