#include "fuse/mount.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fileop.h"
#include "base/mem.h"
#include "base/pipe.h"
#include "base/siphash.h"
#include "fuse/ahead.h"
#include "fuse/foresee.h"
#include "fuse/loop.h"
#include "fuse/mount_ops.h"

enum {
    MOUNT_TOLD_MAX = 1000,      /* damages that are told apart */
    MOUNT_THREADS = 8,          /* at least: they wait for disks */
    MOUNT_NODES_SHARE = 8,      /* of the cache, one part for tree nodes */
    MOUNT_OTHER_SHARE = 16,     /* ... and one for what requests take */
    MOUNT_CACHE_MIN = 16 << 20, /* of frames, however many directories */
    MOUNT_AHEAD_KB = 4096,      /* that the kernel reads ahead */
    MOUNT_NAMES = 100000,       /* that the kernel is to forget in one turn */
    MOUNT_VERSIONS = 25000,     /* ... of versions, besides */
    MOUNT_LANES = 4,            /* at least */
    MOUNT_PAUSE_MAX = 64,       /* turns, from one telling to the next */
    MOUNT_NAP_MS = 50,          /* between two looks at the cancel token */
    MOUNT_TEND_NAPS = 40        /* naps from one tending to the next */
};

/* ---- errors ---------------------------------------------------------------
 */

/* What was told already, by hash of its text. */
struct mount_told {
    pthread_mutex_t lock;
    uint64_t hash[MOUNT_TOLD_MAX];
    size_t n;
};

static bool told_is_new(struct mount_told *t, const char *text)
{
    static const struct siphash_key key = {1, 2};
    uint64_t h = siphash(&key, bytes_of_str(text));
    bool fresh;

    (void)pthread_mutex_lock(&t->lock);
    fresh = true;
    for (size_t i = 0; i < t->n && fresh; i++)
        fresh = t->hash[i] != h;
    if (fresh) /* of very many some are told again */
        t->hash[t->n < MOUNT_TOLD_MAX ? t->n++ : h % MOUNT_TOLD_MAX] = h;
    (void)pthread_mutex_unlock(&t->lock);
    return fresh;
}

/* Damage in a snapshot that is forgotten is none: a prune took it. */
static void mount_tell(struct mount *m, int rc, uint32_t snap)
{
    char name[9];

    if (rc == E_CORRUPT && snap != DIR_SLOTS_NO_SNAP &&
        mount_view_is_gone(m->view, snap, name))
        rc = err_set(E_NOTFOUND,
                     "snapshot %s was forgotten, and a prune has deleted some "
                     "of it: what the kernel does not remember cannot be read",
                     name);
    if (told_is_new(m->told, err_text()))
        m->o->say(m->o->ctx, rc == E_CORRUPT ? MOUNT_DAMAGE : MOUNT_TROUBLE,
                  err_text());
}

int mount_errno(struct mount *m, int rc, uint32_t snap)
{
    switch (rc) {
    case E_NOTFOUND:
        return ENOENT;
    case E_NOMEM:
        return ENOMEM;
    case E_ROLE:
        return EACCES;
    case E_USAGE:
        return EINVAL;
    case E_LIMIT:
        return EOVERFLOW;
    default:
        break;
    }
    mount_tell(m, rc, snap);
    return EIO;
}

/* What libfuse says last, for the error. Set by the thread that mounts. */
static _Thread_local char mount_fuse_said[256];

static void mount_fuse_log(enum fuse_log_level level, const char *fmt,
                           va_list ap) __attribute__((format(printf, 2, 0)));

static void mount_fuse_log(enum fuse_log_level level, const char *fmt,
                           va_list ap)
{
    (void)level;
    (void)vsnprintf(mount_fuse_said, sizeof mount_fuse_said, fmt, ap);
    mount_fuse_said[strcspn(mount_fuse_said, "\n")] = 0;
}

/* ---- beside the requests --------------------------------------------------
 */

struct mount_tender {
    struct mount *m;
    struct fuse_session *session;
    const char *dir;
    dev_t below;  /* the file system that we are mounted on */
    uint64_t ino; /* of our top */
    /* of what the kernel is to forget */
    size_t named;         /* in this turn */
    unsigned turn, pause; /* every so many turns it is told */
    unsigned gone_n;      /* snapshots that were told of in this turn */
    struct {              /* of directories in .versions, in each turn: */
        uint32_t from;    /* slot */
        uint32_t next;    /* ... for the next turn */
        unsigned window;  /* how many */
    } versions;
    pthread_t thread;
    atomic_bool ready;
    atomic_bool stop;
};

/* The kernel is to forget a name. It may wait there for a request that waits
 * for us: no lane is held meanwhile. */
static void tender_forget(struct mount_tender *t, uint32_t slot,
                          struct bytes name)
{
    char text[ENTRY_NAME_MAX + 1];

    memcpy(text, name.p, name.n);
    text[name.n] = 0;
    (void)fuse_lowlevel_notify_inval_entry(t->session, mount_number_dir(slot),
                                           text, name.n);
}

/* The names in a leaf of a directory, from entry `at` on, each behind its
 * length; at moves on. False: no more. */
static bool tender_names(struct mount *m, const struct dir_slot *d,
                         uint64_t *at, struct buf *names)
{
    struct node_leaf leaf = {.node = NULL};
    struct lane *lane;

    buf_reset(names);
    if (lanes_take(m->lanes, &lane) < 0)
        return false;
    if (node_cache_by_weight(m->nodes, &lane->nodes, NODE_PAGE, &d->root, *at,
                             &leaf) == 0 &&
        leaf.node) {
        for (size_t i = (size_t)(*at - leaf.before); i < leaf.node->n; i++) {
            if (node_kept_entry(leaf.node, i, &lane->te) == 0)
                codec_put_string(names, lane->te.e.name);
        }
        *at = leaf.before + leaf.node->n;
    }
    node_cache_release(m->nodes, leaf.node);
    lanes_give(m->lanes, lane);
    return names->n > 0;
}

/* All names in a directory that the kernel knows, and its own at the top. */
static void tender_forget_slot(struct mount_tender *t, uint32_t no,
                               const struct dir_slot *d)
{
    struct mount *m = t->m;
    struct dir_slot above;
    char name[TOP_NAME_MAX];
    struct buf names;
    uint64_t at = 0;

    if (d->is_root && dir_slots_get(m->slots, d->parent, &above)) {
        top_name(mount_view_look(m->view), d->snap, (enum top_kind)above.kind,
                 d->key, name);
        mount_view_done(m->view);
        tender_forget(t, d->parent, bytes_of_str(name));
    }
    buf_init(&names, (size_t)NODE_BYTES_MAX * 2);
    while (t->named < MOUNT_NAMES && !atomic_load(&t->stop) &&
           tender_names(m, d, &at, &names)) {
        struct codec c;

        codec_init(&c, buf_bytes(&names));
        for (; codec_left(&c) > 0; t->named++)
            tender_forget(t, no, codec_string(&c, ENTRY_NAME_MAX));
    }
    buf_release(&names);
}

/* What the kernel may know of a snapshot as versions of files: one name in each
 * directory of .versions. There may be very many: some in each turn. */
static void tender_forget_versions(struct mount_tender *t, uint32_t snap)
{
    uint32_t from = t->versions.from, no = 0;
    char name[TOP_NAME_MAX];
    struct dir_slot d;
    bool more = true;

    top_name(mount_view_look(t->m->view), snap, TOP_VERSIONS, snap, name);
    mount_view_done(t->m->view);
    for (unsigned i = 0; more && i < t->versions.window; i++) {
        more = !atomic_load(&t->stop) &&
               dir_slots_next(t->m->slots, DIR_SLOTS_NO_SNAP, &from, &d, &no);
        if (more && d.kind == TOP_VERSIONS)
            tender_forget(t, no, bytes_of_str(name));
    }
    t->versions.next = more ? from : 0;
}

/*
 * The kernel keeps what it has read of a snapshot, as it should: until that is
 * forgotten. Then it is told each name in those of its directories that it
 * still knows. What is in use stays, and is told again later, and later.
 */
static void tender_gone(void *ctx, uint32_t snap)
{
    struct mount_tender *t = ctx;
    struct dir_slot d;
    uint32_t from = 0, no;

    if (t->turn % t->pause != 0)
        return;
    t->gone_n++;
    tender_forget_versions(t, snap);
    while (t->named < MOUNT_NAMES &&
           dir_slots_next(t->m->slots, snap, &from, &d, &no)) {
        if (no != DIR_SLOTS_ROOT)
            tender_forget_slot(t, no, &d);
    }
}

/* Those that go on being used cost less and less. */
static void tender_tend(struct mount_tender *t)
{
    t->named = 0;
    t->gone_n = 0;
    mount_view_tend(t->m->view, tender_gone, t);
    if (t->turn % t->pause == 0) {
        t->versions.from = t->versions.next;
        t->versions.window = MOUNT_VERSIONS / (t->gone_n + 1) + 1;
        t->pause = t->gone_n == 0               ? 1
                   : t->pause < MOUNT_PAUSE_MAX ? t->pause * 2
                                                : t->pause;
    }
    t->turn++;
}

/*
 * The kernel reads 128 KiB ahead, unless somebody says better: it then asks for
 * several parts at once, which are decoded in parallel. Root may say so, of our
 * own file system and no other: what stands there may be another by now.
 */
static void tender_read_ahead(struct mount_tender *t)
{
    char path[64], text[16];
    struct stat st;
    int fd, n;

    if (fileop_fstatat(AT_FDCWD, t->dir, &st, 0) < 0 || st.st_dev == t->below ||
        st.st_ino != t->ino || major(st.st_dev) != 0)
        return;
    (void)snprintf(path, sizeof path, "/sys/class/bdi/%u:%u/read_ahead_kb",
                   major(st.st_dev), minor(st.st_dev));
    n = snprintf(text, sizeof text, "%d\n", MOUNT_AHEAD_KB);
    fd = fileop_openat(AT_FDCWD, path, O_WRONLY, 0);
    if (fd < 0)
        return;
    (void)!fileop_write(fd, text, (size_t)n);
    (void)fileop_close(fd);
}

/* What decoded frames may take. */
static size_t mount_frames(const struct mount *m)
{
    size_t all = m->o->cache_bytes;

    return all - all / MOUNT_NODES_SHARE - all / MOUNT_OTHER_SHARE;
}

/* Directories that the kernel remembers take their part of the memory. */
static void tender_share_memory(struct mount *m)
{
    size_t taken = dir_slots_bytes(m->slots);
    size_t frames = mount_frames(m);

    fetch_limit(m->fetch, frames > taken + MOUNT_CACHE_MIN ? frames - taken
                                                           : MOUNT_CACHE_MIN);
}

static void *tender_run(void *arg)
{
    struct mount_tender *t = arg;
    unsigned naps = 0; /* since it is ready */

    for (;;) {
        clock_sleep_ns((int64_t)MOUNT_NAP_MS * 1000000);
        if (atomic_load(&t->stop))
            return NULL;
        if (t->m->o->cancel && cancel_signal(t->m->o->cancel)) {
            ahead_stop(t->m->ahead); /* while somebody still answers */
            fuse_session_exit(t->session);
            return NULL;
        }
        if (!atomic_load(&t->ready))
            continue;
        if (naps++ == 0)
            tender_read_ahead(t);
        if (naps % MOUNT_TEND_NAPS != 0)
            continue;
        tender_share_memory(t->m);
        ahead_tidy(t->m->ahead);
        tender_tend(t);
    }
}

/* ---- the session ----------------------------------------------------------
 */

struct mounted {
    struct mount m; /* first: the userdata of the session */
    struct mount_tender tender;
    int ready_rc;
    struct err_record ready_error;
};

void mount_ready(struct mount *m)
{
    struct mounted *x = (struct mounted *)m;
    struct mount_tender *t = &x->tender;

    if (m->o->ready)
        x->ready_rc = m->o->ready(m->o->ctx);
    if (x->ready_rc < 0) {
        err_save(x->ready_rc, &x->ready_error);
        fuse_session_exit(t->session);
    }
    atomic_store(&t->ready, true);
}

/* Options of mount(8), with commas and backslashes of names escaped. */
static int mount_arguments(const struct mount_options *o, struct buf *b)
{
    static const char fixed[] = "ro,nosuid,nodev,default_permissions,"
                                "subtype=dedup,fsname=";
    static const char other[] = ",allow_other";

    buf_add(b, fixed, sizeof fixed - 1);
    for (const char *p = o->source; *p; p++) {
        if (*p == ',' || *p == '\\')
            buf_add(b, "\\", 1);
        buf_add(b, p, 1);
    }
    if (o->allow_other)
        buf_add(b, other, sizeof other - 1);
    buf_add_zeros(b, 1);
    return buf_status(b);
}

static int mount_failed(const char *dir)
{
    struct stat st;

    if (fileop_fstatat(AT_FDCWD, "/dev/fuse", &st, 0) < 0)
        return err_set(E_UNSUPPORTED, "there is no FUSE here: /dev/fuse is "
                                      "missing ('modprobe fuse' as root)");
    return err_set(E_TARGET, "%s: cannot be mounted on: %s", dir,
                   *mount_fuse_said ? mount_fuse_said : "for no reason given");
}

static int mount_loop(struct mounted *x, struct fuse_session *se)
{
    unsigned threads = pipe_threads(0) * 2;
    int rc = pthread_create(&x->tender.thread, NULL, tender_run, &x->tender);

    if (rc)
        return err_set_errno(E_IO, rc, "watching the mount");
    rc = loop_run(se, threads < MOUNT_THREADS ? MOUNT_THREADS : threads,
                  foresee_step, x->m.foresee);
    atomic_store(&x->tender.stop, true);
    (void)pthread_join(x->tender.thread, NULL);
    return x->ready_rc < 0 ? err_load(&x->ready_error) : rc;
}

static int mount_serve(struct mounted *x, const char *dir)
{
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    struct fuse_session *se = NULL;
    struct stat below = {.st_dev = 0};
    struct buf options;
    int rc;

    buf_init(&options, 1 << 16);
    rc = mount_arguments(x->m.o, &options);
    if (rc == 0 && (fuse_opt_add_arg(&args, "dedup") < 0 ||
                    fuse_opt_add_arg(&args, "-o") < 0 ||
                    fuse_opt_add_arg(&args, (const char *)options.p) < 0))
        rc = err_set(E_NOMEM, "out of memory");
    fuse_set_log_func(mount_fuse_log);
    if (rc == 0) {
        se = fuse_session_new(&args, &mount_ops, sizeof mount_ops, &x->m);
        if (!se)
            rc = err_set(E_INTERNAL, "libfuse: %s", mount_fuse_said);
    }
    x->tender.session = se;
    if (rc == 0 && fileop_fstatat(AT_FDCWD, dir, &below, 0) < 0)
        rc = err_set_errno(E_TARGET, errno, "%s", dir);
    x->tender.below = below.st_dev;
    if (rc == 0 && fuse_session_mount(se, dir) < 0)
        rc = mount_failed(dir);
    if (rc == 0) {
        rc = ahead_start(x->m.ahead, se);
        if (rc == 0)
            rc = mount_loop(x, se);
        ahead_stop(x->m.ahead);
        fuse_session_unmount(se);
    }
    if (se)
        fuse_session_destroy(se);
    fuse_opt_free_args(&args);
    buf_release(&options);
    return rc;
}

/* ---- its life -------------------------------------------------------------
 */

static void mount_release(struct mount *m)
{
    foresee_free(m->foresee);
    ahead_free(m->ahead);
    mount_view_free(m->view);
    versions_memo_free(m->versions);
    lanes_free(m->lanes);
    fetch_free(m->fetch);
    node_cache_free(m->nodes);
    dir_slots_free(m->slots);
    if (m->told)
        (void)pthread_mutex_destroy(&m->told->lock);
    free(m->told);
}

static int mount_count_stored(struct mount *m)
{
    struct index_reader *r = NULL;
    struct index_pack pack[16];
    uint32_t next = 0;
    size_t n = 1;
    int rc = index_reader_new(m->r->index, &r);

    while (rc == 0 && n > 0) {
        rc = index_reader_packs(r, &next, pack, 16, &n);
        for (size_t i = 0; i < n && rc == 0; i++) {
            if (pack[i].state != INDEX_DOOMED)
                m->stored += pack[i].size_bytes;
        }
    }
    index_reader_free(r);
    return rc;
}

/* The top: the directories that lead to snapshots, or one snapshot's own. */
static int mount_slots(struct mount *m)
{
    struct dir_slot top = {.kind = TOP_ROOT,
                           .snap = DIR_SLOTS_NO_SNAP,
                           .ino = mount_attr_top_ino(TOP_ROOT, 0)};

    if (m->o->snapshot) {
        top.kind = TOP_SNAPSHOT;
        top.snap = 0;
        top.is_root = true;
        top.root = m->o->top->dir.root;
        top.ino = top.mark = mount_attr_snap_ino(m->o->snapshot);
    }
    ((struct mounted *)m)->tender.ino = top.ino;
    m->slots = dir_slots_new(&top);
    return m->slots ? 0 : err_set(E_NOMEM, "out of memory");
}

/* The first page of a directory that is likely to be listed. */
static void mount_load(void *ctx, const struct chunk_id *root)
{
    struct mount *m = ctx;
    struct node_leaf leaf = {.node = NULL};
    struct lane *lane;
    int rc = lanes_take(m->lanes, &lane);

    if (rc == 0) {
        rc = node_cache_by_weight(m->nodes, &lane->nodes, NODE_PAGE, root, 0,
                                  &leaf);
        node_cache_release(m->nodes, leaf.node);
        lanes_give(m->lanes, lane);
    }
    err_ignore(rc, "whoever lists it is told");
}

int mount_fetch_new(const struct mount *m, struct fetch **out)
{
    int rc =
        fetch_open(m->r->store, m->r->keys, m->r->index, mount_frames(m), out);

    if (rc == 0)
        fetch_before_load(*out, loop_let_lead);
    return rc;
}

static int mount_init(struct mount *m)
{
    size_t nodes = m->o->cache_bytes / MOUNT_NODES_SHARE;
    unsigned lanes = pipe_threads(0) * 2;
    int rc;

    m->uid = geteuid();
    m->gid = getegid();
    m->told = mem_alloc(sizeof *m->told);
    m->nodes = node_cache_new(nodes);
    m->versions = versions_memo_new();
    if (!m->told || !m->nodes || !m->versions)
        return err_set(E_NOMEM, "out of memory");
    (void)pthread_mutex_init(&m->told->lock, NULL);
    rc = mount_fetch_new(m, &m->fetch);
    if (rc == 0)
        rc = mount_slots(m);
    if (rc == 0)
        rc = mount_view_new(m, &m->view);
    if (rc == 0)
        rc = mount_count_stored(m);
    if (rc == 0)
        rc = lanes_new(m->fetch, lanes < MOUNT_LANES ? MOUNT_LANES : lanes,
                       &m->lanes);
    if (rc == 0)
        rc = ahead_new(m, &m->ahead);
    if (rc == 0) {
        m->foresee = foresee_new(mount_load, m);
        rc = m->foresee ? 0 : err_set(E_NOMEM, "out of memory");
    }
    return rc;
}

int mount_run(struct repo *r, const char *dir, const struct mount_options *o)
{
    struct mounted x = {.m = {.o = o, .r = r}};
    int rc = mount_init(&x.m);

    x.tender.m = &x.m;
    x.tender.dir = dir;
    x.tender.pause = 1;
    x.tender.versions.window = MOUNT_VERSIONS;
    if (rc == 0)
        rc = mount_serve(&x, dir);
    mount_release(&x.m);
    return rc;
}
