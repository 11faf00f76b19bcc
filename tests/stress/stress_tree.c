#include "tests/stress/stress_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STRESS_TREE_BYTES = 150000, STRESS_TREE_PATH = 512 };

static size_t stress_tree_content(unsigned file, unsigned version,
                                  unsigned char out[STRESS_TREE_BYTES])
{
    struct prng r;
    size_t n;

    prng_init(&r, 1 + (uint64_t)file * STRESS_TREE_VERSIONS + version);
    n = 1 +
        (size_t)prng_below(&r, prng_below(&r, 4) ? 20000 : STRESS_TREE_BYTES);
    prng_fill(&r, out, n);
    return n;
}

static void stress_tree_path(const char *dir, unsigned file, const char *end,
                             char out[STRESS_TREE_PATH])
{
    (void)snprintf(out, STRESS_TREE_PATH, "%s/d%u/f%u%s", dir, file / 8, file,
                   end);
}

/* Mode and time are of the version, too. */
static mode_t stress_tree_mode(unsigned version)
{
    return 0600 + version % 0100;
}

static struct timespec stress_tree_time(unsigned file, unsigned version)
{
    return (struct timespec){.tv_sec = 1000000000 + (time_t)file,
                             .tv_nsec = 1000 * (long)version};
}

static bool stress_tree_stamp(const char *path, unsigned file, unsigned version)
{
    struct timespec times[2] = {stress_tree_time(file, version),
                                stress_tree_time(file, version)};

    return chmod(path, stress_tree_mode(version)) == 0 &&
           utimensat(AT_FDCWD, path, times, 0) == 0;
}

/* A new file takes the place of the old one, as editors do it. */
static bool stress_tree_write(const char *dir, unsigned file, unsigned version)
{
    static unsigned char bytes[STRESS_TREE_BYTES];
    char path[STRESS_TREE_PATH];
    char temp[STRESS_TREE_PATH];
    size_t n = stress_tree_content(file, version, bytes);
    FILE *f;
    bool ok;

    stress_tree_path(dir, file, "", path);
    stress_tree_path(dir, file, "~", temp);
    if (version == 0)
        return unlink(path) == 0 || errno == ENOENT;
    f = fopen(temp, "wb");
    if (!f)
        return false;
    ok = fwrite(bytes, 1, n, f) == n;
    ok &= fclose(f) == 0;
    return ok && stress_tree_stamp(temp, file, version) &&
           rename(temp, path) == 0;
}

bool stress_tree_change(struct stress_tree *t, const char *dir, struct prng *r)
{
    char path[STRESS_TREE_PATH];

    (void)mkdir(dir, 0755);
    for (unsigned i = 0; i < STRESS_TREE_FILES; i++) {
        (void)snprintf(path, sizeof path, "%s/d%u", dir, i / 8);
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return false;
        if (prng_below(r, 4) > 0)
            continue;
        t->version[i] = (unsigned)prng_below(r, STRESS_TREE_VERSIONS);
        if (!stress_tree_write(dir, i, t->version[i]))
            return false;
    }
    return true;
}

static bool stress_tree_same(const char *path, unsigned file, unsigned version)
{
    static unsigned char want[STRESS_TREE_BYTES];
    static unsigned char got[STRESS_TREE_BYTES + 1];
    size_t n = stress_tree_content(file, version, want);
    struct timespec time = stress_tree_time(file, version);
    FILE *f = fopen(path, "rb");
    struct stat st;
    size_t have;

    if (!f)
        return version == 0 && access(path, F_OK) != 0;
    if (fstat(fileno(f), &st) != 0 ||
        (st.st_mode & 07777) != stress_tree_mode(version) ||
        st.st_mtim.tv_sec != time.tv_sec ||
        st.st_mtim.tv_nsec != time.tv_nsec) {
        (void)fclose(f);
        return false;
    }
    have = fread(got, 1, sizeof got, f);
    (void)fclose(f);
    return version > 0 && have == n && memcmp(want, got, n) == 0;
}

static size_t stress_tree_seen;

static int stress_tree_count(const char *path, const struct stat *st, int type,
                             struct FTW *at)
{
    (void)path;
    (void)st;
    (void)at;
    stress_tree_seen += type == FTW_F || type == FTW_SL;
    return 0;
}

size_t stress_tree_files(const char *dir)
{
    stress_tree_seen = 0;
    (void)nftw(dir, stress_tree_count, 16, FTW_PHYS);
    return stress_tree_seen;
}

bool stress_tree_is(const struct stress_tree *t, const char *dir, char why[256])
{
    size_t files = 0;

    for (unsigned i = 0; i < STRESS_TREE_FILES; i++) {
        char path[STRESS_TREE_PATH];

        files += t->version[i] > 0;
        stress_tree_path(dir, i, "", path);
        if (!stress_tree_same(path, i, t->version[i])) {
            (void)snprintf(why, 256, "file %u is not its version %u", i,
                           t->version[i]);
            return false;
        }
    }
    if (stress_tree_files(dir) != files)
        (void)snprintf(why, 256, "there are %zu files, not %zu",
                       stress_tree_seen, files);
    return stress_tree_seen == files;
}
