#include "cli/find_want.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/entry_out.h"
#include "cli/when.h"

static int find_want_type(const struct opt_set *o, struct find_want *w)
{
    static const enum entry_type all[] = {
        ENTRY_FILE,  ENTRY_DIR,  ENTRY_SYMLINK, ENTRY_CHAR,
        ENTRY_BLOCK, ENTRY_FIFO, ENTRY_SOCKET};
    const char *said = opt_text(o, OPT_TYPE);

    w->has_type = said != NULL;
    for (size_t i = 0; said && i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(said, entry_out_type(all[i])) == 0)
            w->type = all[i];
    }
    return 0;
}

/* "+SIZE": more than that, "-SIZE": less, "SIZE": just that. */
static int find_want_size(const struct opt_set *o, struct find_want *w)
{
    const char *said = opt_text(o, OPT_SIZE);
    uint64_t size = 0;
    int rc;

    w->size_max = UINT64_MAX;
    if (!said)
        return 0;
    rc = text_parse_size(said + strspn(said, "+-"), 0, INT64_MAX, &size);
    if (rc == 0 && strspn(said, "+-") > 1)
        rc = err_set(E_USAGE, "'%s' is no size", said);
    if (rc < 0)
        return err_add(rc, "--size");
    if (*said == '-' && size == 0)
        return err_set(
            E_USAGE,
            "--size %s: no file is smaller; empty ones are of '--size 0'",
            said);
    if (*said != '-')
        w->size_min = size + (*said == '+');
    if (*said != '+')
        w->size_max = size - (*said == '-');
    return 0;
}

/* A date, or how long ago. */
static int find_want_date(const struct opt_set *o, enum opt_id id, bool *has,
                          struct entry_time *t)
{
    const char *said = opt_text(o, id);
    uint64_t ago;
    bool of_day;

    *has = said != NULL;
    if (!said)
        return 0;
    if (text_parse_duration(said, 0, INT64_MAX / CLOCK_SECOND_NS, &ago) == 0) {
        t->s = clock_realtime_ns() / CLOCK_SECOND_NS - (int64_t)ago;
        return 0;
    }
    return err_add(when_parse_start(said, &of_day, t), "--%s",
                   opt_info(id)->name);
}

/* One pattern alone, for which nothing can be taken back. */
static int find_want_names(const struct opt_set *o, struct find_want *w)
{
    const char *said = o->arg[0];
    int rc;

    if (*said == '!')
        return err_set(E_USAGE,
                       "'%s': '!' takes back what other patterns match, and "
                       "there are none; a backslash before it takes it as it "
                       "is",
                       said);
    rc = pattern_set_new(opt_has(o, OPT_IGNORE_CASE), &w->names);
    if (rc == 0)
        rc = pattern_set_add(w->names, bytes_of_str(said));
    if (rc == 0 && !pattern_set_can_match(w->names))
        rc = err_set(E_USAGE,
                     *said ? "'%s': this pattern matches nothing: '[' needs "
                             "its ']'; a backslash before a byte takes it as "
                             "it is"
                           : "'%s': an empty pattern matches nothing; '*' "
                             "matches everything",
                     said);
    return rc;
}

int find_want_make(const struct opt_set *o, struct find_want *w)
{
    int rc;

    *w = (struct find_want){.names = NULL};
    rc = find_want_names(o, w);
    if (rc == 0)
        rc = find_want_type(o, w);
    if (rc == 0)
        rc = find_want_size(o, w);
    if (rc == 0)
        rc = find_want_date(o, OPT_NEWER, &w->has_newer, &w->newer);
    if (rc == 0)
        rc = find_want_date(o, OPT_OLDER, &w->has_older, &w->older);
    return rc;
}

void find_want_release(struct find_want *w)
{
    pattern_set_free(w->names);
}

bool find_want_matches(const struct find_want *w, struct bytes path,
                       const struct tree_entry *te)
{
    const struct entry *e = &te->e;

    if (path.n == 0 || (w->has_type && e->type != w->type) ||
        e->size < w->size_min || e->size > w->size_max ||
        (w->has_newer && entry_time_cmp(e->mtime, w->newer) < 0) ||
        (w->has_older && entry_time_cmp(e->mtime, w->older) >= 0))
        return false;
    /* a size is that of a file */
    if ((w->size_min > 0 || w->size_max < UINT64_MAX) && e->type != ENTRY_FILE)
        return false;
    return pattern_set_match(w->names, path, e->type == ENTRY_DIR) ==
           PATTERN_EXCLUDE;
}
