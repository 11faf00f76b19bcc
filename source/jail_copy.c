#include "source/jail_copy.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "source/jail_core.h"
#include "source/jail_file.h"
#include "source/stat_entry.h"

enum { COPY_BYTES = 256 << 10 };

/* ---- objects with several names --------------------------------------- */

void jail_links_init(struct jail_links *links)
{
    (void)pthread_mutex_init(&links->lock, NULL);
    links->made = (struct inode_map){.tree = NULL};
}

/* An object that was copied and has names left. */
struct copy_link {
    struct jail_made *made; /* the copy; NULL: it failed */
    uint64_t left;          /* names; at 0 another object may get the inode */
    uint64_t size;          /* of the original */
    struct entry_time mtime;
};

static void link_free(void *p)
{
    struct copy_link *l = p;

    jail_made_free(l->made);
    free(l);
}

void jail_links_release(struct jail_links *links)
{
    inode_map_release(&links->made, link_free);
    (void)pthread_mutex_destroy(&links->lock);
}

/* ---- reading ---------------------------------------------------------- */

/*
 * What stands at name, as an entry, and how to read on: *object is a
 * descriptor of a file, else -1.
 */
static int read_entry(const struct jail_dir *dir, int fd, const char *name,
                      struct entry *e, struct arena *arena, bool *exists,
                      int *object, uint64_t *dev)
{
    struct attrs_cache *cache = dir->jail->attrs;
    char target[ENTRY_TARGET_MAX + 1];
    struct statx st;
    bool gone = false;
    int rc = jail_look_at(dir, fd, name, e, &st, exists, target);

    *object = -1;
    if (rc < 0 || !*exists)
        return rc;
    *dev = stat_entry_dev(&st);
    rc = arena_dup(arena, bytes_of_str(name), &e->name);
    if (rc == 0 && e->type == ENTRY_SYMLINK)
        rc = arena_dup(arena, e->target, &e->target);
    if (rc < 0)
        return rc;
    if (e->type == ENTRY_FILE) {
        *object = jail_object_open(fd, name, &st);
        if (*object < 0)
            return jail_err(dir, name, errno, "cannot be read");
        rc = attrs_of_fd(cache, *object, dirfd_dev(dir->d), dir->d, e->name, e,
                         arena);
    } else {
        rc = attrs_of_name(cache, fd, dir->d, e->name, e, arena, &gone);
    }
    *exists = !gone;
    e->inode_flags &= ~(uint32_t)(FS_IMMUTABLE_FL | FS_APPEND_FL);
    if (rc == E_SOURCE) /* for whoever reads it, it is the target */
        rc = jail_err(dir, name, 0, "its attributes cannot all be read");
    return rc;
}

/* ---- copying ---------------------------------------------------------- */

/* One piece with the data of object that comes first from *off on. */
static int copy_piece(const struct jail_dir *from, const struct entry *e,
                      int object, struct jail_file *dst, uint8_t *buf,
                      uint64_t *off)
{
    off_t data = fileop_seek(object, (off_t)*off, SEEK_DATA);
    ssize_t n;
    int rc;

    if (data < 0 && errno == ENXIO) { /* a hole to the end */
        *off = e->size;
        return 0;
    }
    if (data >= 0)
        *off = (uint64_t)data;
    n = fileop_pread_full(object, buf, COPY_BYTES, *off);
    if (n < 0)
        return jail_err(from, (const char *)e->name.p, errno, "cannot be read");
    rc = n > 0 ? jail_file_write(dst, buf, (size_t)n, *off) : 0;
    *off = n > 0 ? *off + (uint64_t)n : e->size;
    return rc;
}

static int copy_file(const struct jail_dir *from, int object,
                     struct jail_dir *to, const struct entry *e,
                     struct jail_made **made, struct jail_result *res)
{
    uint8_t *buf = mem_alloc(COPY_BYTES);
    struct jail_file *dst = NULL;
    uint64_t off = 0;
    int rc;

    if (!buf)
        return err_set(E_NOMEM, "out of memory for a copy");
    rc = jail_file_begin(to, e, false, &dst, res);
    while (rc == 0 && dst && off < e->size)
        rc = copy_piece(from, e, object, dst, buf, &off);
    free(buf);
    if (rc < 0)
        jail_file_abandon(dst);
    else if (dst)
        rc = jail_file_finish(dst, e, made, res);
    return rc;
}

/* A copy that an original depends on; it does not stay if that cannot be. */
static int copy_settle(struct jail_dir *to, const char *name)
{
    int fd;
    int rc = jail_pin(to, &fd);

    if (rc < 0)
        return rc;
    if (fileop_sync_fs(fd) < 0) {
        rc = jail_err(to, name, errno, "cannot be made durable");
        if (fileop_unlinkat(fd, name, 0) < 0)
            rc = err_add(rc, "a copy is left over");
    }
    dirfd_unpin(to->d);
    return rc;
}

/* *made: for other names of the object; NULL: it has only one. */
static int copy_new(const struct jail_dir *from, int object,
                    struct jail_dir *to, const struct entry *e,
                    struct jail_made **made, struct jail_result *res)
{
    return e->type == ENTRY_FILE ? copy_file(from, object, to, e, made, res)
                                 : jail_node(to, e, made, res);
}

/* The first name of several. */
static int copy_first(const struct jail_dir *from, int object,
                      struct jail_dir *to, const struct entry *e, void **at,
                      struct jail_result *res)
{
    struct copy_link *l = *at;

    if (!l)
        l = mem_alloc(sizeof *l);
    if (!l)
        return err_set(E_NOMEM, "out of memory for a hard link");
    jail_made_free(l->made);
    *l = (struct copy_link){
        .left = e->nlink - 1, .size = e->size, .mtime = e->mtime};
    *at = l;
    return copy_new(from, object, to, e, &l->made, res);
}

/* A link, if the object was copied already under another name: which may be its
 * last one by now. */
static int copy_named(const struct jail_dir *from, int object,
                      struct jail_dir *to, const struct entry *e, uint64_t dev,
                      struct jail_links *links, struct jail_result *res)
{
    struct copy_link *l;
    bool linked = false;
    void **at;
    int rc = 0;

    (void)pthread_mutex_lock(&links->lock);
    l = inode_map_find(&links->made, dev, e->inode);
    if (l && l->left > 0 && l->made && l->size == e->size &&
        entry_time_cmp(l->mtime, e->mtime) == 0) {
        rc = jail_link(to, e, l->made, &linked, res);
        l->left--;
    }
    if (rc == 0 && !linked && e->nlink > 1) {
        at = inode_map_at(&links->made, dev, e->inode);
        rc = at ? copy_first(from, object, to, e, at, res)
                : err_set(E_NOMEM, "out of memory for a hard link");
        linked = true;
    }
    (void)pthread_mutex_unlock(&links->lock);
    return rc < 0 || linked ? rc : copy_new(from, object, to, e, NULL, res);
}

int jail_copy(const struct jail_dir *from, int fd, const char *name,
              struct jail_dir *to, struct jail_links *links, unsigned *lost)
{
    struct jail_result res = {.lost = 0};
    struct arena arena = {0};
    struct entry e;
    bool exists = false;
    uint64_t dev = 0;
    int object;
    int rc = read_entry(from, fd, name, &e, &arena, &exists, &object, &dev);

    if (rc == 0 && !exists)
        rc = jail_err(from, name, 0, "was removed while it was to be kept");
    if (rc == 0)
        rc = copy_named(from, object, to, &e, dev, links, &res);
    if (rc == 0 && res.outcome == JAIL_SKIPPED)
        rc = jail_err(to, name, 0, "the file system has no such thing");
    if (rc == 0 && res.outcome == JAIL_KEPT)
        rc = jail_err(to, name, 0, "is there already");
    if (rc == 0)
        rc = copy_settle(to, name);
    if (object >= 0)
        (void)fileop_close(object);
    *lost |= res.lost;
    arena_release(&arena);
    return rc;
}
