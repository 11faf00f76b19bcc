#include "cli/restore_safety.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "cli/inside.h"
#include "cli/message.h"
#include "cli/words.h"

/* ---- open -------------------------------------------------------------- */

static int restore_safety_apart(const char *dir, const struct buf *target)
{
    bool inside;
    int rc = inside_dir((const char *)target->p, dir, true, &inside);

    if (rc == 0 && inside)
        rc = err_set(E_USAGE, "--safety-copy: %s: the target %s is in it", dir,
                     (const char *)target->p);
    return rc;
}

/* Of a directory that is there: nothing of a target, nor of the repository. */
static int restore_safety_fits(const struct opt_set *o, const char *dir,
                               const struct buf *const target[], size_t n)
{
    const char *place = opt_text(o, OPT_REPO);
    struct stat st;
    bool inside;
    int rc = inside_dir(dir, place, true, &inside);

    if (rc == 0 && inside)
        rc = err_set(E_USAGE, "--safety-copy: %s: is inside the repository %s",
                     dir, place);
    if (rc < 0)
        return rc;
    if (fileop_fstatat(AT_FDCWD, dir, &st, 0) < 0)
        return errno == ENOENT
                   ? 0
                   : err_set_errno(E_TARGET, errno, "--safety-copy: %s", dir);
    if (!S_ISDIR(st.st_mode))
        return err_set(E_USAGE, "--safety-copy: %s: is not a directory", dir);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = restore_safety_apart(dir, target[i]);
    return rc;
}

/* Places of their own are told apart by their whole paths. */
static int restore_safety_places(struct restore_safety *s,
                                 const struct buf *const target[], bool own)
{
    int rc = 0;

    s->at = mem_alloc(s->n * sizeof *s->at);
    if (!s->at)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < s->n && rc == 0; i++) {
        rc = restore_safety_apart(s->dir, target[i]);
        if (rc == 0)
            rc = jail_safety_at(
                s->copy, own ? (const char *)target[i]->p + 1 : "", &s->at[i]);
    }
    return rc;
}

int restore_safety_open(struct restore_safety *s, const struct opt_set *o,
                        const struct buf *const target[], size_t n)
{
    const char *dir = opt_text(o, OPT_SAFETY_COPY);
    bool own = opt_has(o, OPT_IN_PLACE);
    int rc = 0;

    if (!dir)
        return 0;
    rc = restore_safety_fits(o, dir, target, n);
    if (rc < 0 || opt_has(o, OPT_DRY_RUN))
        return rc;
    rc =
        jail_safety_open(dir, own ? "/" : (const char *)target[0]->p, &s->copy);
    if (rc < 0)
        return err_add(rc, "--safety-copy");
    s->dir = dir;
    s->n = n;
    return restore_safety_places(s, target, own);
}

struct jail_keep *restore_safety_of(const struct restore_safety *s, size_t i)
{
    return s->dir ? s->at[i] : NULL;
}

void restore_safety_release(struct restore_safety *s)
{
    if (s->copy)
        jail_safety_tidy(s->copy);
    jail_safety_free(s->copy);
    free(s->at);
    *s = (struct restore_safety){.dir = NULL};
}

/* ---- end --------------------------------------------------------------- */

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

static void restore_safety_back(const struct restore_safety *s)
{
    struct restore_safety_stuck stuck = {.dir = s->dir};

    if (jail_safety_back(s->copy, restore_safety_stuck, &stuck) < 0)
        message_warn("the safety copy %s: %s", s->dir, err_text());
    message_problems_end(&stuck.problems, "objects stay in the safety copy");
}

/* What the copy could not be given; root could have had all of it. */
static void restore_safety_tell_lost(const struct restore_safety *s,
                                     struct cli *cli)
{
    struct jail_safety_progress *p = jail_safety_progress(s->copy);
    char n[WORDS_MAX];

    for (unsigned i = 0; i < JAIL_LOST_KINDS; i++) {
        uint64_t lost = atomic_load(&p->lost[i]);

        if (lost == 0)
            continue;
        message_warn("the safety copy %s: without the %s of %s", s->dir,
                     jail_lost_name(i), words_count(lost, n));
        cli->incomplete = cli->incomplete || geteuid() == 0;
    }
}

static void restore_safety_tell(const struct restore_safety *s, bool failed)
{
    struct jail_safety_progress *p = jail_safety_progress(s->copy);
    uint64_t kept = atomic_load(&p->kept);
    uint64_t dirs = atomic_load(&p->dirs);
    char a[WORDS_MAX], b[WORDS_MAX], c[WORDS_MAX];

    if (kept + dirs == 0)
        return;
    if (failed)
        message_warn("the restore failed: %s of %s files that were overwritten "
                     "or deleted are back; what was new stays",
                     words_count(atomic_load(&p->back), a),
                     words_count(kept, b));
    else
        message_note("%s files that were overwritten or deleted (%s) are in "
                     "%s, with %s directories",
                     words_count(kept, a),
                     words_size(atomic_load(&p->bytes), b), s->dir,
                     words_count(dirs, c));
}

static int restore_safety_json(const struct restore_safety *s,
                               struct json_out *j)
{
    struct jail_safety_progress *p = jail_safety_progress(s->copy);

    json_out_begin(j, "safety");
    json_out_bytes(j, "path", bytes_of_str(s->dir));
    json_out_u64(j, "kept", atomic_load(&p->kept));
    json_out_u64(j, "bytes", atomic_load(&p->bytes));
    json_out_u64(j, "directories", atomic_load(&p->dirs));
    json_out_u64(j, "back", atomic_load(&p->back));
    return json_out_end(j);
}

int restore_safety_end(struct restore_safety *s, struct cli *cli, int rc)
{
    struct err_record first = {0};
    int r = 0;

    if (!s->dir)
        return rc;
    if (rc == 0)
        rc = jail_safety_settle(s->copy);
    if (rc == 0) /* what cannot be told is a failure, too */
        rc = out_flush(cli->out);
    if (rc < 0) {
        err_save(rc, &first);
        restore_safety_back(s);
    }
    restore_safety_tell_lost(s, cli);
    restore_safety_tell(s, rc < 0);
    if (cli->json)
        r = restore_safety_json(s, cli->json);
    return rc < 0 ? err_load(&first) : r;
}
