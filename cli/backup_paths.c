#include "cli/backup_paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "cli/backup_rules.h"
#include "source/stat_entry.h"
#include "source/stream.h"
#include "source/walk_roots.h"

/* Paths as they are said, before the text has stopped moving. */
struct backup_paths_said {
    struct backup_paths *p;
    size_t *begin; /* of each in text */
    size_t cap;
};

static int backup_paths_add(struct backup_paths_said *s, const char *path)
{
    struct backup_paths *p = s->p;
    int rc;

    if (p->n >= BACKUP_PATHS_MAX)
        return err_set(E_USAGE,
                       "more than %d paths: name directories above them",
                       BACKUP_PATHS_MAX);
    if (!MEM_GROW(s->begin, p->n, s->cap))
        return err_set(E_NOMEM, "out of memory");
    s->begin[p->n] = p->text.n;
    rc = walk_roots_resolve(path, &p->text);
    if (rc == 0 && p->text.rc == E_LIMIT)
        rc = err_set(E_USAGE, "paths of more than 8 MiB in all: name "
                              "directories above them");
    if (rc == 0)
        rc = buf_status(&p->text);
    p->n += rc == 0;
    return rc;
}

/* One list: each path ends with end; empty ones are none. */
static int backup_paths_list(struct backup_paths_said *s, struct buf *text,
                             char end)
{
    char *at, *stop;
    int rc;

    buf_add(text, &end, 1); /* behind the last, which may lack it */
    buf_add(text, "", 1);
    rc = buf_status(text);
    if (rc < 0)
        return rc;
    at = (char *)text->p;
    stop = at + text->n - 1;
    if (end != 0 && strlen(at) < (size_t)(stop - at))
        return err_set(E_USAGE, "a NUL byte in it: is it for --files-from0?");
    while (at < stop && rc == 0) {
        char *next = memchr(at, end, (size_t)(stop - at));

        *next = 0;
        if (*at)
            rc = backup_paths_add(s, at);
        at = next + 1;
    }
    return rc;
}

static int backup_paths_from(struct backup_paths_said *s,
                             const struct opt_value *v)
{
    struct buf text;
    int rc;

    buf_init(&text, BACKUP_PATHS_BYTES_MAX);
    rc = backup_rules_read(v->text, &text);
    if (rc == 0)
        rc = err_add(
            backup_paths_list(s, &text, v->id == OPT_FILES_FROM ? '\n' : 0),
            "%s", v->text);
    buf_release(&text);
    return err_add(rc, "--%s", opt_info(v->id)->name);
}

static int backup_paths_all(const struct opt_set *o,
                            struct backup_paths_said *s)
{
    int rc = 0;

    for (size_t i = 0; i < o->arg_n && rc == 0; i++)
        rc = backup_paths_add(s, o->arg[i]);
    for (size_t i = 0; i < o->value_n && rc == 0; i++) {
        if (o->value[i].id == OPT_FILES_FROM ||
            o->value[i].id == OPT_FILES_FROM0)
            rc = backup_paths_from(s, &o->value[i]);
    }
    if (rc == 0 && s->p->n == 0)
        rc = err_set(E_USAGE, "--files-from: no path stands there");
    return rc;
}

bool backup_paths_is_there(struct bytes path, int *errnum)
{
    char *name = mem_dup(path);
    struct statx st;
    bool there = false;

    *errnum = ENOMEM;
    if (name)
        there = fileop_statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW,
                             STAT_ENTRY_MASK, &st) == 0;
    if (name && !there)
        *errnum = errno;
    free(name);
    return there;
}

/* One missing root is a problem of the snapshot; when all are, something is
 * wrong with the command, and an empty snapshot would pass for a backup. */
static int backup_paths_any(const struct backup_paths *p)
{
    int errnum;

    for (size_t i = 0; i < p->n; i++) {
        /* what cannot be looked at is for the run to report */
        if (backup_paths_is_there(p->root[i], &errnum) || errnum != ENOENT)
            return 0;
    }
    return err_set(E_NOTFOUND, "%.*s: no such file or directory%s",
                   (int)p->root[0].n, (const char *)p->root[0].p,
                   p->n > 1 ? "; nor is any other of the paths there" : "");
}

/* ---- another path ------------------------------------------------------ */

static int backup_paths_check_as(const struct backup_paths *p, const char *as)
{
    struct statx st;

    if (p->n != 1)
        return err_set(E_USAGE, "--as-path '%s': names one directory, not %zu",
                       as, p->n);
    if (as[0] != '/')
        return err_set(E_USAGE, "--as-path '%s': not an absolute path", as);
    if (fileop_statx(AT_FDCWD, p->from, AT_SYMLINK_NOFOLLOW, STAT_ENTRY_MASK,
                     &st) == 0 &&
        !S_ISDIR(st.stx_mode))
        return err_set(E_USAGE, "--as-path: %s is no directory%s", p->from,
                       S_ISLNK(st.stx_mode) ? "; with a '/' behind it, what "
                                              "that link leads to is meant"
                                            : "");
    return 0;
}

/* The one root keeps its place, and gets the name as. */
static int backup_paths_name_as(struct backup_paths *p, const char *as)
{
    struct walk_roots checked;
    size_t begin = p->text.n;
    int rc;

    p->from = mem_dup(p->root[0]);
    if (!p->from)
        return err_set(E_NOMEM, "out of memory");
    rc = backup_paths_check_as(p, as);
    if (rc == 0)
        rc = walk_roots_resolve(as, &p->text);
    if (rc < 0)
        return rc;
    p->root[0] = bytes_of(p->text.p + begin, p->text.n - begin);
    rc = walk_roots_init(&checked, p->root, 1);
    if (rc == 0)
        walk_roots_release(&checked);
    return err_add(rc, "--as-path");
}

int backup_paths_make(const struct opt_set *o, bool there,
                      struct backup_paths *p)
{
    struct backup_paths_said s = {.p = p};
    int rc;

    *p = (struct backup_paths){.n = 0};
    buf_init(&p->text, BACKUP_PATHS_BYTES_MAX);
    rc = backup_paths_all(o, &s);
    p->root = mem_array(p->n, sizeof *p->root);
    if (rc == 0 && !p->root)
        rc = err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < p->n && rc == 0; i++) {
        size_t end = i + 1 < p->n ? s.begin[i + 1] : p->text.n;

        p->root[i] = bytes_of(p->text.p + s.begin[i], end - s.begin[i]);
    }
    free(s.begin);
    if (rc == 0 && there)
        rc = backup_paths_any(p);
    if (rc == 0 && opt_has(o, OPT_AS_PATH))
        rc = backup_paths_name_as(p, opt_text(o, OPT_AS_PATH));
    return rc;
}

int backup_paths_stream(const char *name, struct backup_paths *p)
{
    int rc;

    *p = (struct backup_paths){.n = 0};
    buf_init(&p->text, BACKUP_PATHS_BYTES_MAX);
    rc = stream_path(name, &p->text);
    if (rc < 0)
        return rc;
    p->root = mem_array(1, sizeof *p->root);
    if (!p->root)
        return err_set(E_NOMEM, "out of memory");
    p->root[0] = buf_bytes(&p->text);
    p->n = 1;
    return 0;
}

void backup_paths_release(struct backup_paths *p)
{
    buf_release(&p->text);
    free(p->root);
    free(p->from);
    *p = (struct backup_paths){.n = 0};
}
