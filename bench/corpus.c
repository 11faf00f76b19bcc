#include "bench/corpus.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUF_BYTES = 1 << 20,
    SMALL_MAX = 8192,
    TINY_IN_DIR = 1000,
    PER_DIR = 16,
    LEVELS = 7
};

void corpus_die(const char *what)
{
    (void)fprintf(stderr, "corpus_make: %s: %s\n", what, strerror(errno));
    exit(1);
}

char *corpus_path(const char *dir, const char *name)
{
    char *path;

    if (asprintf(&path, "%s/%s", dir, name) < 0)
        corpus_die("memory");
    return path;
}

void corpus_stamp(const char *path, int64_t seconds)
{
    struct timespec t[2] = {{seconds, 0}, {seconds, 0}};

    if (utimensat(AT_FDCWD, path, t, AT_SYMLINK_NOFOLLOW) < 0)
        corpus_die(path);
}

static int make(const char *path, unsigned mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

    if (fd < 0 || fchmod(fd, mode) < 0)
        corpus_die(path);
    return fd;
}

static void put(int fd, const void *p, size_t n, const char *path)
{
    if (write(fd, p, n) != (ssize_t)n)
        corpus_die(path);
}

static void finish(int fd, const char *path, int64_t seconds)
{
    if (close(fd) < 0)
        corpus_die(path);
    corpus_stamp(path, seconds);
}

void corpus_write(const char *path, const void *p, size_t n, unsigned mode,
                  int64_t seconds)
{
    int fd = make(path, mode);

    put(fd, p, n, path);
    finish(fd, path, seconds);
}

static const char *const words[] = {
    "the",    "of",     "to",      "return", "if",     "and",    "is",
    "struct", "a",      "int",     "in",     "static", "buffer", "size",
    "for",    "lock",   "device",  "error",  "value",  "index",  "length",
    "node",   "page",   "offset",  "table",  "queue",  "state",  "driver",
    "config", "parent", "request", "memory", "signal", "thread", "register",
    "number", "kernel", "channel", "packet", "window"};

enum { WORDS = sizeof words / sizeof *words };

/*
 * The smaller of two: the first words of the list are much more frequent. Never
 * two calls among the arguments of one: their order is the compiler's choice.
 */
static const char *word(struct prng *r)
{
    uint64_t a = prng_below(r, WORDS);
    uint64_t b = prng_below(r, WORDS);

    return words[a < b ? a : b];
}

void corpus_text(struct prng *r, char *p, size_t n)
{
    char piece[64];
    size_t column = 0;

    for (size_t at = 0; at < n;) {
        int kind = (int)prng_below(r, 16);
        const char *first = word(r);
        unsigned n_in = (unsigned)prng_below(r, 65536);
        int len;
        size_t now;

        if (kind == 0)
            len = snprintf(piece, sizeof piece, "0x%04x ", n_in);
        else if (kind == 1)
            len = snprintf(piece, sizeof piece, "%s_%s(%u) ", first, word(r),
                           n_in % 100);
        else
            len = snprintf(piece, sizeof piece, "%s ", first);
        column += (size_t)len;
        if (column > 70 || kind == 15) {
            piece[len - 1] = '\n';
            column = 0;
        }
        now = (size_t)len < n - at ? (size_t)len : n - at;
        memcpy(p + at, piece, now);
        at += now;
    }
}

void corpus_binary(struct prng *r, char *p, size_t n)
{
    unsigned char record[32] = {0};
    uint32_t counter = 0;

    for (size_t at = 0; at < n; at += sizeof record) {
        size_t now = n - at < sizeof record ? n - at : sizeof record;

        counter++;
        for (unsigned i = 0; i < 4; i++)
            record[i] = (unsigned char)(counter >> 8 * i);
        prng_fill(r, record + 16, 16);
        memcpy(p + at, record, now);
    }
}

/* One file of what fill() makes, a buffer at a time. */
static void large_file(const char *dir, const char *name, uint64_t seed,
                       uint64_t bytes,
                       void (*fill)(struct prng *, char *, size_t))
{
    static char buf[BUF_BYTES];
    char *path = corpus_path(dir, name);
    struct prng r;
    int fd = make(path, 0644);

    prng_init(&r, seed);
    while (bytes > 0) {
        size_t now = bytes < sizeof buf ? (size_t)bytes : sizeof buf;

        fill(&r, buf, sizeof buf);
        put(fd, buf, now, path);
        bytes -= now;
    }
    finish(fd, path, CORPUS_BEGIN);
    corpus_stamp(dir, CORPUS_BEGIN);
    free(path);
}

static void noise(struct prng *r, char *p, size_t n)
{
    prng_fill(r, (unsigned char *)p, n);
}

void corpus_noise(const char *dir, uint64_t seed, uint64_t bytes)
{
    large_file(dir, "noise.bin", seed, bytes, noise);
}

void corpus_half(const char *dir, uint64_t seed, uint64_t bytes)
{
    large_file(dir, "half.bin", seed, bytes, corpus_binary);
}

static void small_file(const char *dir, struct prng *r, uint64_t i)
{
    static const char *const ends[2][4] = {{"txt", "c", "html", "conf"},
                                           {"bin", "o", "db", "idx"}};
    static char data[SMALL_MAX];
    bool binary = prng_below(r, 5) == 0;
    size_t n = prng_below(r, SMALL_MAX + 1);
    int64_t when =
        CORPUS_BEGIN + (int64_t)prng_below(r, (uint64_t)90 * CORPUS_DAY);
    unsigned mode = prng_below(r, 20) == 0 ? 0755 : 0644;
    const char *end = ends[binary][prng_below(r, 4)];
    char *path;

    if (asprintf(&path, "%s/%s-%llu.%s", dir, word(r), (unsigned long long)i,
                 end) < 0)
        corpus_die("memory");
    if (binary)
        corpus_binary(r, data, n);
    else
        corpus_text(r, data, n);
    corpus_write(path, data, n, mode, when);
    free(path);
}

void corpus_small(const char *dir, uint64_t seed, uint64_t files)
{
    uint64_t dirs_n = files / PER_DIR + 1;
    char **dirs = calloc(dirs_n, sizeof *dirs);
    unsigned *level = calloc(dirs_n, sizeof *level);
    struct prng r;

    if (!dirs || !level || !(dirs[0] = strdup(dir)))
        corpus_die("memory");
    prng_init(&r, seed);
    for (uint64_t i = 1; i < dirs_n; i++) {
        uint64_t up = prng_below(&r, i);

        while (level[up] == LEVELS)
            up = prng_below(&r, i);
        level[i] = level[up] + 1;
        if (asprintf(&dirs[i], "%s/%s%llu", dirs[up], word(&r),
                     (unsigned long long)i) < 0)
            corpus_die("memory");
        if (mkdir(dirs[i], 0755) < 0 || chmod(dirs[i], 0755) < 0)
            corpus_die(dirs[i]);
    }
    for (uint64_t i = 0; i < files; i++)
        small_file(dirs[prng_below(&r, dirs_n)], &r, i);
    for (uint64_t i = dirs_n; i-- > 0;) {
        corpus_stamp(dirs[i], CORPUS_BEGIN + (int64_t)i);
        free(dirs[i]);
    }
    free(dirs);
    free(level);
}

void corpus_tiny(const char *dir, uint64_t seed, uint64_t files)
{
    struct prng r;
    char path[4096];
    char data[16];

    prng_init(&r, seed);
    for (uint64_t i = 0; i < files; i++) {
        (void)snprintf(path, sizeof path, "%s/%llu", dir,
                       (unsigned long long)(i / TINY_IN_DIR));
        if (i % TINY_IN_DIR == 0 && mkdir(path, 0755) < 0)
            corpus_die(path);
        (void)snprintf(path, sizeof path, "%s/%llu/%llu", dir,
                       (unsigned long long)(i / TINY_IN_DIR),
                       (unsigned long long)i);
        for (size_t at = 0; at < sizeof data; at++)
            data[at] = (char)prng_below(&r, 256);
        corpus_write(path, data, sizeof data, 0644, CORPUS_BEGIN);
    }
}
