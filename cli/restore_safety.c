#include "cli/restore_safety.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "cli/inside.h"
#include "cli/message.h"
#include "cli/words.h"

enum { RESTORE_SAFETY_DENTS = 32 << 10 };

/* ---- open -------------------------------------------------------------- */

static int restore_safety_list(int fd, const char *dir, bool *empty)
{
    uint8_t *dents = mem_alloc(RESTORE_SAFETY_DENTS);
    struct fileop_dirent dent;
    size_t at = 0;
    ssize_t n;

    if (!dents)
        return err_set(E_NOMEM, "out of memory");
    n = fileop_getdents(fd, dents, RESTORE_SAFETY_DENTS);
    *empty = n <= 0 || !fileop_dirent_next(dents, (size_t)n, &at, &dent);
    free(dents);
    return n < 0 ? err_set_errno(E_TARGET, errno, "%s: cannot be listed", dir)
                 : 0;
}

/* Nothing of an earlier restore, or of anybody else, is in dir. */
static int restore_safety_is_new(const char *dir)
{
    bool empty = true;
    int fd = fileop_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
    int rc = 0;

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 && errno == ENOTDIR)
        return err_set(E_USAGE, "--safety-copy: %s: is not a directory", dir);
    if (fd < 0)
        return err_set_errno(E_TARGET, errno, "--safety-copy: %s", dir);
    rc = restore_safety_list(fd, dir, &empty);
    (void)fileop_close(fd);
    if (rc == 0 && !empty)
        rc = err_set(E_USAGE,
                     "--safety-copy: %s: is not empty: it may hold what an "
                     "earlier restore kept; name a new directory",
                     dir);
    return rc;
}

static int restore_safety_fits(const struct opt_set *o, const char *dir)
{
    const char *place = opt_text(o, OPT_REPO);
    bool inside;
    int rc = restore_safety_is_new(dir);

    if (rc == 0)
        rc = inside_dir(dir, place, true, &inside);
    if (rc == 0 && inside)
        rc = err_set(E_USAGE, "--safety-copy: %s: is inside the repository %s",
                     dir, place);
    return rc;
}

static int restore_safety_part(struct restore_safety *s,
                               const struct opt_set *o,
                               struct restore_safety_part *p)
{
    /* places of their own are told apart by their whole paths */
    const char *below = opt_has(o, OPT_IN_PLACE) ? p->target + 1 : "";
    bool inside;
    int rc = jail_safety_open(s->dir, below, &p->copy);

    if (rc == 0)
        rc = inside_dir(p->target, s->dir, true, &inside);
    if (rc == 0 && inside)
        rc = err_set(E_USAGE, "--safety-copy: %s: the target %s is in it",
                     s->dir, p->target);
    return rc;
}

int restore_safety_open(struct restore_safety *s, const struct opt_set *o,
                        const struct buf *const target[], size_t n)
{
    const char *dir = opt_text(o, OPT_SAFETY_COPY);
    int rc = 0;

    if (!dir)
        return 0;
    rc = restore_safety_fits(o, dir);
    if (rc < 0 || opt_has(o, OPT_DRY_RUN))
        return rc;
    s->dir = dir;
    s->part = mem_alloc(n * sizeof *s->part);
    if (!s->part)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < n && rc == 0; i++) {
        s->part[s->n].target = (const char *)target[i]->p;
        rc = restore_safety_part(s, o, &s->part[s->n++]);
    }
    return rc;
}

struct jail_safety *restore_safety_of(const struct restore_safety *s, size_t i)
{
    return s->dir ? s->part[i].copy : NULL;
}

void restore_safety_release(struct restore_safety *s)
{
    while (s->n > 0) {
        struct restore_safety_part *p = &s->part[--s->n];

        if (p->copy)
            jail_safety_tidy(p->copy);
        jail_safety_free(p->copy);
    }
    free(s->part);
    s->part = NULL;
}

/* ---- end --------------------------------------------------------------- */

struct restore_safety_total {
    uint64_t kept;
    uint64_t bytes;
    uint64_t back;
    uint64_t lost;
};

static struct restore_safety_total restore_safety_total(
    const struct restore_safety *s)
{
    struct restore_safety_total t = {.kept = 0};

    for (size_t i = 0; i < s->n; i++) {
        struct jail_safety_progress *p = jail_safety_progress(s->part[i].copy);

        t.kept += atomic_load(&p->kept);
        t.bytes += atomic_load(&p->bytes);
        t.back += atomic_load(&p->back);
        for (unsigned k = 0; k < JAIL_LOST_KINDS; k++)
            t.lost += atomic_load(&p->lost[k]);
    }
    return t;
}

struct restore_safety_stuck {
    struct message_problems problems;
    const char *dir;
};

static void restore_safety_stuck(void *ctx, struct bytes path, const char *why)
{
    struct restore_safety_stuck *stuck = ctx;

    message_problem(&stuck->problems, "%s/%.*s: stays there: %s", stuck->dir,
                    (int)path.n, (const char *)path.p, why);
}

/* Brings everything back, the last target first. */
static void restore_safety_back(const struct restore_safety *s)
{
    struct restore_safety_stuck stuck = {.dir = s->dir};

    for (size_t i = s->n; i-- > 0;) {
        const struct restore_safety_part *p = &s->part[i];

        if (jail_safety_back(p->copy, p->target, restore_safety_stuck, &stuck) <
            0)
            message_warn("%s: what was kept there stays: %s", s->dir,
                         err_text());
        jail_safety_tidy(p->copy);
    }
    message_problems_end(&stuck.problems, "objects stay in the safety copy");
}

static void restore_safety_tell(const struct restore_safety *s, bool failed)
{
    struct restore_safety_total t = restore_safety_total(s);
    char a[WORDS_MAX], b[WORDS_MAX], c[WORDS_MAX];

    if (t.lost > 0)
        message_warn("%s: lacks some metadata of %s of what it holds: its file "
                     "system cannot keep it",
                     s->dir, words_count(t.lost, a));
    if (failed && t.kept > 0)
        message_warn("the restore failed: %s of %s that were overwritten or "
                     "deleted are back; what was new stays",
                     words_count(t.back, a), words_count(t.kept, b));
    else if (t.kept > 0)
        message_note("%s that were overwritten or deleted (%s) are in %s",
                     words_count(t.kept, a), words_size(t.bytes, c), s->dir);
}

static int restore_safety_json(const struct restore_safety *s,
                               struct json_out *j)
{
    struct restore_safety_total t = restore_safety_total(s);

    json_out_begin(j, "safety");
    json_out_text(j, "path", s->dir);
    json_out_u64(j, "kept", t.kept);
    json_out_u64(j, "bytes", t.bytes);
    json_out_u64(j, "back", t.back);
    return json_out_end(j);
}

int restore_safety_end(struct restore_safety *s, struct cli *cli, int rc)
{
    struct err_record first = {0};
    int r = 0;

    if (!s->dir)
        return rc;
    for (size_t i = 0; i < s->n && rc == 0; i++)
        rc = jail_safety_settle(s->part[i].copy);
    if (rc < 0) {
        err_save(rc, &first);
        restore_safety_back(s);
    }
    restore_safety_tell(s, rc < 0);
    if (cli->json)
        r = restore_safety_json(s, cli->json);
    return rc < 0 ? err_load(&first) : r;
}
