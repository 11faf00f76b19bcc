#include "index/index_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fileop.h"
#include "index/index_record.h"

static int index_lmdb_code(int code)
{
    switch (code) {
    case ENOMEM:
        return E_NOMEM;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return E_NOSPACE;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case MDB_CURSOR_FULL:
        return E_LIMIT;
    case MDB_MAP_RESIZED:
        return E_LATER;
    case MDB_READERS_FULL:
        return E_BUSY;
    case MDB_PAGE_NOTFOUND:
    case MDB_CORRUPTED:
    case MDB_VERSION_MISMATCH:
    case MDB_INVALID:
    case MDB_INCOMPATIBLE:
    case MDB_NOTFOUND:
        return E_CORRUPT;
    case MDB_BAD_TXN:
    case MDB_BAD_DBI:
    case MDB_BAD_VALSIZE:
    case MDB_BAD_RSLOT:
        return E_INTERNAL;
    default: /* an errno, or MDB_PANIC after a failed write of a meta page */
        return E_IO;
    }
}

int index_lmdb_error(const struct index *ix, int code, const char *doing)
{
    return err_set(index_lmdb_code(code), "index cache %s: %s: %s", ix->path,
                   doing, mdb_strerror(code));
}

int index_lmdb_forked(const struct index *ix)
{
    if (ix->pid == getpid())
        return 0;
    return err_set(E_INTERNAL, "index cache %s: used after a fork", ix->path);
}

bool index_lmdb_local(uint64_t fs_type)
{
    static const uint32_t remote[] = {
        0x6969,     /* NFS */
        0x517b,     /* SMB */
        0xfe534d42, /* SMB2 */
        0xff534d42, /* CIFS */
        0x65735546, /* FUSE: sshfs and whatever else */
        0x01021997, /* 9P */
        0x00c36400, /* Ceph */
        0x5346414f, /* OpenAFS */
        0x6b414653, /* kAFS */
        0x73757245, /* Coda */
        0x564c,     /* NCP */
        0x0bd00bd0, /* Lustre */
        0x47504653, /* GPFS */
        0x7461636f, /* OCFS2 */
        0x01161970, /* GFS2 */
        0x786f4256, /* VirtualBox shared folder */
        0xbacbacbc, /* VMware shared folder */
    };

    for (size_t i = 0; i < sizeof remote / sizeof remote[0]; i++) {
        if ((uint32_t)fs_type == remote[i])
            return false;
    }
    return true;
}

int index_lmdb_size(struct index *ix, uint64_t *size)
{
    struct stat st;
    int fd;
    int rc = mdb_env_get_fd(ix->env, &fd);
    enum fileop_domain was;

    if (rc != 0)
        return index_lmdb_error(ix, rc, "descriptor");
    was = fileop_enter(FILEOP_CACHE);
    if (fileop_fstat(fd, &st) != 0)
        rc = err_set_errno(E_IO, errno, "index cache %s: stat", ix->path);
    (void)fileop_enter(was);
    if (rc == 0)
        *size = (uint64_t)st.st_size;
    return rc;
}

uint64_t index_lmdb_extent(struct index *ix)
{
    MDB_envinfo info;
    MDB_stat st;

    if (mdb_env_info(ix->env, &info) != 0 || mdb_env_stat(ix->env, &st) != 0)
        return 0;
    return ((uint64_t)info.me_last_pgno + 1) * st.ms_psize;
}

int index_lmdb_extend(struct index *ix)
{
    uint64_t size;
    uint64_t need = index_lmdb_extent(ix);
    int fd;
    int rc = index_lmdb_size(ix, &size);

    /* LMDB does not write pages that it took and freed in one transaction */
    if (rc < 0 || size >= need)
        return rc;
    if (mdb_env_get_fd(ix->env, &fd) == 0 && fileop_truncate(fd, need) != 0)
        return err_set_errno(errno == ENOSPC ? E_NOSPACE : E_IO, errno,
                             "index cache %s: extend", ix->path);
    return 0;
}

/* LMDB reports a write that was cut short, as on a full disk, as EIO. Another
 * page at the end of the file, where nothing is yet, gives the true reason. */
static bool index_lmdb_full(struct index *ix)
{
    static const uint8_t zero[4096];
    uint64_t size;
    int fd;

    if (mdb_env_get_fd(ix->env, &fd) != 0 || index_lmdb_size(ix, &size) < 0)
        return false;
    return fileop_pwrite_full(fd, zero, sizeof zero, size) != 0 &&
           index_lmdb_code(errno) == E_NOSPACE;
}

int index_lmdb_commit(struct index *ix, MDB_txn *txn)
{
    int rc = mdb_txn_commit(txn);

    if (rc == EIO && index_lmdb_full(ix))
        rc = ENOSPC;
    return rc == 0 ? 0 : index_lmdb_error(ix, rc, "commit");
}

bool index_lmdb_replaced(const struct index *ix)
{
    char name[PATH_MAX];
    struct stat st;
    int n = snprintf(name, sizeof name, "%s/data.mdb", ix->path);

    if (n < 0 || (size_t)n >= sizeof name ||
        fileop_fstatat(AT_FDCWD, name, &st, 0) != 0)
        return true;
    return st.st_dev != ix->dev || st.st_ino != ix->ino;
}

int index_lmdb_get(const struct index *ix, MDB_txn *txn, MDB_dbi dbi,
                   struct bytes key, struct bytes *value, bool *found)
{
    MDB_val k = index_lmdb_val(key);
    MDB_val v = {0, NULL};
    int rc = mdb_get(txn, dbi, &k, &v);

    *found = rc == 0;
    *value = index_lmdb_bytes(v);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return index_lmdb_error(ix, rc, "read");
    return 0;
}

int index_lmdb_pack(const struct index *ix, MDB_txn *txn, uint32_t no,
                    struct index_pack *pack)
{
    struct index_record_no key = index_record_no(no);
    struct bytes value;
    bool found;
    int rc = index_lmdb_get(ix, txn, ix->packs, bytes_of(key.b, sizeof key.b),
                            &value, &found);

    if (rc == 0 && !found)
        rc = err_set(E_CORRUPT, "index cache %s: no pack number %u", ix->path,
                     no);
    if (rc == 0)
        rc = index_record_get_pack(value, &ix->key, no, pack);
    return rc;
}

int index_lmdb_pack_by_id(const struct index *ix, MDB_txn *txn,
                          const struct object_id *id, struct index_pack *pack,
                          bool *found)
{
    struct bytes value;
    uint32_t no;
    int rc = index_lmdb_get(ix, txn, ix->pack_ids,
                            bytes_of(id->b, sizeof id->b), &value, found);

    if (rc < 0 || !*found)
        return rc;
    rc = index_record_get_number(value, &ix->key, id, &no);
    if (rc == 0)
        rc = index_lmdb_pack(ix, txn, no, pack);
    if (rc == 0 && !object_id_equal(&pack->id, id))
        rc = err_set(E_CORRUPT, "index cache %s: pack %u has another id",
                     ix->path, no);
    return rc;
}

int index_lmdb_loc(const struct index *ix, const struct chunk_id *id,
                   struct bytes value, size_t i, struct index_loc *loc)
{
    return index_record_get_loc(
        bytes_of(value.p + i * INDEX_RECORD_LOC_BYTES, INDEX_RECORD_LOC_BYTES),
        &ix->key, id, loc);
}
