/*
 * Patterns, as files and as options hold them, on any path. Up to the first
 * NUL byte: the patterns; behind it the path. The verdict of the matcher, which
 * runs all alternatives side by side, must be that of one that backtracks.
 */
#include <stdint.h>
#include <string.h>

#include "source/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum {
    FUZZ_STEPS = 20000 /* of backtracking; then the reference gives up */
};

/* The reference, for patterns of plain bytes, '?' and '*' only. */
static int match(const uint8_t *p, size_t pn, const uint8_t *t, size_t tn,
                 int *steps)
{
    if (++*steps > FUZZ_STEPS)
        return -1;
    if (pn == 0)
        return tn == 0;
    if (p[0] == '*') {
        size_t stop = 0;

        while (pn > 1 && p[1] == '*') {
            p++;
            pn--;
        }
        for (;; stop++) {
            int r = match(p + 1, pn - 1, t + stop, tn - stop, steps);

            if (r != 0)
                return r;
            if (stop == tn || t[stop] == '/')
                return 0;
        }
    }
    if (tn == 0 || (p[0] == '?' ? t[0] == '/' : t[0] != p[0]))
        return 0;
    return match(p + 1, pn - 1, t + 1, tn - 1, steps);
}

static int is_simple(struct bytes p)
{
    for (size_t i = 0; i < p.n; i++) {
        if (strchr("[\\/!", p.p[i]) && p.p[i] != 0)
            return 0;
    }
    return p.n > 0 && p.n < 60;
}

static void check_reference(struct bytes pattern, struct bytes path)
{
    struct pattern_set *set = NULL;
    const uint8_t *slash;
    int steps = 0;
    int expected;

    if (!is_simple(pattern))
        return;
    ASSERT(pattern_set_new(false, &set) == 0);
    ASSERT(pattern_set_add(set, pattern) == 0);
    slash = memrchr(path.p, '/', path.n);
    if (slash)
        path = bytes_of(slash + 1, (size_t)(path.p + path.n - slash - 1));
    expected = match(pattern.p, pattern.n, path.p, path.n, &steps);
    if (expected >= 0)
        ASSERT((pattern_set_match(set, path, false) == PATTERN_EXCLUDE) ==
               (expected == 1));
    pattern_set_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const uint8_t *nul = n ? memchr(data, 0, n) : NULL;
    struct bytes text = bytes_of(data, nul ? (size_t)(nul - data) : n);
    struct bytes path = {0};
    struct pattern_set *set = NULL;
    int rc;

    if (nul)
        path = bytes_of(nul + 1, n - text.n - 1);
    if (path.n == 0 || path.n > 4096 || n > 8192)
        return 0;
    for (int fold = 0; fold < 2; fold++) {
        ASSERT(pattern_set_new(fold, &set) == 0);
        rc = pattern_set_add_text(set, text, "fuzz");
        ASSERT(rc == 0 || rc == E_USAGE);
        /* below an excluded directory everything is */
        if (pattern_set_match(set, path, true) == PATTERN_EXCLUDE)
            ASSERT(pattern_set_excluded(set, path, true));
        (void)pattern_set_excluded(set, path, false);
        pattern_set_free(set);
    }
    check_reference(text, path);
    return 0;
}
