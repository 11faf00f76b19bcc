#include "source/ignore.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"

struct ignore {
    struct ignore *above; /* a reference */
    struct pattern_set *set;
    size_t below; /* bytes of a path in front of what set is about */
    atomic_size_t refs;
};

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
    rc = pattern_set_new(false, &i->set);
    if (rc == 0)
        rc = pattern_set_add_text(i->set, text, IGNORE_NAME);
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

bool ignore_omits(const struct ignore_rules *rules,
                  const struct ignore *nearest, struct bytes path, bool is_dir,
                  uint64_t bytes)
{
    enum pattern_verdict v = pattern_set_match(rules->patterns, path, is_dir);

    if (v == PATTERN_NONE && rules->larger && bytes > rules->larger)
        return true;
    for (; v == PATTERN_NONE && nearest; nearest = nearest->above)
        v = pattern_set_match(
            nearest->set,
            bytes_of(path.p + nearest->below, path.n - nearest->below), is_dir);
    return v == PATTERN_EXCLUDE;
}
