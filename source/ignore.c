#include "source/ignore.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"

struct ignore {
    struct ignore *above; /* a reference */
    struct pattern_set *set;
    size_t below;         /* bytes of a path in front of what set is about */
    size_t held_patterns; /* its own and those above */
    size_t held_bytes;    /* of text */
    bool dropped;
    atomic_size_t refs;
};

static int ignore_bound(const struct ignore *i, size_t patterns)
{
    if (patterns > IGNORE_PATTERNS_MAX)
        return err_set(E_LIMIT, "more than 1000 patterns");
    if (i->held_patterns > IGNORE_HELD_PATTERNS_MAX)
        return err_set(E_LIMIT, "more than 4000 patterns, with those of the "
                                "directories above");
    if (i->held_bytes > IGNORE_HELD_BYTES_MAX)
        return err_set(E_LIMIT, "longer than 256 KiB, with those of the "
                                "directories above");
    return 0;
}

int ignore_new(struct ignore *above, struct bytes dir, struct bytes text,
               struct ignore **out)
{
    struct ignore *i = mem_alloc(sizeof *i);
    int rc;

    *out = NULL;
    if (!i)
        return err_set(E_NOMEM, "out of memory for patterns");
    atomic_init(&i->refs, 1);
    i->below = dir.n + (dir.n > 0);
    rc = text.n > IGNORE_BYTES_MAX ? err_set(E_LIMIT, "longer than 64 KiB")
                                   : pattern_set_new(false, &i->set);
    if (rc == 0)
        rc = pattern_set_add_text(i->set, text, IGNORE_NAME);
    i->held_patterns =
        pattern_set_n(i->set) + (above ? above->held_patterns : 0);
    i->held_bytes = text.n + (above ? above->held_bytes : 0);
    if (rc == 0)
        rc = ignore_bound(i, pattern_set_n(i->set));
    if (rc < 0) {
        ignore_unref(i);
        return rc;
    }
    i->above = ignore_ref(above);
    *out = i;
    return 0;
}

struct ignore *ignore_ref(struct ignore *i)
{
    if (i)
        atomic_fetch_add(&i->refs, 1);
    return i;
}

void ignore_unref(struct ignore *i)
{
    while (i && atomic_fetch_sub(&i->refs, 1) == 1) {
        struct ignore *above = i->above;

        pattern_set_free(i->set);
        free(i);
        i = above;
    }
}

void ignore_drop(struct ignore *i)
{
    i->dropped = true;
}

enum ignore_verdict ignore_omits(const struct ignore_rules *rules,
                                 struct ignore *nearest, struct bytes path,
                                 bool is_dir, uint64_t bytes,
                                 struct ignore **costly)
{
    enum pattern_verdict v = pattern_set_match(rules->patterns, path, is_dir);
    uint64_t steps = IGNORE_STEPS_MAX;

    if (v != PATTERN_NONE)
        return v == PATTERN_EXCLUDE ? IGNORE_BY_RULE : IGNORE_KEEP;
    if (rules->larger && bytes > rules->larger)
        return IGNORE_BY_RULE;
    for (; v == PATTERN_NONE && nearest; nearest = nearest->above) {
        if (nearest->dropped)
            continue;
        v = pattern_set_match_within(
            nearest->set,
            bytes_of(path.p + nearest->below, path.n - nearest->below), is_dir,
            &steps);
        if (steps == 0) {
            if (costly)
                *costly = nearest;
            return IGNORE_COSTLY;
        }
    }
    return v == PATTERN_EXCLUDE ? IGNORE_BY_FILE : IGNORE_KEEP;
}
