/*
 * The options that a snapshot records, which `restore --delete` goes by:
 * whatever they say is understood or refused; and what is understood can be
 * asked about any path.
 *
 * The first byte: whether what rules left out is deleted, too.
 */
#include <stddef.h>
#include <stdint.h>

#include "cli/restore_mirror.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void ask(const struct restore_mirror *r)
{
    static const char *const path[] = {"a", "srv/www/x.tmp", "home/A/.cache/b",
                                       "var/lib/[x]/*"};

    for (size_t i = 0; r->patterns && i < sizeof path / sizeof *path; i++)
        (void)pattern_set_excluded(r->patterns, bytes_of_str(path[i]), i % 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct restore_mirror r = {.unread = NULL};
    struct manifest m = {.complete = true};
    int rc;

    if (n == 0)
        return 0;
    m.options = bytes_of(data + 1, n - 1);
    rc = restore_mirror_recorded(&m, data[0] & 1, &r);
    ASSERT(rc == 0 || rc == E_REFUSED || rc == E_USAGE);
    if (rc == 0)
        ask(&r);
    restore_mirror_release(&r);
    return 0;
}
