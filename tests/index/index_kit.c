#include "tests/index/index_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/siphash.h"

void index_kit_check(int rc, const char *file, int line)
{
    if (rc == 0)
        return;
    print_error("%d: %s\n", rc, err_text());
    _fail(file, line);
}

void index_kit_begin(struct index_kit *kit)
{
    const char *tmp = getenv("TMPDIR");

    if (!tmp || strlen(tmp) > 40)
        tmp = "/tmp";
    (void)snprintf(kit->dir, sizeof kit->dir, "%s/index-XXXXXX", tmp);
    assert_non_null(mkdtemp(kit->dir));
    (void)snprintf(kit->path, sizeof kit->path, "%s/cache", kit->dir);
    memset(kit->repo.b, 7, sizeof kit->repo.b);
}

static void index_kit_remove(const char *dir, int depth)
{
    DIR *d = opendir(dir);
    const struct dirent *e;

    assert_true(depth < 4);
    if (!d)
        return;
    while ((e = readdir(d)) != NULL) {
        char name[512];

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        (void)snprintf(name, sizeof name, "%s/%s", dir, e->d_name);
        if (unlink(name) != 0)
            index_kit_remove(name, depth + 1);
    }
    (void)closedir(d);
    (void)rmdir(dir);
}

void index_kit_end(struct index_kit *kit)
{
    index_kit_remove(kit->dir, 0);
}

struct index *index_kit_open(const struct index_kit *kit, enum index_fate fate)
{
    const struct index_options opt = {.create = true, .wait_ms = 20000};
    enum index_fate got;
    struct index *ix;

    index_kit_ok(index_open(kit->path, &kit->repo, &opt, &ix, &got));
    assert_non_null(ix);
    assert_int_equal(got, fate);
    return ix;
}

static void index_kit_id(uint8_t *b, uint64_t number, uint64_t kind)
{
    for (uint64_t i = 0; i < 4; i++) {
        const struct siphash_key key = {kind, i};
        uint64_t x = siphash(&key, bytes_of(&number, sizeof number));

        memcpy(b + 8 * i, &x, 8);
    }
}

struct chunk_id index_kit_chunk_id(uint64_t number)
{
    struct chunk_id id;

    index_kit_id(id.b, number, 1);
    return id;
}

struct object_id index_kit_object_id(uint64_t number)
{
    struct object_id id;

    index_kit_id(id.b, number, 2);
    return id;
}

struct index_pack index_kit_pack(uint64_t number)
{
    struct index_pack pack = {.kind = number % 5 ? INDEX_DATA : INDEX_META,
                              .state = INDEX_LIVE,
                              .trusted = true,
                              .chunk_n = (uint32_t)(number + 1),
                              .size_bytes = number << 20};

    pack.id = index_kit_object_id(number);
    memset(pack.writer.b, (int)(number % 251), sizeof pack.writer.b);
    memset(pack.member.b, (int)(number % 127), sizeof pack.member.b);
    return pack;
}

struct index_chunk index_kit_chunk(uint64_t number, uint32_t no,
                                   uint32_t variant)
{
    struct index_chunk c = {.id = index_kit_chunk_id(number)};

    c.loc.pack = no;
    c.loc.frame_off = (uint32_t)number * 64 + variant * 1000;
    c.loc.frame_stored = 400000 + (uint32_t)(number % 1000);
    c.loc.frame_raw = 1 << 20;
    c.loc.off = (uint32_t)(number % 17) * 65536;
    c.loc.bytes = 1 + (uint32_t)(number % 262144);
    c.loc.key_slot = (uint16_t)(number % 1024);
    return c;
}

void index_kit_write(const char *path, uint64_t off, const void *p, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, p, n, (off_t)off), n);
    assert_int_equal(close(fd), 0);
}

uint64_t index_kit_size(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

void index_kit_truncate(const char *path, uint64_t size)
{
    assert_int_equal(truncate(path, (off_t)size), 0);
}

void index_kit_copy(const char *from, const char *to)
{
    char buf[4096];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t n;

    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, buf, sizeof buf)) > 0)
        assert_int_equal(write(out, buf, (size_t)n), n);
    assert_int_equal(n, 0);
    assert_int_equal(close(in), 0);
    assert_int_equal(close(out), 0);
}
