/*
 * chunks_make: makes a repository know many chunks without storing any: a
 * journal with segments that list packs of random chunks, and the packs
 * themselves as files that are all hole. What looks chunks up, opens, snapshots
 * or fills a cache works as with real ones; what reads a pack does not.
 *
 *     chunks_make REPOSITORY KEY_FILE CACHE_ROOT SEED CHUNKS
 *
 * The repository was made by `dedup init` with that key file; CACHE_ROOT is
 * where a cache may be made or used, and does not learn of the chunks here. A
 * pack holds 512 chunks of 64 KiB. The same SEED in one repository makes the
 * same chunks again. Exit: 0, 1 failed, 2 usage.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "repo/pack_layout.h"
#include "repo/segment_file.h"
#include "repo/writer_journal.h"
#include "store/local.h"
#include "tests/support/prng.h"

enum {
    CHUNKS_BYTES = 65536,
    CHUNKS_IN_FRAME = 16,
    CHUNKS_FRAMES = 32,
    CHUNKS_IN_PACK = CHUNKS_IN_FRAME * CHUNKS_FRAMES,
    CHUNKS_STORED = 1000000, /* of a frame */
    CHUNKS_PACKS = 3000      /* of a segment: 55 MB */
};

struct chunks_make {
    const char *path; /* of the repository */
    struct repo *r;
    struct writer *w;
    struct prng random;
    struct segment_pack pack[CHUNKS_PACKS];
    struct buf dir[CHUNKS_PACKS]; /* of pack */
};

static void must(int rc)
{
    if (rc == 0)
        return;
    (void)fprintf(stderr, "chunks_make: %s\n", err_text());
    exit(1);
}

/* A pack's directory: n chunks. */
static void chunks_dir(struct chunks_make *m, size_t n, struct buf *to)
{
    struct pack_dir_chunk chunk[CHUNKS_IN_FRAME];
    struct pack_dir dir;

    pack_dir_init(&dir);
    for (uint32_t f = 0; n > 0; f++) {
        uint32_t some = n < CHUNKS_IN_FRAME ? (uint32_t)n : CHUNKS_IN_FRAME;
        struct pack_dir_frame frame = {.off = 65536 + f * CHUNKS_STORED,
                                       .stored_bytes = some * CHUNKS_BYTES,
                                       .raw_bytes = some * CHUNKS_BYTES,
                                       .chunk_n = some};

        prng_fill(&m->random, frame.hash.b, sizeof frame.hash.b);
        for (size_t i = 0; i < some; i++) {
            prng_fill(&m->random, chunk[i].id.b, sizeof chunk[i].id.b);
            chunk[i].bytes = CHUNKS_BYTES;
        }
        frame.stored_bytes = CHUNKS_STORED < frame.stored_bytes
                                 ? CHUNKS_STORED
                                 : frame.stored_bytes;
        must(pack_dir_add(&dir, &frame, chunk));
        n -= some;
    }
    pack_dir_put(&dir, to);
    must(buf_status(to));
    pack_dir_release(&dir);
}

/* The pack as a file of the right length. */
static void chunks_file(struct chunks_make *m, const struct object_id *id)
{
    char name[PACK_LAYOUT_NAME_MAX];
    char path[PATH_MAX];
    char *slash;
    int fd;

    pack_layout_name(id, name);
    (void)snprintf(path, sizeof path, "%s/%s", m->path, name);
    slash = strrchr(path, '/');
    for (char *p = path + strlen(m->path) + 1; (p = strchr(p, '/')); p++) {
        *p = 0;
        if (fileop_mkdirat(AT_FDCWD, path, 0700) != 0 && errno != EEXIST)
            must(err_set_errno(E_IO, errno, "%s: cannot be made", path));
        *p = '/';
        if (p == slash)
            break;
    }
    fd = fileop_openat(AT_FDCWD, path, O_WRONLY | O_CREAT, 0400);
    if (fd < 0 || fileop_truncate(fd, PACK_FULL_BYTES) != 0)
        must(err_set_errno(E_IO, errno, "%s: cannot be made", path));
    (void)fileop_close(fd);
}

static void chunks_segment(struct chunks_make *m, uint64_t chunks)
{
    const struct record_ids none = {NULL, 0};
    struct segment_list_item item = {.level = 0};
    size_t n = 0;

    for (; chunks > 0; n++) {
        size_t some = chunks < CHUNKS_IN_PACK ? (size_t)chunks : CHUNKS_IN_PACK;

        buf_init(&m->dir[n], PACK_DIR_MAX);
        chunks_dir(m, some, &m->dir[n]);
        m->pack[n] = (struct segment_pack){.kind = PACK_DATA,
                                           .bytes = PACK_FULL_BYTES,
                                           .writer = m->r->keys->member,
                                           .dir = buf_bytes(&m->dir[n])};
        prng_fill(&m->random, m->pack[n].id.b, sizeof m->pack[n].id.b);
        chunks_file(m, &m->pack[n].id);
        item.bytes += segment_pack_bytes(m->dir[n].n);
        chunks -= some;
    }
    must(segment_file_write(m->r->store, m->r->keys, 0, NULL, 0, m->pack, n,
                            &item.id));
    must(writer_journal_name_segment(m->w, &item, &none));
    for (size_t i = 0; i < n; i++)
        buf_release(&m->dir[i]);
}

static void chunks_key(const char *file, uint8_t key[32])
{
    int fd = fileop_openat(AT_FDCWD, file, O_RDONLY, 0);

    if (fd < 0 || fileop_pread_full(fd, key, 32, 0) != 32)
        must(err_set(E_USAGE, "%s: not a key file of 32 bytes", file));
    (void)fileop_close(fd);
}

int main(int argc, char **argv)
{
    struct repo_open_options opt = {.secret = NULL};
    struct key_slot_secret secret = {.kind = KEY_SLOT_FILE};
    struct chunks_make *m = mem_alloc(sizeof *m);
    struct store *store = NULL;
    uint8_t key[32];
    uint64_t chunks;

    if (argc != 6 || !m) {
        (void)fprintf(stderr, "usage: chunks_make REPOSITORY KEY_FILE "
                              "CACHE_ROOT SEED CHUNKS\n");
        return 2;
    }
    chunks_key(argv[2], key);
    secret.bytes = bytes_of(key, sizeof key);
    opt.secret = &secret;
    opt.cache_root = argv[3];
    m->path = argv[1];
    prng_init(&m->random, strtoull(argv[4], NULL, 10));
    chunks = strtoull(argv[5], NULL, 10);
    must(local_open(m->path, &store));
    must(repo_open(store, &opt, &m->r));
    must(writer_open(m->r, bytes_of_str("chunks"), &m->w));
    while (chunks > 0) {
        uint64_t most = (uint64_t)CHUNKS_PACKS * CHUNKS_IN_PACK;
        uint64_t some = chunks < most ? chunks : most;

        chunks_segment(m, some);
        chunks -= some;
    }
    must(writer_end(m->w));
    writer_free(m->w);
    repo_close(m->r);
    store_close(store);
    free(m);
    return 0;
}
