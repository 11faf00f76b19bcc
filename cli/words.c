#include "cli/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* What text.h appended, as a string. */
static char *words_take(struct buf *b, char out[WORDS_MAX])
{
    size_t n = b->n < WORDS_MAX ? b->n : WORDS_MAX - 1;

    if (n)
        memcpy(out, b->p, n);
    out[n] = 0;
    buf_release(b);
    return out;
}

char *words_size(uint64_t bytes, char out[WORDS_MAX])
{
    struct buf b;

    buf_init(&b, WORDS_MAX);
    text_size(&b, bytes);
    return words_take(&b, out);
}

char *words_duration(int64_t ns, char out[WORDS_MAX])
{
    struct buf b;

    buf_init(&b, WORDS_MAX);
    text_duration(&b, ns > 0 ? (uint64_t)ns : 0);
    return words_take(&b, out);
}

char *words_count(uint64_t n, char out[WORDS_MAX])
{
    char digits[WORDS_MAX];
    size_t len, at = 0;

    (void)snprintf(digits, sizeof digits, "%" PRIu64, n);
    len = strlen(digits);
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}
