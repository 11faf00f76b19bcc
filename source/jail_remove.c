#include "source/jail_remove.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "source/jail_core.h"
#include "source/stat_entry.h"

enum { REMOVE_NAMES_MAX = 1 << 30, REMOVE_PATH_MAX = 1 << 22 };

/* ---- names ------------------------------------------------------------ */

static int names_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Finds the names in the text. */
static int names_index(struct jail_names *names)
{
    size_t n = 0;

    for (size_t i = 0; i < names->text.n; i++)
        n += names->text.p[i] == 0;
    if (n == 0)
        return 0;
    names->name = mem_alloc(n * sizeof *names->name);
    if (!names->name)
        return err_set(E_NOMEM, "out of memory for names");
    for (size_t at = 0; at < names->text.n;) {
        const char *name = (const char *)names->text.p + at;

        names->name[names->n++] = name;
        at += strlen(name) + 1;
    }
    qsort(names->name, names->n, sizeof *names->name, names_cmp);
    return 0;
}

int jail_names_load(struct jail_dir *dir, struct jail_names *names)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    int fd = -1;
    int rc = 0;

    *names = (struct jail_names){.name = NULL};
    buf_init(&names->text, REMOVE_NAMES_MAX);
    if (dir->d)
        rc = jail_pin(dir, &fd);
    if (fd >= 0) {
        rc = jail_list(dir, fd, NULL, &names->text);
        dirfd_unpin(dir->d);
    }
    if (rc == 0)
        rc = names_index(names);
    (void)fileop_enter(domain);
    return rc;
}

void jail_names_release(struct jail_names *names)
{
    free(names->name);
    buf_release(&names->text);
    *names = (struct jail_names){.name = NULL};
}

/* ---- mount points ----------------------------------------------------- */

static bool is_mount(const struct statx *st, uint64_t dev)
{
    /* on an overlay only directories have its device */
    return (S_ISDIR(st->stx_mode) && stat_entry_dev(st) != dev) ||
           ((st->stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0 &&
            (st->stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0);
}

int jail_dir_mounted(const struct jail_dir *dir, bool *mounted)
{
    enum fileop_domain domain;
    struct statx st;
    int fd;
    int rc;

    *mounted = dir->parent && dir->d;
    if (!*mounted)
        return 0;
    domain = fileop_enter(FILEOP_TARGET);
    rc = jail_pin(dir, &fd);
    if (rc == 0) {
        if (fileop_statx(fd, "", AT_EMPTY_PATH, STAT_ENTRY_MASK, &st) == 0)
            *mounted = is_mount(&st, dirfd_dev(dir->parent->d));
        else
            rc = jail_err(dir, "", errno, "cannot be looked at");
        dirfd_unpin(dir->d);
    }
    (void)fileop_enter(domain);
    return rc;
}

/* ---- removing --------------------------------------------------------- */

/* One directory on the way down, and what is still in it. */
struct removal {
    struct removal *above;
    struct dirfd *d;
    struct buf names;
    size_t at;              /* of names */
    struct entry e;         /* its own; borrows nothing */
    size_t path_n;          /* bytes of its path */
    struct jail_keep *held; /* what goes from it is kept there; or NULL */
    bool something;         /* stays in it */
};

struct remover {
    const struct jail_dir *dir;
    const struct jail_remove_rules *rules;
    struct buf path; /* of what is being looked at */
    struct removal *top;
    bool stays; /* something of what was asked for */
    struct err_record first;
};

static bool *stays_in(struct remover *r)
{
    return r->top ? &r->top->something : &r->stays;
}

static void tell(struct remover *r, enum jail_removal what,
                 const struct entry *e, int rc)
{
    if (r->rules->tell)
        r->rules->tell(r->rules->ctx, what, buf_bytes(&r->path), e, rc);
    if (what != JAIL_REMOVED)
        *stays_in(r) = true;
}

static int stuck_by(struct remover *r, const struct entry *e, int rc)
{
    if (r->first.code == 0)
        err_save(rc, &r->first);
    tell(r, JAIL_STUCK, e, rc);
    return 0;
}

/* The directory that is being looked through, for errors. */
static struct jail_dir removal_dir(const struct remover *r)
{
    return (struct jail_dir){.jail = r->dir->jail,
                             .d = r->top ? r->top->d : r->dir->d};
}

/* name: in that directory; empty: itself. */
static int stuck(struct remover *r, const char *name, const struct entry *e,
                 int errnum, const char *what)
{
    const struct jail_dir in = removal_dir(r);

    return stuck_by(r, e, jail_err(&in, name, errnum, what));
}

/* What is at hand could not be kept because of rc, so it is not removed. */
static int not_kept(struct remover *r, const struct entry *e, int rc)
{
    return rc == E_NOMEM || rc == E_NOSPACE ? rc : stuck_by(r, e, rc);
}

static bool is_spared(const struct remover *r, const struct statx *st)
{
    for (size_t i = 0; i < r->rules->spare_n; i++) {
        if (r->rules->spare[i].dev == stat_entry_dev(st) &&
            r->rules->spare[i].inode == st->stx_ino)
            return true;
    }
    return r->dir->jail->options.safety &&
           jail_keep_is_copy(r->dir->jail->options.safety, stat_entry_dev(st),
                             st->stx_ino);
}

/* Whether the same object answers to the name in the other case, too. */
static bool is_folded(int fd, const char *name, const struct statx *st)
{
    char other[ENTRY_NAME_MAX + 1];
    struct statx now;
    size_t n = strlen(name);

    for (size_t i = 0; i <= n; i++) {
        unsigned char c = (unsigned char)name[i];

        other[i] = (char)(isupper(c) ? tolower(c) : toupper(c));
    }
    return strcmp(name, other) != 0 &&
           fileop_statx(fd, other, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                        STAT_ENTRY_MASK, &now) == 0 &&
           stat_entry_dev(&now) == stat_entry_dev(st) &&
           now.stx_ino == st->stx_ino;
}

static void removal_pop(struct remover *r)
{
    struct removal *top = r->top;

    r->top = top->above;
    jail_keep_free(top->held);
    buf_release(&top->names);
    dirfd_unref(top->d);
    free(top);
}

/* What goes from the directory on top is to be kept. */
static int removal_hold(struct remover *r, struct removal *v, const char *name)
{
    const struct jail *jail = r->dir->jail;
    struct jail_keep *above = v->above ? v->above->held : r->dir->held;

    if (!jail->options.safety || jail->options.dry_run || !above)
        return 0;
    return jail_keep_new(above, jail->attrs, v->d, name, &v->held);
}

/* Opens the directory that st describes and puts it on top. */
static int removal_push(struct remover *r, struct dirfd *d, const char *name,
                        const struct entry *e, const struct statx *st)
{
    struct removal *v;
    struct dirfd *below = NULL;
    struct statx now;
    int errnum = 0;
    int fd;
    int rc = dirfd_open(d, name, 0, &now, &below, &errnum);

    if (rc < 0)
        return rc;
    if (!below)
        return errnum == ENOENT
                   ? 0
                   : stuck(r, name, e, errnum, "cannot be removed");
    v = mem_alloc(sizeof *v);
    if (!v) {
        dirfd_unref(below);
        return err_set(E_NOMEM, "out of memory for a removal");
    }
    *v = (struct removal){
        .above = r->top, .d = below, .e = *e, .path_n = r->path.n};
    buf_init(&v->names, REMOVE_NAMES_MAX);
    r->top = v;
    if (now.stx_ino != st->stx_ino ||
        stat_entry_dev(&now) != stat_entry_dev(st)) {
        r->top = v->above;
        rc = stuck(r, name, e, 0, "was replaced while it was to be removed");
        r->top = v;
        removal_pop(r);
        return rc;
    }
    rc = removal_hold(r, v, name);
    if (rc < 0)
        return not_kept(r, e, rc);
    fd = dirfd_pin(below);
    if (fd < 0)
        return stuck(r, "", NULL, errno, "cannot be listed");
    rc = jail_list(r->dir, fd, NULL, &v->names);
    dirfd_unpin(below);
    if (rc < 0 && rc != E_NOMEM) {
        buf_reset(&v->names);
        rc = stuck(r, "", NULL, 0, "cannot be listed");
    }
    return rc;
}

/* What was kept of it does not stay in the copy if it cannot be removed. */
static int remove_name(struct remover *r, int fd, const char *name,
                       const struct entry *e, int flags,
                       const struct jail_kept *kept)
{
    int errnum = 0;

    if (!r->dir->jail->options.dry_run && !kept->moved &&
        fileop_unlinkat(fd, name, flags) < 0)
        errnum = errno;
    if (errnum == ENOENT)
        return 0;
    if (errnum)
        return stuck(r, name, e, errnum,
                     jail_keep_undo(kept, fd, name)
                         ? "cannot be removed"
                         : "cannot be removed; the safety copy has it, too");
    tell(r, JAIL_REMOVED, e, 0);
    return 0;
}

/* What is no directory. */
static int remove_object(struct remover *r, int fd, const char *name,
                         const struct entry *e)
{
    const struct jail_options *options = &r->dir->jail->options;
    const struct jail_dir in = removal_dir(r);
    struct jail_kept kept = {.in = NULL};
    int rc = 0;

    if (options->safety && !options->dry_run)
        rc = jail_keep_object(r->top ? r->top->held : r->dir->held, &in, fd,
                              name, true, &kept);
    if (rc < 0)
        return not_kept(r, e, rc);
    return remove_name(r, fd, name, e, 0, &kept);
}

/* What stands at name in the pinned d, whose path is in r->path. */
static int remove_one(struct remover *r, struct dirfd *d, int fd,
                      const char *name)
{
    const struct jail_remove_rules *rules = r->rules;
    struct statx st;
    struct entry e;
    bool is_dir;

    if (fileop_statx(fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                     STAT_ENTRY_MASK, &st) < 0)
        return errno == ENOENT
                   ? 0
                   : stuck(r, name, NULL, errno, "cannot be looked at");
    if (!stat_entry_fill(&st, false, &e))
        return stuck(r, name, NULL, 0, "is of an unknown type");
    is_dir = e.type == ENTRY_DIR;
    if (rules->stays && rules->stays(rules->ctx, buf_bytes(&r->path), &e)) {
        *stays_in(r) = true;
        return 0;
    }
    if (is_spared(r, &st) || is_mount(&st, dirfd_dev(d))) {
        tell(r, JAIL_SPARED, &e, 0);
        return 0;
    }
    if (!r->top && is_folded(fd, name, &st))
        return stuck(r, name, &e, 0,
                     "is also there in another spelling and is kept");
    if (is_dir)
        return removal_push(r, d, name, &e, &st);
    return remove_object(r, fd, name, &e);
}

/* As remove_one, for the name in d, below the path of path_n bytes. */
static int remove_in(struct remover *r, struct dirfd *d, const char *name,
                     size_t path_n)
{
    int fd = dirfd_pin(d);
    int rc;

    r->path.n = path_n;
    buf_add(&r->path, "/", 1);
    buf_add_bytes(&r->path, bytes_of_str(name));
    rc = buf_status(&r->path);
    if (fd < 0)
        return rc < 0 ? rc : stuck(r, name, NULL, errno, "cannot be removed");
    if (rc == 0)
        rc = remove_one(r, d, fd, name);
    dirfd_unpin(d);
    return rc;
}

/* The directory on top holds nothing more to look at. */
static int remove_top(struct remover *r)
{
    struct removal *v = r->top;
    struct bytes name = dirfd_name(v->d);
    struct dirfd *parent = dirfd_parent(v->d);
    static const struct jail_kept none;
    bool something = v->something;
    char plain[ENTRY_NAME_MAX + 1];
    struct entry e = v->e;
    int fd;
    int rc = 0;

    ASSERT(name.n <= ENTRY_NAME_MAX);
    memcpy(plain, name.p, name.n);
    plain[name.n] = 0;
    r->path.n = v->path_n;
    if (!something && v->held)
        rc = jail_keep_dir(v->held);
    dirfd_ref(parent);
    removal_pop(r);
    if (rc < 0) {
        rc = not_kept(r, &e, rc);
    } else if (something) {
        *stays_in(r) = true;
    } else {
        fd = dirfd_pin(parent);
        if (fd < 0) {
            rc = stuck(r, plain, &e, errno, "cannot be removed");
        } else {
            rc = remove_name(r, fd, plain, &e, AT_REMOVEDIR, &none);
            dirfd_unpin(parent);
        }
    }
    dirfd_unref(parent);
    return rc;
}

static int remove_all(struct remover *r)
{
    int rc = 0;

    while (rc == 0 && r->top) {
        struct removal *v = r->top;

        if (v->at == v->names.n) {
            rc = remove_top(r);
        } else {
            const char *name = (const char *)v->names.p + v->at;

            v->at += strlen(name) + 1;
            rc = remove_in(r, v->d, name, v->path_n);
        }
    }
    while (r->top)
        removal_pop(r);
    return rc;
}

int jail_remove(struct jail_dir *dir, struct bytes name, struct bytes path,
                const struct jail_remove_rules *rules)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    static const struct jail_remove_rules all;
    struct remover r = {.dir = dir, .rules = rules ? rules : &all};
    char plain[ENTRY_NAME_MAX + 1];
    int fd = -1;
    int rc = 0;

    ASSERT(entry_name_ok(name));
    memcpy(plain, name.p, name.n);
    plain[name.n] = 0;
    buf_init(&r.path, REMOVE_PATH_MAX);
    buf_add_bytes(&r.path, path);
    rc = buf_status(&r.path);
    if (rc == 0 && dir->d)
        rc = jail_pin(dir, &fd);
    if (fd >= 0) {
        rc = remove_one(&r, dir->d, fd, plain);
        dirfd_unpin(dir->d);
    }
    if (rc == 0)
        rc = remove_all(&r);
    else
        while (r.top)
            removal_pop(&r);
    if (rc == 0 && r.first.code && !r.rules->tell)
        rc = err_load(&r.first);
    buf_release(&r.path);
    (void)fileop_enter(domain);
    return rc;
}
