#include "tests/repo/codec_loops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"

/* A copy without a byte to spare. */
static uint8_t *codec_loops_copy(struct bytes in, size_t n)
{
    uint8_t *p = malloc(n ? n : 1);

    assert_non_null(p);
    memcpy(p, in.p, n < in.n ? n : in.n);
    return p;
}

void codec_loops_truncate(codec_loops_fn *decode, void *ctx, struct bytes in,
                          size_t optional)
{
    size_t passed = 0;

    for (size_t n = 0; n < in.n; n++) {
        uint8_t *p = codec_loops_copy(in, n);
        int rc = decode(ctx, bytes_of(p, n));

        free(p);
        passed += rc == 0;
        if (rc != 0 && rc != E_CORRUPT && rc != E_UNSUPPORTED)
            fail_msg("the first %zu of %zu bytes: %d %s", n, in.n, rc,
                     err_text());
    }
    assert_int_equal(passed, optional);
}

size_t codec_loops_flip(codec_loops_fn *decode, void *ctx, struct bytes in,
                        int may_pass)
{
    static const uint8_t change[] = {0x01, 0x80, 0xff};
    uint8_t *p = codec_loops_copy(in, in.n);
    size_t passed = 0;

    for (size_t i = 0; i < in.n; i++) {
        for (size_t k = 0; k < sizeof change; k++) {
            int rc;

            p[i] ^= change[k];
            rc = decode(ctx, bytes_of(p, in.n));
            p[i] ^= change[k];
            passed += rc == 0;
            if (rc != E_CORRUPT && rc != E_UNSUPPORTED && rc != E_LIMIT &&
                !(rc == 0 && may_pass))
                fail_msg("byte %zu of %zu ^ %02x: %d %s", i, in.n, change[k],
                         rc, err_text());
        }
    }
    free(p);
    return passed;
}

void codec_loops_longer(codec_loops_fn *decode, void *ctx, struct bytes in)
{
    uint8_t *p = codec_loops_copy(in, in.n + 1);
    int rc;

    p[in.n] = 0;
    rc = decode(ctx, bytes_of(p, in.n + 1));
    free(p);
    assert_int_equal(rc, E_CORRUPT);
}
