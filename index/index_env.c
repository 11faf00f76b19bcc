/* Opening an environment, and judging whether what is there is to be believed.
 */
#include "index/index_env.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "index/index_dir.h"
#include "index/index_record.h"

#define INDEX_ENV_MAP_MIN ((uint64_t)1 << 24)
#define INDEX_ENV_MAP     ((uint64_t)1 << 38)

enum {
    INDEX_ENV_TABLES = 8,
    INDEX_ENV_READERS = 1000,
    /* a cache line each, and a head that is shorter than a page */
    INDEX_ENV_LOCK_BYTES = INDEX_ENV_READERS * 64 + 4096,
    INDEX_ENV_STAT_BLOCK = 512 /* the unit of st_blocks */
};

/* LMDB's own checks end here when a damaged inner page leads it astray, and
 * it aborts when this returns: all that can be done is to spare the next run.
 */
static void index_env_assert(MDB_env *env, const char *msg)
{
    const struct index *ix = mdb_env_get_userctx(env);

    index_dir_mark_damaged(ix->path);
    (void)fprintf(stderr,
                  "dedup: the index cache %s is damaged (%s); run again, it "
                  "is made anew\n",
                  ix->path, msg);
}

/* LMDB writes its lock file through a map. Where that file has no blocks and
 * the disk has none left, such a write is no error but a SIGBUS, so it gets its
 * blocks first. A file that has them is left alone: closing a descriptor of a
 * lock file in use would drop our locks. */
static int index_env_reserve(const struct index *ix, const char *dir)
{
    static const char name[] = "lock.mdb";
    struct stat st;
    int at = fileop_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
    int fd = -1;
    int rc = 0;

    if (at >= 0 && fileop_fstatat(at, name, &st, 0) == 0 &&
        st.st_size >= INDEX_ENV_LOCK_BYTES &&
        st.st_blocks * INDEX_ENV_STAT_BLOCK >= st.st_size)
        goto out;
    if (at >= 0)
        fd = fileop_openat(at, name, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || (fileop_allocate(fd, 0, 0, INDEX_ENV_LOCK_BYTES) != 0 &&
                   errno != EOPNOTSUPP))
        rc = index_lmdb_error(ix, errno, "lock.mdb");
out:
    (void)fileop_close(fd);
    (void)fileop_close(at);
    return rc;
}

/* One attempt at one size of map: an environment that failed to open cannot be
 * tried again, only closed. */
static int index_env_map(struct index *ix, const char *dir, uint64_t map)
{
    int rc = mdb_env_create(&ix->env);

    if (rc == 0)
        rc = mdb_env_set_mapsize(ix->env, map);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(ix->env, INDEX_ENV_TABLES);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(ix->env, INDEX_ENV_READERS);
    if (rc == 0)
        rc = mdb_env_set_userctx(ix->env, ix);
    if (rc == 0)
        rc = mdb_env_set_assert(ix->env, index_env_assert);
    /* MDB_NOTLS: readers belong to their struct, not to a thread. Never
     * NOSYNC, WRITEMAP (order on disk) or NOMEMINIT (our heap on disk). */
    if (rc == 0)
        rc = mdb_env_open(ix->env, dir, MDB_NOTLS, 0600);
    if (rc != 0 && ix->env) {
        mdb_env_close(ix->env);
        ix->env = NULL;
    }
    return rc;
}

/* The map is sparse and never grows while open (a grown map would pull the
 * floor from under our own readers), so it starts far larger than needed. */
static int index_env_fit(struct index *ix, const char *dir, uint64_t file,
                         uint64_t want)
{
    uint64_t map = want ? want : INDEX_ENV_MAP;
    int rc;

    if (want == 0 && map < 4 * file)
        map = 4 * file;
    rc = index_env_map(ix, dir, map);
    while ((rc == ENOMEM || rc == EINVAL) && map / 2 >= INDEX_ENV_MAP_MIN &&
           map / 2 > file) {
        map /= 2; /* the address space is limited; valgrind says EINVAL */
        rc = index_env_map(ix, dir, map);
    }
    return rc;
}

static int index_env_tables(struct index *ix, MDB_txn *txn, unsigned flags)
{
    const struct {
        const char *name;
        MDB_dbi *dbi;
    } table[INDEX_ENV_TABLES] = {
        {"head", &ix->head},         {"packs", &ix->packs},
        {"pack_ids", &ix->pack_ids}, {"chunks", &ix->chunks},
        {"suspects", &ix->suspects}, {"marks", &ix->marks},
        {"refs", &ix->refs},         {"uses", &ix->uses},
    };

    for (size_t i = 0; i < INDEX_ENV_TABLES; i++) {
        int rc = mdb_dbi_open(txn, table[i].name, flags, table[i].dbi);

        if (rc != 0)
            return index_lmdb_error(ix, rc, table[i].name);
    }
    return 0;
}

static const char index_env_head[] = "head";

static int index_env_init(struct index *ix, const struct repo_id *repo)
{
    MDB_txn *txn = NULL;
    MDB_val key = index_lmdb_val(bytes_of_str(index_env_head));
    MDB_val value = {0, NULL};
    struct buf head;
    int rc;

    buf_init(&head, INDEX_RECORD_HEAD_BYTES);
    index_record_put_head(&head, repo);
    rc = buf_status(&head);
    if (rc < 0)
        goto out;
    rc = mdb_txn_begin(ix->env, NULL, 0, &txn);
    if (rc != 0) {
        rc = index_lmdb_error(ix, rc, "create");
        goto out;
    }
    rc = index_env_tables(ix, txn, MDB_CREATE);
    if (rc < 0)
        goto out;
    value = index_lmdb_val(buf_bytes(&head));
    rc = mdb_put(txn, ix->head, &key, &value, 0);
    if (rc != 0) {
        rc = index_lmdb_error(ix, rc, "create");
        goto out;
    }
    rc = index_lmdb_commit(ix, txn);
    txn = NULL;
    if (rc == 0)
        rc = index_lmdb_extend(ix);
out:
    if (txn)
        mdb_txn_abort(txn);
    buf_release(&head);
    return rc;
}

/* Touch the first record of every table: a quick look for what is grossly
 * broken, at the price of a few pages read. */
static int index_env_probe(struct index *ix, MDB_txn *txn)
{
    const MDB_dbi dbi[] = {ix->packs, ix->pack_ids, ix->chunks, ix->suspects,
                           ix->marks, ix->refs,     ix->uses};

    for (size_t i = 0; i < sizeof dbi / sizeof dbi[0]; i++) {
        MDB_cursor *cursor;
        MDB_val key;
        MDB_val value;
        int rc = mdb_cursor_open(txn, dbi[i], &cursor);

        if (rc != 0)
            return index_lmdb_error(ix, rc, "open");
        rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
        mdb_cursor_close(cursor);
        if (rc != 0 && rc != MDB_NOTFOUND)
            return index_lmdb_error(ix, rc, "open");
    }
    return 0;
}

static int index_env_judge_head(struct index *ix, MDB_txn *txn,
                                const struct repo_id *repo,
                                enum index_fate *fate)
{
    struct repo_id found_repo;
    struct bytes value;
    uint32_t version;
    bool found;
    int rc = mdb_dbi_open(txn, index_env_head, 0, &ix->head);

    if (rc != 0)
        return index_lmdb_error(ix, rc, "head");
    rc = index_lmdb_get(ix, txn, ix->head, bytes_of_str(index_env_head), &value,
                        &found);
    if (rc < 0)
        return rc;
    if (!found)
        return err_set(E_CORRUPT, "index cache %s: no head", ix->path);
    rc = index_record_get_head(value, &version, &found_repo);
    if (version != 0 && version != INDEX_RECORD_VERSION)
        *fate = INDEX_OLD;
    else if (rc == 0 && memcmp(&found_repo, repo, sizeof *repo) != 0)
        *fate = INDEX_FOREIGN;
    else
        return rc;
    return 0;
}

/* 0 with *fate, or E_CORRUPT. */
static int index_env_judge(struct index *ix, const struct repo_id *repo,
                           enum index_fate *fate)
{
    MDB_txn *txn = NULL;
    uint64_t size;
    int rc = index_lmdb_size(ix, &size);

    if (rc < 0)
        return rc;
    if (size < index_lmdb_extent(ix))
        return err_set(E_CORRUPT, "index cache %s: cut short", ix->path);
    rc = mdb_txn_begin(ix->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return index_lmdb_error(ix, rc, "open");
    *fate = INDEX_OPENED;
    rc = index_env_judge_head(ix, txn, repo, fate);
    if (rc == 0 && *fate == INDEX_OPENED)
        rc = index_env_tables(ix, txn, 0);
    if (rc == 0 && *fate == INDEX_OPENED)
        rc = index_env_probe(ix, txn);
    /* only a commit keeps the table handles */
    if (rc == 0) {
        rc = mdb_txn_commit(txn);
        return rc == 0 ? 0 : index_lmdb_error(ix, rc, "open");
    }
    mdb_txn_abort(txn);
    return rc;
}

/* The data file as LMDB opened it: which one it is, and that no child gets it.
 */
static int index_env_adopt(struct index *ix)
{
    struct stat st;
    int fd;
    int rc = mdb_env_get_fd(ix->env, &fd);

    if (rc != 0)
        return index_lmdb_error(ix, rc, "descriptor");
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fileop_fstat(fd, &st) != 0)
        return err_set_errno(E_IO, errno, "index cache %s: descriptor",
                             ix->path);
    ix->dev = st.st_dev;
    ix->ino = st.st_ino;
    return 0;
}

static int index_env_enter(struct index *ix, const struct repo_id *repo,
                           const struct index_options *opt,
                           enum index_fate *fate)
{
    MDB_stat st;
    int dead;
    int rc = index_env_adopt(ix);

    if (rc < 0)
        return rc;
    rc = mdb_env_stat(ix->env, &st);
    if (rc == 0)
        rc = mdb_reader_check(ix->env, &dead);
    if (rc != 0)
        return index_lmdb_error(ix, rc, "open");
    if (st.ms_entries > 0)
        return index_env_judge(ix, repo, fate);
    *fate = INDEX_CREATED;
    return opt->create ? index_env_init(ix, repo) : 0;
}

static int index_env_new(const char *dir, const struct repo_id *repo,
                         struct index **out)
{
    struct index *ix = mem_alloc(sizeof *ix);

    *out = NULL;
    if (!ix)
        return err_set(E_NOMEM, "index cache %s", dir);
    ix->path = mem_dup(bytes_of_str(dir));
    if (!ix->path) {
        free(ix);
        return err_set(E_NOMEM, "index cache %s", dir);
    }
    ix->key = siphash_key_load(repo->b);
    ix->pid = getpid();
    ix->lock_fd = -1;
    atomic_init(&ix->updating, false);
    *out = ix;
    return 0;
}

int index_env_open(const char *dir, const struct repo_id *repo,
                   const struct index_options *opt, struct index **out,
                   enum index_fate *fate)
{
    char name[PATH_MAX];
    struct index *ix = NULL;
    struct stat st = {.st_size = 0};
    int rc = index_env_new(dir, repo, &ix);
    int n = snprintf(name, sizeof name, "%s/data.mdb", dir);

    *out = NULL;
    *fate = INDEX_DAMAGED;
    if (rc < 0)
        return rc;
    if (n < 0 || (size_t)n >= sizeof name) {
        rc = err_set(E_LIMIT, "index cache %s: path too long", dir);
        goto out;
    }
    if (index_dir_damaged(dir))
        goto out;
    if (fileop_fstatat(AT_FDCWD, name, &st, 0) != 0) {
        st.st_size = 0;
        if (!opt->create) {
            *fate = INDEX_CREATED;
            goto out;
        }
    }
    rc = index_env_reserve(ix, dir);
    if (rc < 0)
        goto out;
    rc = index_env_fit(ix, dir, (uint64_t)st.st_size, opt->map_bytes);
    rc = rc == 0 ? index_env_enter(ix, repo, opt, fate)
                 : index_lmdb_error(ix, rc, "open");
    if (rc == E_CORRUPT) {
        *fate = INDEX_DAMAGED;
        rc = 0;
        goto out;
    }
    if (rc == 0 &&
        (*fate == INDEX_OPENED || (*fate == INDEX_CREATED && opt->create))) {
        *out = ix;
        ix = NULL;
    }
out:
    index_env_close(ix);
    return rc;
}

void index_env_close(struct index *ix)
{
    if (!ix)
        return;
    if (ix->env)
        mdb_env_close(ix->env);
    free(ix->path);
    free(ix);
}
