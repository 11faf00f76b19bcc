#include "repo/superseded.h"

#include <stdlib.h>

uint64_t superseded_entries(const struct manifest *m)
{
    return m->stats.files + m->stats.directories + m->stats.others;
}

struct superseded superseded_of(const struct object_id *id,
                                const struct manifest *m, size_t at)
{
    return (struct superseded){.id = *id,
                               .series = m->series,
                               .number = m->number,
                               .begin = m->begin,
                               .complete = m->complete,
                               .entries = superseded_entries(m),
                               .at = at};
}

/* Whatever supersedes a checkpoint stands before it: in one series the higher
 * numbers come first, of one number what is complete, of one run the
 * checkpoint that reaches farthest. */
static int superseded_order(const void *va, const void *vb)
{
    const struct superseded *a = va;
    const struct superseded *b = vb;
    int c = bytes_cmp(a->series, b->series);

    if (c == 0)
        c = (a->number < b->number) - (a->number > b->number);
    if (c == 0)
        c = b->complete - a->complete;
    if (c == 0)
        c = entry_time_cmp(b->begin, a->begin);
    if (c == 0)
        c = (a->entries < b->entries) - (a->entries > b->entries);
    return c ? c : memcmp(b->id.b, a->id.b, sizeof a->id.b);
}

/* Whether both are checkpoints of one run. */
static bool superseded_same_run(const struct superseded *a,
                                const struct superseded *b)
{
    return !a->complete && !b->complete && a->number == b->number &&
           entry_time_cmp(a->begin, b->begin) == 0 &&
           bytes_equal(a->series, b->series);
}

void superseded_mark(struct superseded *s, size_t n)
{
    bool complete = false; /* one of this series stands before */

    if (n > 0)
        qsort(s, n, sizeof *s, superseded_order);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !bytes_equal(s[i - 1].series, s[i].series))
            complete = false;
        s[i].is =
            !s[i].complete &&
            (complete || (i > 0 && superseded_same_run(&s[i - 1], &s[i])));
        complete |= s[i].complete;
    }
}
