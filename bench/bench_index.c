/*
 * bench_index: how fast the index takes chunks and finds them again, and what
 * it costs in memory and on disk.
 *
 *     bench_index [CHUNKS [BATCH [DIR]]]
 *
 * At most 1,000,000 random ids in packs of 500, put into an empty cache in
 * updates of BATCH (10,000), each made durable. Then a second cache of CHUNKS
 * (1,000,000) by rebuild, and ten more updates of it. In both: lookups of
 * 1,000,000 random ids, present and absent, in random order, by one thread and
 * by two; in sorted batches of 1,000; and the time to open the cache and find
 * one chunk. DIR (/tmp) should be a disk. One JSON object per line; rates per
 * second of wall time, and per second of CPU time of all threads (cpu_per_s);
 * sizes in bytes. rss_anon is what the process holds besides mapped file pages.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fileop.h"
#include "base/siphash.h"
#include "index/index.h"

enum { GETS = 1000000, SORTED = 1000, PACK_CHUNKS = 500 };

static const struct index_options options = {.create = true, .wait_ms = 1000};
static const struct repo_id repo = {{42}};
static uint64_t chunks;

static void must(int rc)
{
    if (rc == 0)
        return;
    (void)fprintf(stderr, "bench_index: %s\n", err_text());
    exit(2);
}

static double clock_s(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double now(void)
{
    return clock_s(CLOCK_MONOTONIC);
}

/* All threads: what other load cannot stretch. */
static double now_cpu(void)
{
    return clock_s(CLOCK_PROCESS_CPUTIME_ID);
}

static uint64_t status_bytes(const char *field)
{
    char line[256];
    unsigned long kib = 0;
    FILE *f = fopen("/proc/self/status", "re");

    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, field, strlen(field)) == 0)
            kib = strtoul(line + strlen(field) + 1, NULL, 10);
    }
    if (f)
        (void)fclose(f);
    return (uint64_t)kib * 1024;
}

static struct chunk_id id_of(uint64_t number)
{
    struct chunk_id id = {{0}};

    for (uint64_t i = 0; i < 4; i++) {
        const struct siphash_key key = {number, i};
        uint64_t x = siphash(&key, bytes_of(&i, sizeof i));

        memcpy(id.b + 8 * i, &x, 8);
    }
    return id;
}

static uint32_t put_pack(struct index_update *u, uint64_t number)
{
    struct index_pack pack = {.kind = INDEX_DATA,
                              .state = INDEX_LIVE,
                              .trusted = true,
                              .chunk_n = PACK_CHUNKS,
                              .size_bytes = 33816576};
    struct chunk_id id = id_of(number | 1ULL << 62);
    uint32_t no;

    memcpy(pack.id.b, id.b, sizeof pack.id.b);
    must(index_update_put_pack(u, &pack, &no));
    return no;
}

/* Chunks from..from+n, and the packs that begin among them. */
static void make(struct index_update *u, struct index_chunk *c, uint64_t from,
                 size_t n)
{
    static uint32_t no;

    for (size_t i = 0; i < n; i++) {
        uint64_t number = from + i;

        if (number % PACK_CHUNKS == 0)
            no = put_pack(u, number / PACK_CHUNKS);
        c[i].id = id_of(number);
        c[i].loc = (struct index_loc){.pack = no,
                                      .frame_off = (uint32_t)number * 16,
                                      .frame_stored = 500000,
                                      .frame_raw = 1 << 20,
                                      .off = (uint32_t)(number % 16) * 65536,
                                      .bytes = 65536};
    }
}

static void mark(struct index_update *u, uint64_t position)
{
    must(index_update_put_mark(u, bytes_of_str("log"),
                               bytes_of(&position, sizeof position)));
}

static void bench_updates(const char *path, struct index_chunk *c, size_t batch,
                          uint64_t first, uint64_t end)
{
    struct index *ix;
    struct index_update *u;
    enum index_fate fate;
    double start = now();
    double cpu = now_cpu();

    must(index_open(path, &repo, &options, &ix, &fate));
    for (uint64_t from = first; from < end; from += batch) {
        size_t n = end - from < batch ? (size_t)(end - from) : batch;

        must(index_update_begin(ix, 1000, &u));
        make(u, c, from, n);
        must(index_update_put_chunks(u, c, n));
        mark(u, from);
        must(index_update_commit(u));
    }
    printf("{\"name\":\"index.insert\",\"into\":%" PRIu64 ",\"chunks\":%" PRIu64
           ",\"batch\":%zu,"
           "\"per_s\":%.0f,\"cpu_per_s\":%.0f,\"rss_anon\":%" PRIu64 "}\n",
           first, end - first, batch, (double)(end - first) / (now() - start),
           (double)(end - first) / (now_cpu() - cpu), status_bytes("RssAnon:"));
    index_close(ix);
}

static void bench_rebuild(const char *path, struct index_chunk *c, size_t batch)
{
    struct index_rebuild *rb;
    double start = now();
    double cpu = now_cpu();
    double added;
    uint64_t most = 0;

    must(index_rebuild_begin(path, &repo, &options, &rb));
    for (uint64_t from = 0; from < chunks; from += batch) {
        size_t n = chunks - from < batch ? (size_t)(chunks - from) : batch;

        make(index_rebuild_update(rb), c, from, n);
        must(index_update_put_chunks(index_rebuild_update(rb), c, n));
        if (from % (batch * 16) == 0) {
            uint64_t rss = status_bytes("RssAnon:");

            most = rss > most ? rss : most;
        }
    }
    mark(index_rebuild_update(rb), chunks);
    added = now();
    must(index_rebuild_commit(rb, NULL, NULL));
    printf("{\"name\":\"index.rebuild\",\"chunks\":%" PRIu64 ",\"per_s\":%.0f,"
           "\"seconds\":%.2f,\"cpu_s\":%.2f,\"of_it_commit\":%.2f,"
           "\"rss_anon_adding\":%" PRIu64 "}\n",
           chunks, (double)chunks / (now() - start), now() - start,
           now_cpu() - cpu, now() - added, most);
}

struct gets {
    struct index *ix;
    const struct chunk_id *id;
    size_t n;
    size_t found;
    pthread_t thread;
};

static void *run_gets(void *arg)
{
    struct gets *g = arg;
    struct index_reader *r;
    struct index_loc loc;

    must(index_reader_new(g->ix, &r));
    g->found = 0;
    for (size_t i = 0; i < g->n; i++) {
        bool found;

        must(index_reader_find(r, &g->id[i], INDEX_DEDUP, &loc, &found));
        g->found += found;
    }
    index_reader_free(r);
    return NULL;
}

static void time_gets(struct index *ix, const char *what,
                      const struct chunk_id *id, size_t threads)
{
    struct gets g[2];
    size_t found = 0;
    double start = now();
    double cpu = now_cpu();

    for (size_t i = 0; i < threads; i++) {
        g[i] = (struct gets){
            .ix = ix, .id = id + i * (GETS / threads), .n = GETS / threads};
        if (pthread_create(&g[i].thread, NULL, run_gets, &g[i]) != 0)
            exit(2);
    }
    for (size_t i = 0; i < threads; i++) {
        (void)pthread_join(g[i].thread, NULL);
        found += g[i].found;
    }
    printf("{\"name\":\"index.%s\",\"threads\":%zu,\"per_s\":%.0f,"
           "\"cpu_per_s\":%.0f,\"found\":%zu}\n",
           what, threads, GETS / (now() - start), GETS / (now_cpu() - cpu),
           found);
}

static int id_cmp(const void *a, const void *b)
{
    return memcmp(a, b, ID_BYTES);
}

static void bench_gets(struct index *ix)
{
    struct chunk_id *id = malloc(GETS * sizeof *id);
    struct index_reader *r;
    struct index_stats stats;

    if (!id)
        exit(2);
    for (uint64_t i = 0; i < GETS; i++)
        id[i] = id_of(i * 2654435761 % chunks);
    time_gets(ix, "hit", id, 1);
    time_gets(ix, "hit", id, 1);
    time_gets(ix, "hit", id, 2);
    for (size_t i = 0; i < GETS; i += SORTED)
        qsort(id + i, SORTED, sizeof *id, id_cmp);
    time_gets(ix, "hit_sorted_1000", id, 1);
    for (uint64_t i = 0; i < GETS; i++)
        id[i] = id_of(i | 1ULL << 61);
    time_gets(ix, "miss", id, 1);
    free(id);
    must(index_reader_new(ix, &r));
    must(index_reader_stats(r, &stats));
    printf("{\"name\":\"index.size\",\"chunks\":%" PRIu64 ",\"file\":%" PRIu64
           ",\"used\":%" PRIu64 ",\"file_per_chunk\":%.1f,\"rss_anon\":%" PRIu64
           ",\"rss_file\":%" PRIu64 "}\n",
           stats.chunk_n, stats.file_bytes, stats.used_bytes,
           (double)stats.file_bytes / (double)stats.chunk_n,
           status_bytes("RssAnon:"), status_bytes("RssFile:"));
    index_reader_free(r);
}

/* Forget what the page cache has of the file. */
static void cool(const char *path)
{
    char name[700];
    int fd;

    (void)snprintf(name, sizeof name, "%s/data.mdb", path);
    fd = fileop_openat(AT_FDCWD, name, O_RDONLY, 0);
    if (fd < 0 || fileop_sync(fd) != 0)
        exit(2);
    fileop_advise(fd, 0, 0, POSIX_FADV_DONTNEED);
    (void)fileop_close(fd);
}

static struct index *open_and_find(const char *path, const char *how)
{
    struct index *ix;
    struct index_reader *r;
    struct index_loc loc;
    struct chunk_id one = id_of(chunks / 2);
    enum index_fate fate;
    double start = now();
    bool found;

    must(index_open(path, &repo, &options, &ix, &fate));
    must(index_reader_new(ix, &r));
    must(index_reader_find(r, &one, INDEX_DEDUP, &loc, &found));
    printf("{\"name\":\"index.open_and_find_%s\",\"ms\":%.2f,\"opened\":%d,"
           "\"found\":%d,\"rss_anon\":%" PRIu64 "}\n",
           how, (now() - start) * 1e3, fate == INDEX_OPENED, found,
           status_bytes("RssAnon:"));
    index_reader_free(r);
    return ix;
}

static void bench_open(const char *path)
{
    struct index *ix;

    cool(path);
    index_close(open_and_find(path, "cold"));
    ix = open_and_find(path, "warm");
    bench_gets(ix);
    index_close(ix);
}

static void clean(const char *dir)
{
    static const char *const file[] = {"a/data.mdb", "a/lock.mdb", "a",
                                       "a.lock",     "b/data.mdb", "b/lock.mdb",
                                       "b",          "b.lock",     ""};
    char name[600];

    for (size_t i = 0; i < sizeof file / sizeof file[0]; i++) {
        (void)snprintf(name, sizeof name, "%s/%s", dir, file[i]);
        (void)remove(name);
    }
}

int main(int argc, char **argv)
{
    size_t batch = argc > 2 ? strtoul(argv[2], NULL, 10) : 10000;
    uint64_t all = 1000000;
    char dir[512];
    char path[600];
    struct index_chunk *c;

    if (argc > 1)
        all = strtoull(argv[1], NULL, 10);
    if (all < 1 || batch < 1)
        return 1;
    (void)snprintf(dir, sizeof dir, "%s/bench-index-XXXXXX",
                   argc > 3 ? argv[3] : "/tmp");
    c = calloc(batch, sizeof *c);
    if (!c || !mkdtemp(dir))
        return 2;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)snprintf(path, sizeof path, "%s/a", dir);
    chunks = all < 1000000 ? all : 1000000;
    bench_updates(path, c, batch, 0, chunks);
    bench_open(path);
    chunks = all;
    (void)snprintf(path, sizeof path, "%s/b", dir);
    bench_rebuild(path, c, batch);
    bench_open(path);
    bench_updates(path, c, batch, chunks, chunks + 10 * batch);
    free(c);
    clean(dir);
    return 0;
}
