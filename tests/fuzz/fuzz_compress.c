/* Compressed forms; and each input has to survive being compressed. */
#include <stdint.h>
#include <stdlib.h>

#include "repo/compress.h"
#include "repo/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct compress_ctx *x;
    static uint8_t out[FRAME_RAW_MAX];
    static uint8_t form[FRAME_RAW_MAX];
    size_t form_n = 0;
    size_t raw_n;

    if (!x)
        ASSERT(compress_ctx_new(&x) == 0);
    if (n < 3 || n > FRAME_RAW_MAX)
        return 0;
    raw_n =
        (size_t)data[0] | (size_t)data[1] << 8 | (size_t)(data[2] & 15) << 16;
    err_ignore(compress_unpack(x, bytes_of(data + 3, n - 3), out, raw_n),
               "most inputs are malformed");
    ASSERT(compress_pack(x, bytes_of(data, n), 1 + data[0] % 5, form,
                         &form_n) == 0);
    if (form_n > 0) {
        ASSERT(form_n < n);
        ASSERT(compress_unpack(x, bytes_of(form, form_n), out, n) == 0);
        ASSERT(memcmp(out, data, n) == 0);
    }
    return 0;
}
