#include "cli/snap_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/nearest.h"
#include "cli/when.h"

static const char snap_spec_latest[] = "latest";
static const char snap_spec_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "abcdefghijklmnopqrstuvwxyz"
                                        "0123456789._@+-";

/* The snapshots that a NAME leaves to choose from. */
struct snap_spec_pick {
    const struct snap_spec_ref *ref;
    size_t ref_n;
    size_t *found; /* indices into ref; room for ref_n */
    size_t found_n;
};

bool snap_spec_series_ok(const char *text)
{
    size_t n = strlen(text);

    return n >= 1 && n <= SNAP_SPEC_NAME_MAX &&
           strspn(text, snap_spec_letters) == n &&
           strcmp(text, snap_spec_latest) != 0;
}

/* Whether text has min letters or more, all of them hex digits as ids are
 * printed. */
static bool snap_spec_hex_from(const char *text, size_t min)
{
    size_t n = strlen(text);

    return n >= min && n <= ID_HEX_CHARS &&
           strspn(text, "0123456789abcdef") == n;
}

static bool snap_spec_hex_ok(const char *text)
{
    return snap_spec_hex_from(text, SNAP_SPEC_HEX_MIN);
}

/* What is neither "latest" nor like a series must be a date; ids look like
 * series. text is the whole SPEC, for the message. */
static int snap_spec_check_name(const char *name, const char *text)
{
    struct entry_time until;
    bool is_date;
    int rc;

    if (strcmp(name, snap_spec_latest) == 0 || snap_spec_series_ok(name))
        return 0;
    rc = when_parse(name, &is_date, &until);
    if (rc < 0 || is_date)
        return rc;
    if (strpbrk(text, ":/"))
        return err_set(E_USAGE,
                       "'%s': a snapshot comes first, and the path in it "
                       "begins with ':/', as in latest:/etc",
                       text);
    return err_set(E_USAGE, "'%s' is not 'latest', a series, an id or a date",
                   text);
}

static int snap_spec_check_path(const char *path, const char *text)
{
    for (const char *p = path; *p; p += strcspn(p, "/")) {
        size_t n;

        p += strspn(p, "/");
        n = strcspn(p, "/");
        if ((n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
            return err_set(
                E_USAGE, "'%s': a path in a snapshot has no '.' or '..'", text);
    }
    return 0;
}

/* "~N", and nothing after it. */
static bool snap_spec_parse_older(const char *p, size_t n, uint32_t *older)
{
    uint32_t v = 0;

    if (n < 2 || n > 10)
        return false;
    for (size_t i = 1; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        v = v * 10 + (uint32_t)(p[i] - '0');
    }
    *older = v;
    return true;
}

int snap_spec_parse(struct snap_spec *s, const char *text)
{
    const char *path = strstr(text, ":/");
    size_t n = path ? (size_t)(path - text) : strlen(text);
    const char *tilde = memchr(text, '~', n);
    size_t name_n = tilde ? (size_t)(tilde - text) : n;
    int rc;

    memset(s, 0, sizeof *s);
    if (name_n == 0)
        return err_set(E_USAGE, "'%s' names no snapshot", text);
    if (name_n > SNAP_SPEC_NAME_MAX)
        return err_set(E_USAGE, "'%s': too long for a snapshot's name", text);
    memcpy(s->name, text, name_n);
    if (tilde && !snap_spec_parse_older(tilde, n - name_n, &s->older))
        return err_set(E_USAGE, "'%s': a number must follow '~'", text);
    rc = snap_spec_check_name(s->name, text);
    if (rc < 0 || !path)
        return rc;
    s->path = path + 1;
    return snap_spec_check_path(s->path, text);
}

/* Newest first: by time, and by id where that is equal, so that the answer
 * never depends on the order in which a store lists. */
static int snap_spec_by_time(const void *va, const void *vb, void *arg)
{
    const struct snap_spec_pick *p = arg;
    const struct snap_spec_ref *a = &p->ref[*(const size_t *)va];
    const struct snap_spec_ref *b = &p->ref[*(const size_t *)vb];
    int c = entry_time_cmp(b->time, a->time);

    return c ? c : memcmp(b->id.b, a->id.b, sizeof a->id.b);
}

/* Within one series its own count says what is newer; clocks may be set. */
static int snap_spec_by_sequence(const void *va, const void *vb, void *arg)
{
    const struct snap_spec_pick *p = arg;
    const struct snap_spec_ref *a = &p->ref[*(const size_t *)va];
    const struct snap_spec_ref *b = &p->ref[*(const size_t *)vb];

    if (a->sequence != b->sequence)
        return a->sequence < b->sequence ? 1 : -1;
    return snap_spec_by_time(va, vb, arg);
}

static void snap_spec_sort(struct snap_spec_pick *p,
                           int (*order)(const void *, const void *, void *))
{
    qsort_r(p->found, p->found_n, sizeof p->found[0], order, p);
}

static bool snap_spec_id_begins(const struct snap_spec_ref *r, const char *hex)
{
    char full[ID_HEX_CHARS + 1];

    return strncmp(id_hex(r->id.b, sizeof r->id.b, full), hex, strlen(hex)) ==
           0;
}

static void snap_spec_find_series(struct snap_spec_pick *p, const char *series,
                                  bool *known)
{
    *known = false;
    for (size_t i = 0; i < p->ref_n; i++) {
        if (strcmp(p->ref[i].series, series) != 0)
            continue;
        *known = true;
        if (p->ref[i].complete)
            p->found[p->found_n++] = i;
    }
    snap_spec_sort(p, snap_spec_by_sequence);
}

static void snap_spec_find_until(struct snap_spec_pick *p,
                                 const struct entry_time *until)
{
    for (size_t i = 0; i < p->ref_n; i++) {
        if (p->ref[i].complete &&
            (!until || entry_time_cmp(p->ref[i].time, *until) <= 0))
            p->found[p->found_n++] = i;
    }
    snap_spec_sort(p, snap_spec_by_time);
}

static void snap_spec_find_id(struct snap_spec_pick *p, const char *hex)
{
    for (size_t i = 0; i < p->ref_n; i++) {
        if (snap_spec_id_begins(&p->ref[i], hex))
            p->found[p->found_n++] = i;
    }
    snap_spec_sort(p, snap_spec_by_time);
}

/* The one snapshot found stays first; the complete ones of its series that
 * are older follow it, for ~N. */
static void snap_spec_add_older(struct snap_spec_pick *p)
{
    size_t base = p->found[0];

    for (size_t i = 0; i < p->ref_n; i++) {
        if (i != base && p->ref[i].complete &&
            strcmp(p->ref[i].series, p->ref[base].series) == 0 &&
            snap_spec_by_sequence(&base, &i, p) < 0)
            p->found[p->found_n++] = i;
    }
    snap_spec_sort(p, snap_spec_by_sequence);
}

static void snap_spec_candidate(struct snap_spec_answer *a, size_t index)
{
    if (a->candidate_n < SNAP_SPEC_CANDIDATES_MAX)
        a->candidate[a->candidate_n++] = index;
    else
        a->more = true;
}

/* Whether what was found is of one series; else its newest of each series
 * become the candidates. found is sorted, newest first. */
static bool snap_spec_one_series(const struct snap_spec_pick *p,
                                 struct snap_spec_answer *a)
{
    for (size_t i = 0; i < p->found_n && !a->more; i++) {
        const char *series = p->ref[p->found[i]].series;
        bool seen = false;

        for (size_t k = 0; k < a->candidate_n && !seen; k++)
            seen = strcmp(p->ref[a->candidate[k]].series, series) == 0;
        if (!seen)
            snap_spec_candidate(a, p->found[i]);
    }
    if (a->candidate_n > 1)
        return false;
    a->candidate_n = 0;
    return true;
}

static int snap_spec_unknown(const struct snap_spec *s,
                             const struct snap_spec_pick *p)
{
    struct nearest near;

    nearest_init(&near, s->name);
    for (size_t i = 0; i < p->ref_n; i++) {
        if (p->ref[i].series[0])
            nearest_offer(&near, p->ref[i].series);
    }
    if (near.best)
        return err_set(E_NOTFOUND,
                       "no snapshot '%s'; did you mean the series '%s'?",
                       s->name, near.best);
    if (snap_spec_hex_from(s->name, 1) && !snap_spec_hex_ok(s->name))
        return err_set(E_NOTFOUND,
                       "no snapshot '%s'; if that begins an id, give at least "
                       "%d of its digits",
                       s->name, SNAP_SPEC_HEX_MIN);
    return err_set(E_NOTFOUND, "no snapshot '%s'; 'dedup snapshots' lists them",
                   s->name);
}

/* Nothing is complete, but a run has begun: where to find what it left. */
static int snap_spec_only_checkpoints(const char *what)
{
    return err_set(E_NOTFOUND,
                   "%s, only checkpoints of runs that did not end: 'dedup "
                   "snapshots --all' lists them, and with --all or by its id "
                   "one can be used",
                   what);
}

/* latest, or the newest at or before a date. */
static int snap_spec_resolve_until(struct snap_spec_pick *p,
                                   const struct snap_spec *s,
                                   const struct entry_time *until,
                                   bool one_series, struct snap_spec_answer *a)
{
    snap_spec_find_until(p, until);
    if (one_series && !snap_spec_one_series(p, a))
        return err_set(E_USAGE,
                       "'%s': there are several series; name one, or the id "
                       "of one snapshot",
                       s->name);
    if (p->found_n)
        return 0;
    if (until)
        return err_set(E_NOTFOUND, "no snapshot is as old as %s", s->name);
    for (size_t i = 0; i < p->ref_n; i++) {
        if (p->ref[i].series[0])
            return snap_spec_only_checkpoints("there is no complete snapshot "
                                              "yet");
    }
    return err_set(E_NOTFOUND, "there is no complete snapshot yet");
}

static int snap_spec_resolve_id(struct snap_spec_pick *p,
                                const struct snap_spec *s,
                                struct snap_spec_answer *a)
{
    if (snap_spec_hex_ok(s->name))
        snap_spec_find_id(p, s->name);
    if (p->found_n == 0)
        return snap_spec_unknown(s, p);
    if (p->found_n > 1) {
        for (size_t i = 0; i < p->found_n; i++)
            snap_spec_candidate(a, p->found[i]);
        return err_set(E_USAGE, "'%s': %zu snapshots' ids begin so", s->name,
                       p->found_n);
    }
    snap_spec_add_older(p);
    return 0;
}

/* Leaves in p->found what ~N counts in, newest first. */
static int snap_spec_resolve_name(struct snap_spec_pick *p,
                                  const struct snap_spec *s, bool one_series,
                                  struct snap_spec_answer *a)
{
    char what[SNAP_SPEC_NAME_MAX + 64];
    struct entry_time until;
    bool known, is_date;
    int rc;

    if (strcmp(s->name, snap_spec_latest) == 0)
        return snap_spec_resolve_until(p, s, NULL, one_series, a);
    snap_spec_find_series(p, s->name, &known);
    if (known) {
        for (size_t i = 0; snap_spec_hex_ok(s->name) && i < p->ref_n; i++)
            a->shadows |= snap_spec_id_begins(&p->ref[i], s->name);
        if (p->found_n)
            return 0;
        (void)snprintf(what, sizeof what,
                       "the series '%s' has no complete snapshot yet", s->name);
        return snap_spec_only_checkpoints(what);
    }
    rc = when_parse(s->name, &is_date, &until);
    if (rc < 0)
        return rc;
    if (is_date)
        return snap_spec_resolve_until(p, s, &until, one_series, a);
    return snap_spec_resolve_id(p, s, a);
}

int snap_spec_resolve(const struct snap_spec *s,
                      const struct snap_spec_ref *ref, size_t n,
                      bool one_series, struct snap_spec_answer *a)
{
    struct snap_spec_pick p = {ref, n, NULL, 0};
    int rc;

    memset(a, 0, sizeof *a);
    p.found = mem_array(n, sizeof *p.found);
    if (!p.found)
        return err_set(E_NOMEM, "choosing among %zu snapshots", n);
    rc = snap_spec_resolve_name(&p, s, one_series, a);
    if (rc < 0)
        goto out;
    if (s->older >= p.found_n) {
        rc = err_set(E_NOTFOUND, "'%s~%u': only %zu older there", s->name,
                     s->older, p.found_n - 1);
        goto out;
    }
    a->index = p.found[s->older];
out:
    free(p.found);
    return rc;
}
