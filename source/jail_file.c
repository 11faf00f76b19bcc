#include "source/jail_file.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/limit.h"
#include "base/mem.h"
#include "source/jail_core.h"
#include "source/jail_made.h"
#include "source/jail_meta.h"
#include "source/stat_entry.h"

struct jail_file {
    struct jail_dir *dir;
    struct dirfd *d; /* the file itself */
    char *name;      /* that it is for; it may have temp still */
    char temp[JAIL_TEMP_CHARS];
    bool in_place;  /* it has its name already */
    bool was_there; /* in_place, from the beginning */
    bool read_only; /* of jail_file_open */
    bool existed;   /* something stood at its name */
    bool unseen;    /* nobody looked whether something does */
    uint32_t uid;   /* what it was made with */
    uint32_t gid;
    uint64_t was;             /* in_place: its size then */
    atomic_uint_fast64_t end; /* the file's size: one after its last byte */
};

static int file_err(const struct jail_file *f, int errnum, const char *what)
{
    return jail_err(f->dir, f->name, errnum, what);
}

static void file_free(struct jail_file *f)
{
    dirfd_unref(f->d);
    jail_dir_unref(f->dir);
    free(f->name);
    free(f);
}

/* NULL: out of memory, raised. */
static struct jail_file *file_alloc(struct jail_dir *dir, const char *name)
{
    struct jail_file *f = mem_alloc(sizeof *f);

    if (f)
        f->name = mem_dup(bytes_of_str(name));
    if (!f || !f->name) {
        free(f);
        err_ignore(err_set(E_NOMEM, "out of memory for a file"), "raised");
        return NULL;
    }
    f->dir = jail_dir_ref(dir);
    return f;
}

/* ---- begin ------------------------------------------------------------ */

/* The open file fd, taken, becomes f's. */
static int file_adopt(struct jail_file *f, int fd, const char *name, int flags)
{
    struct statx st;

    /* The umask may have taken from us what attributes and opening again
     * need. */
    if (fileop_statx(fd, "", AT_EMPTY_PATH, STAT_ENTRY_MASK, &st) < 0 ||
        (!f->read_only && (st.stx_mode & 0600) != 0600 &&
         fileop_fchmod(fd, 0600) < 0)) {
        int e = errno;

        (void)fileop_close(fd);
        return jail_err(f->dir, name, e, "cannot be looked at");
    }
    f->uid = st.stx_uid;
    f->gid = st.stx_gid;
    return dirfd_adopt(f->dir->d, name, fd, flags, &st, &f->d);
}

static int file_make(struct jail_file *f, int at, const struct entry *e)
{
    struct jail_object o = {.fresh = true};
    int rc;

    jail_temp_next(&f->dir->jail->temp, f->temp);
    o.fd = fileop_openat(at, f->temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
                         0600);
    if (o.fd < 0)
        return file_err(f, errno, "cannot be made");
    if (f->dir->default_acl)
        jail_meta_strip_acl(&o);
    jail_meta_early(&o, e);
    rc = file_adopt(f, o.fd, f->temp, O_RDWR);
    if (rc < 0 && fileop_unlinkat(at, f->temp, 0) < 0)
        rc = err_add(rc, "%s is left over", f->temp);
    return rc;
}

/*
 * The existing file, for writing. Not one with a second name, which may lie
 * outside; *done is false then.
 */
static int file_make_in_place(struct jail_file *f, int at, const char *name,
                              bool *done)
{
    struct statx st;
    int fd = fileop_openat(at, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0);

    *done = false;
    if (fd < 0)
        return 0;
    /* 0600: the new content is nobody's before its own mode is */
    if (fileop_statx(fd, "", AT_EMPTY_PATH, STAT_ENTRY_MASK, &st) < 0 ||
        !S_ISREG(st.stx_mode) || st.stx_nlink != 1 ||
        fileop_fchmod(fd, 0600) < 0) {
        (void)fileop_close(fd);
        return 0;
    }
    f->in_place = true;
    f->was_there = true;
    f->was = st.stx_size;
    atomic_init(&f->end, f->was);
    *done = true;
    return file_adopt(f, fd, name, O_RDWR);
}

static int file_prepare(struct jail_dir *dir, int at, const struct entry *e,
                        const char *name, const struct jail_standing *now,
                        struct jail_file **out)
{
    struct jail_file *f = file_alloc(dir, name);
    bool done = false;
    int rc = 0;

    if (!f)
        return E_NOMEM;
    f->existed = now->exists;
    if (dir->jail->options.in_place && now->exists && now->type == ENTRY_FILE)
        rc = file_make_in_place(f, at, name, &done);
    if (rc == 0 && !done)
        rc = file_make(f, at, e);
    if (rc < 0)
        file_free(f);
    else
        *out = f;
    return rc;
}

/* Whether what we write may take its name without a look at what stands there:
 * this run made the directory, and the rule would keep nothing in it. */
static bool file_needs_no_look(const struct jail_dir *dir)
{
    const struct jail_options *o = &dir->jail->options;

    return dir->made && !o->safety &&
           (o->overwrite == JAIL_IF_CHANGED || o->overwrite == JAIL_ALWAYS);
}

/* jail_file_begin in a directory that exists. */
static int file_begin_at(struct jail_dir *dir, int at, const struct entry *e,
                         const char *name, bool force, struct jail_file **out,
                         struct jail_result *res)
{
    struct jail_standing now = {false, ENTRY_FILE};
    bool unseen = file_needs_no_look(dir);
    bool write = true;
    int rc = 0;

    if (!unseen)
        rc = jail_settle(dir, at, e, name,
                         force ? JAIL_ALWAYS : dir->jail->options.overwrite,
                         &now, &write, res);
    if (rc == 0 && write)
        rc = file_prepare(dir, at, e, name, &now, out);
    if (rc == 0 && *out)
        (*out)->unseen = unseen;
    return rc;
}

int jail_file_begin(struct jail_dir *dir, const struct entry *e, bool force,
                    struct jail_file **out, struct jail_result *res)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    char name[ENTRY_NAME_MAX + 1];
    int at;
    int rc = jail_check(dir, e, name);

    *out = NULL;
    *res = (struct jail_result){JAIL_MADE, 0, false};
    if (rc == 0 && dir->d) {
        rc = jail_pin(dir, &at);
        if (rc == 0) {
            rc = file_begin_at(dir, at, e, name, force, out, res);
            dirfd_unpin(dir->d);
        }
    }
    (void)fileop_enter(domain);
    return rc;
}

int jail_file_open(struct jail_dir *dir, struct bytes name,
                   struct jail_file **out)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
    char plain[ENTRY_NAME_MAX + 1];
    struct jail_file *f = NULL;
    struct stat st;
    int at = -1;
    int fd = -1;
    int rc = 0;

    *out = NULL;
    ASSERT(entry_name_ok(name));
    memcpy(plain, name.p, name.n);
    plain[name.n] = 0;
    if (dir->d)
        rc = jail_pin(dir, &at);
    if (at < 0)
        goto out;
    fd = fileop_openat(at, plain, flags, 0);
    if (fd < 0 && errno != ENOENT && errno != ELOOP && errno != ENXIO)
        rc = jail_err(dir, plain, errno, "cannot be opened");
    if (fd >= 0 && (fileop_fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
        (void)fileop_close(fd);
        fd = -1;
    }
    if (fd >= 0) {
        f = file_alloc(dir, plain);
        if (f)
            f->read_only = true;
        else
            (void)fileop_close(fd);
        rc = f ? file_adopt(f, fd, plain, flags) : E_NOMEM;
    }
    dirfd_unpin(dir->d);
    if (rc == 0 && f) {
        *out = f;
        f = NULL;
    }
    if (f)
        file_free(f);
out:
    (void)fileop_enter(domain);
    return rc;
}

/* ---- content ---------------------------------------------------------- */

static int file_pin(struct jail_file *f, int *fd)
{
    *fd = dirfd_pin(f->d);
    return *fd < 0 ? file_err(f, errno, "cannot be opened again") : 0;
}

/* There is a byte before end now. */
static void file_reaches(struct jail_file *f, uint64_t end)
{
    uint64_t old = atomic_load(&f->end);

    while (old < end && !atomic_compare_exchange_weak(&f->end, &old, end))
        ;
}

int jail_file_write(struct jail_file *f, const void *p, size_t n, uint64_t off)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    int fd;
    int rc = file_pin(f, &fd);

    if (rc == 0) {
        if (fileop_pwrite_full(fd, p, n, off) < 0)
            rc = file_err(f, errno, "cannot be written");
        else
            limit_charge(LIMIT_WRITE, n);
        dirfd_unpin(f->d);
    }
    if (rc == 0 && n > 0)
        file_reaches(f, off + n);
    (void)fileop_enter(domain);
    return rc;
}

void jail_file_start_sync(struct jail_file *f, uint64_t off, uint64_t n)
{
    int fd = dirfd_pin(f->d);

    if (fd < 0)
        return;
    fileop_start_sync(fd, off, n);
    dirfd_unpin(f->d);
}

int jail_file_read(struct jail_file *f, void *p, size_t n, uint64_t off,
                   size_t *got)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    ssize_t k = 0;
    int fd;
    int rc = file_pin(f, &fd);

    if (rc == 0) {
        k = fileop_pread_full(fd, p, n, off);
        if (k < 0)
            rc = file_err(f, errno, "cannot be read");
        dirfd_unpin(f->d);
    }
    *got = k > 0 ? (size_t)k : 0;
    (void)fileop_enter(domain);
    return rc;
}

int jail_file_data(struct jail_file *f, uint64_t *off, uint64_t end)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    int fd;
    int rc = file_pin(f, &fd);

    if (rc == 0) {
        off_t at = fileop_seek(fd, (off_t)*off, SEEK_DATA);

        if (at >= 0 && (uint64_t)at >= *off)
            *off = (uint64_t)at < end ? (uint64_t)at : end;
        else if (at < 0 && errno == ENXIO)
            *off = end;
        else if (at < 0 && errno != EINVAL && errno != ENOTSUP)
            rc = file_err(f, errno, "cannot be searched for holes");
        dirfd_unpin(f->d);
    }
    (void)fileop_enter(domain);
    return rc;
}

uint64_t jail_file_was(const struct jail_file *f)
{
    return f->was;
}

/* Zeros over [off, off + n) where no hole can be made. */
static int write_zeros(struct jail_file *f, int fd, uint64_t off, uint64_t n)
{
    static const uint8_t zeros[65536];

    while (n > 0) {
        size_t part = n < sizeof zeros ? (size_t)n : sizeof zeros;

        if (fileop_pwrite_full(fd, zeros, part, off) < 0)
            return file_err(f, errno, "cannot be written");
        limit_charge(LIMIT_WRITE, part);
        off += part;
        n -= part;
    }
    return 0;
}

int jail_file_hole(struct jail_file *f, uint64_t off, uint64_t n)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    int fd = -1;
    int rc = 0;

    /* Beyond what an in-place file had, the file has no blocks yet. */
    if (off >= f->was)
        n = 0;
    if (n > 0)
        rc = file_pin(f, &fd);
    if (rc == 0 && n > 0) {
        if (fileop_allocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off,
                            n) < 0) {
            if (errno == ENOTSUP || errno == ENOSYS)
                rc = write_zeros(f, fd, off,
                                 n < f->was - off ? n : f->was - off);
            else
                rc = file_err(f, errno, "a hole cannot be made");
        }
        dirfd_unpin(f->d);
    }
    (void)fileop_enter(domain);
    return rc;
}

/* ---- finish ----------------------------------------------------------- */

/* Everything but the name and what must follow it. */
static int file_complete(struct jail_file *f, int fd, const struct entry *e,
                         unsigned *lost)
{
    struct jail_object o = {.fd = fd,
                            .fresh = !f->in_place,
                            .known = !f->in_place,
                            .uid = f->uid,
                            .gid = f->gid};
    struct jail_want want;
    int rc;

    /* a journal transaction that nearly every file can do without */
    if (atomic_load(&f->end) != e->size && fileop_truncate(fd, e->size) < 0)
        return file_err(f, errno, "cannot be given its size");
    rc = jail_want(f->dir->jail, e, &want);
    if (rc == 0 && jail_meta_apply(&o, &want, lost) < 0)
        rc = file_err(f, errno, "metadata cannot be set");
    return rc;
}

/* Flags that forbid links come when no link is to be made any more. */
static int file_late(struct jail_file *f, int fd, const struct entry *e,
                     struct jail_made *made, unsigned *lost)
{
    struct jail_object o = {.fd = fd};
    struct entry now = *e;
    const uint32_t last = FS_IMMUTABLE_FL | FS_APPEND_FL;
    int rc = 0;

    if (made && e->nlink > 1 && e->has_inode_flags &&
        (e->inode_flags & last) != 0) {
        now.inode_flags &= ~last;
        rc = jail_made_defer(made, e->inode_flags);
    }
    if (rc == 0 && (f->was_there || jail_needs_late(f->dir, &now)) &&
        jail_meta_late(&o, &now, lost) < 0)
        rc = file_err(f, errno, "inode flags cannot be set");
    return rc;
}

/* What was placed in a directory that others can write to must be ours. */
static int file_check_place(struct jail_file *f, int at, const char *name)
{
    struct statx st;

    if (f->dir->made)
        return 0;
    if (fileop_statx(at, name, AT_SYMLINK_NOFOLLOW, STATX_INO, &st) == 0 &&
        st.stx_ino == dirfd_inode(f->d) &&
        stat_entry_dev(&st) == dirfd_dev(f->d))
        return 0;
    return jail_err(f->dir, name, 0, "was replaced during the restore");
}

static int file_finish_at(struct jail_file *f, int at, int fd,
                          const struct entry *e, const char *name,
                          struct jail_made **made, struct jail_result *res)
{
    struct jail_made *m = NULL;
    int rc = file_complete(f, fd, e, &res->lost);

    if (rc == 0 && !f->in_place) {
        rc = f->unseen
                 ? jail_place_unseen(f->dir, at, f->temp, name, &f->existed)
                 : jail_place(f->dir, at, f->temp, name,
                              jail_protects(f->dir->jail, f->existed));
        if (f->existed)
            res->outcome = JAIL_REPLACED;
        f->in_place = rc == 0; /* there is no temporary name any more */
        if (rc == 0)
            rc = file_check_place(f, at, name);
    }
    if (rc == 0 && made)
        rc =
            jail_made_new(f->dir, name, dirfd_dev(f->d), dirfd_inode(f->d), &m);
    if (rc == 0)
        rc = file_late(f, fd, e, m, &res->lost);
    if (rc == 0 && made) {
        *made = m;
        m = NULL;
    }
    jail_made_free(m);
    return rc;
}

int jail_file_finish(struct jail_file *f, const struct entry *e,
                     struct jail_made **made, struct jail_result *res)
{
    enum fileop_domain domain = fileop_enter(FILEOP_TARGET);
    char name[ENTRY_NAME_MAX + 1];
    int at = -1;
    int fd = -1;
    int rc = jail_check(f->dir, e, name);

    *res =
        (struct jail_result){f->existed ? JAIL_REPLACED : JAIL_MADE, 0, false};
    if (made)
        *made = NULL;
    if (rc == 0)
        rc = jail_pin(f->dir, &at);
    if (rc == 0) {
        rc = file_pin(f, &fd);
        if (rc == 0) {
            rc = file_finish_at(f, at, fd, e, name, made, res);
            dirfd_unpin(f->d);
        }
        dirfd_unpin(f->dir->d);
    }
    jail_file_abandon(f);
    (void)fileop_enter(domain);
    return rc;
}

void jail_file_abandon(struct jail_file *f)
{
    enum fileop_domain domain;
    int at;

    if (!f)
        return;
    domain = fileop_enter(FILEOP_TARGET);
    if (!f->in_place && !f->read_only) {
        at = dirfd_pin(f->dir->d);
        /* What cannot be removed is left over, as after a kill. */
        if (at >= 0) {
            int r = fileop_unlinkat(at, f->temp, 0);

            (void)r;
            dirfd_unpin(f->dir->d);
        }
    }
    file_free(f);
    (void)fileop_enter(domain);
}
