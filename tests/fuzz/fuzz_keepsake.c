/* Keepsakes, sealed and plain: frames that are accepted are written as they
 * were read. */
#include <stdint.h>
#include <stdlib.h>

#include "repo/keepsake.h"
#include "tests/fuzz/fuzz_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_frames(struct bytes in)
{
    struct kept_frames *kept = kept_frames_new();
    struct buf out;
    int rc;

    ASSERT(kept);
    rc = kept_frames_load(NULL, in);
    if (rc == 0) {
        ASSERT(kept_frames_load(kept, in) == 0);
        /* the tree lies in none of them so far */
        buf_init(&out, 64);
        kept_frames_put(kept, 64, &out);
        ASSERT(buf_status(&out) == 0 && out.n == 1 && out.p[0] == 0);
        buf_release(&out);
    }
    kept_frames_free(kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct keyring *keys = fuzz_keys();
    struct bytes series = bytes_of_str("srv@srv");
    struct kept_frames *kept = kept_frames_new();
    struct keepsake k = {.plain = NULL};

    ASSERT(kept);
    if (keepsake_open(keys, series, bytes_of(data, n), kept, &k) == 0)
        keepsake_release(&k);
    kept_frames_free(kept);
    if (keepsake_load(bytes_of(data, n), series, NULL, &k) == 0)
        keepsake_release(&k);
    check_frames(bytes_of(data, n));
    return 0;
}
