/*
 * mount_readers: many readers of a mount at once, who know what they ought to
 * read.
 *
 *   mount_readers make DIR FILES SEED   fill DIR with files of known content
 *   mount_readers read DIR READERS SECONDS SEED
 *       DIR holds directories, each with such files somewhere below, which come
 *       and go. Each reader opens a file, reads it at random places, by read
 * and through a mapping, and compares; then the next. That a directory or a
 *       file is gone before it was opened is fine; nothing else is.
 *
 * A file f<seed>-<size> has bytes that its seed and their place give. Exit: 0,
 * or 1 after the first difference, which is printed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/prng.h"

enum {
    READERS_MAX = 64,
    READERS_PATH = 4096,
    READERS_SIZE_MAX = 3 << 20,
    READERS_BLOCK = 65536,
    READERS_LOOKS = 24 /* at one open file */
};

struct readers {
    const char *dir;
    int64_t until; /* monotonic seconds */
    uint64_t seed;
    atomic_bool failed;
    atomic_ullong opened;
    atomic_ullong looks;
    atomic_ullong bytes;
};

static int64_t now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* ---- content --------------------------------------------------------------
 */

/* The eighth bytes of a file from number i on; some runs of them are zeros. */
static uint64_t word(uint64_t seed, uint64_t i)
{
    uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + i;

    if ((i >> 15) % 5 == 4) /* 256 KiB of each 1.25 MiB */
        return 0;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint8_t byte_at(uint64_t seed, uint64_t off)
{
    return (uint8_t)(word(seed, off / 8) >> (off % 8 * 8));
}

static int make(const char *dir, unsigned files, uint64_t seed)
{
    struct prng r;
    uint8_t *bytes = malloc(READERS_SIZE_MAX);

    if (!bytes)
        return 1;
    prng_init(&r, seed);
    for (unsigned i = 0; i < files; i++) {
        uint64_t s = prng_next(&r) >> 20;
        /* most are small */
        size_t max = prng_below(&r, 4) ? 20000 : READERS_SIZE_MAX;
        size_t size = (size_t)prng_below(&r, max);
        char path[READERS_PATH];
        int fd;

        (void)snprintf(path, sizeof path, "%s/f%llu-%zu", dir,
                       (unsigned long long)s, size);
        for (size_t k = 0; k < size; k++)
            bytes[k] = byte_at(s, k);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0 || write(fd, bytes, size) != (ssize_t)size) {
            perror(path);
            return 1;
        }
        (void)close(fd);
    }
    free(bytes);
    return 0;
}

/* ---- reading --------------------------------------------------------------
 */

struct reader {
    struct readers *all;
    struct prng r;
    char path[READERS_PATH];
    uint8_t block[READERS_BLOCK];
};

static void fail(struct reader *x, const char *what, uint64_t off)
{
    if (!atomic_exchange(&x->all->failed, true))
        (void)printf("%s: %s at %llu: %s\n", x->path, what,
                     (unsigned long long)off, strerror(errno));
}

static void compare(struct reader *x, uint64_t seed, const uint8_t *p, size_t n,
                    uint64_t off)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] == byte_at(seed, off + i))
            continue;
        errno = 0;
        fail(x, "another byte", off + i);
        return;
    }
    (void)atomic_fetch_add(&x->all->bytes, n);
}

static void look(struct reader *x, int fd, uint64_t seed, uint64_t size,
                 const uint8_t *map)
{
    uint64_t off = prng_below(&x->r, size);
    size_t n =
        (size_t)(1 + prng_below(&x->r,
                                prng_below(&x->r, 3) ? 4096 : READERS_BLOCK));
    ssize_t got;

    if (n > size - off)
        n = (size_t)(size - off);
    if (map && prng_below(&x->r, 4) == 0) {
        compare(x, seed, map + off, n, off);
        return;
    }
    got = pread(fd, x->block, n, (off_t)off);
    if (got != (ssize_t)n)
        fail(x, "a short read", off);
    else
        compare(x, seed, x->block, n, off);
}

static void read_file(struct reader *x, const char *name)
{
    unsigned long long seed, size;
    uint8_t *map = NULL;
    struct stat st;
    int fd = open(x->path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        if (errno != ENOENT && errno != ESTALE)
            fail(x, "open", 0);
        return;
    }
    if (sscanf(name, "f%llu-%llu", &seed, &size) != 2 || fstat(fd, &st) < 0 ||
        (unsigned long long)st.st_size != size)
        fail(x, "another size", 0);
    if (size > 0 && prng_below(&x->r, 4) == 0) {
        map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
        map = map == MAP_FAILED ? NULL : map;
    }
    (void)atomic_fetch_add(&x->all->opened, 1);
    for (unsigned i = 0; size > 0 && i < READERS_LOOKS; i++) {
        if (atomic_load(&x->all->failed))
            break;
        look(x, fd, seed, size, map);
        (void)atomic_fetch_add(&x->all->looks, 1);
        if (prng_below(&x->r, 64) == 0) /* others forget and prune meanwhile */
            (void)usleep(500000);
    }
    if (map)
        (void)munmap(map, size);
    (void)close(fd);
}

/* A random name of a directory, appended to the path. False: none. */
static bool descend(struct reader *x, char name[256])
{
    DIR *d = opendir(x->path);
    const struct dirent *e;
    unsigned n = 0;
    size_t len = strlen(x->path);

    if (!d)
        return false;
    errno = 0;
    while ((e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        if (prng_below(&x->r, ++n) == 0)
            (void)snprintf(name, 256, "%s", e->d_name);
        errno = 0;
    }
    if (errno != 0 && errno != ENOENT && errno != ESTALE)
        fail(x, "readdir", 0);
    (void)closedir(d);
    if (n == 0)
        return false;
    (void)snprintf(x->path + len, sizeof x->path - len, "/%s", name);
    return true;
}

static void *reader_run(void *arg)
{
    struct reader *x = arg;

    while (now() < x->all->until && !atomic_load(&x->all->failed)) {
        char name[256] = "";

        (void)snprintf(x->path, sizeof x->path, "%s", x->all->dir);
        while (name[0] != 'f' || !strchr(name, '-')) {
            if (!descend(x, name))
                break;
        }
        if (name[0] == 'f' && strchr(name, '-'))
            read_file(x, name);
    }
    return NULL;
}

static int read_all(const char *dir, unsigned n, unsigned seconds,
                    uint64_t seed)
{
    static struct reader reader[READERS_MAX];
    struct readers all = {.dir = dir, .until = now() + seconds, .seed = seed};
    pthread_t thread[READERS_MAX];

    if (n > READERS_MAX)
        return 2;
    for (unsigned i = 0; i < n; i++) {
        reader[i].all = &all;
        prng_init(&reader[i].r, seed + i);
        if (pthread_create(&thread[i], NULL, reader_run, &reader[i]) != 0)
            return 2;
    }
    for (unsigned i = 0; i < n; i++)
        (void)pthread_join(thread[i], NULL);
    (void)printf("%llu files opened, %llu looks, %llu MB compared\n",
                 all.opened, all.looks, all.bytes / 1000000);
    return all.failed ? 1 : all.opened > 0 ? 0 : 2;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "make") == 0)
        return make(argv[2], (unsigned)atoi(argv[3]),
                    strtoull(argv[4], NULL, 10));
    if (argc == 6 && strcmp(argv[1], "read") == 0)
        return read_all(argv[2], (unsigned)atoi(argv[3]),
                        (unsigned)atoi(argv[4]), strtoull(argv[5], NULL, 10));
    return 2;
}
