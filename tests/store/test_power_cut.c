/*
 * Power cuts, on a real ext4: the file system is shut down without flushing
 * its log while a child puts objects, and mounted again. Each object that the
 * child was told is safe must be there, whole; none may be torn.
 * Needs root and loop devices; says so and skips without.
 */
#include "tests/store/store_place.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/prng.h"
#include "tests/support/scratch.h"

#define SHUTDOWN_IOCTL    _IOR('X', 125, uint32_t)
#define SHUTDOWN_NO_FLUSH 2U

enum { CUTS = 12, SIZE_MAX_BYTES = 200000 };

static char dir[64];
static char mounted[96];
static bool available;

static int run(const char *command)
{
    char line[256];

    (void)snprintf(line, sizeof line, "cd %s && %s", dir, command);
    return system(line);
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/test_power_cut.XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    (void)snprintf(mounted, sizeof mounted, "%s/m", dir);
    available =
        scratch_alone() && run("mkdir m && truncate -s 64M image && "
                               "mkfs.ext4 -q -F image 2>/dev/null && "
                               "mount -o loop image m 2>/dev/null") == 0;
    if (!available)
        print_message("skipped: cannot mount an ext4 image here\n");
    return 0;
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    /* a test that failed may still have files open there */
    (void)umount2(mounted, MNT_DETACH);
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

/* NULL when that fails, as it does after the cut. */
static struct store *open_store(enum store_kind kind)
{
    char root[128];
    struct store *s = NULL;

    (void)snprintf(root, sizeof root, "%s/root", mounted);
    if (local_create(root) < 0 || local_open(root, &s) < 0)
        return NULL;
    local_use_naming(s, (enum local_naming)(kind - STORE_BY_TMPFILE));
    return s;
}

/* The n-th object of a cut: name and bytes follow from the numbers. */
static void object_name(char *name, size_t max, unsigned cut, unsigned n)
{
    (void)snprintf(name, max, "packs/%02x/%u-%u", (cut * 7 + n) % 24, cut, n);
}

static struct bytes object_content(unsigned cut, unsigned n)
{
    static uint8_t bytes[SIZE_MAX_BYTES];
    struct prng r;
    size_t size;

    prng_init(&r, cut * 100000ULL + n);
    size = prng_below(&r, SIZE_MAX_BYTES);
    prng_fill(&r, bytes, size);
    return bytes_of(bytes, size);
}

/* In the child: a file nobody syncs, and objects until the store fails. */
static void put_until_the_cut(enum store_kind kind, unsigned cut, int to)
{
    struct store *s = open_store(kind);
    char name[300];
    int fd;

    (void)snprintf(name, sizeof name, "%s/unsynced-%u", mounted, cut);
    fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (!s || write(fd, name, sizeof name) != sizeof name)
        _exit(0);
    for (unsigned n = 0;; n++) {
        enum store_outcome outcome;

        object_name(name, sizeof name, cut, n);
        if (store_put(s, name, object_content(cut, n), &outcome) < 0)
            _exit(0);
        if (outcome != STORE_CREATED || write(to, &n, sizeof n) != sizeof n)
            _exit(1);
    }
}

/* Returns how many objects of this cut are safe. */
static unsigned cut_power(enum store_kind kind, unsigned cut, unsigned after)
{
    uint32_t how = SHUTDOWN_NO_FLUSH;
    unsigned safe = 0;
    unsigned n;
    int ends[2];
    int status;
    int fd;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        put_until_the_cut(kind, cut, ends[1]);
    (void)close(ends[1]);
    fd = open(mounted, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (safe < after && read(ends[0], &n, sizeof n) == sizeof n)
        safe = n + 1;
    /* somewhere within the next put */
    (void)usleep(cut * 379 % 4000);
    assert_int_equal(ioctl(fd, SHUTDOWN_IOCTL, &how), 0);
    while (read(ends[0], &n, sizeof n) == sizeof n)
        safe = n + 1;
    (void)close(fd);
    (void)close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(umount(mounted), 0);
    assert_int_equal(run("mount -o loop image m"), 0);
    return safe;
}

struct census {
    unsigned safe[CUTS];
    unsigned seen[CUTS]; /* of the safe ones */
    struct store *s;
};

static int take_census(void *ctx, const char *name, uint64_t size)
{
    struct census *census = ctx;
    unsigned cut;
    unsigned n;
    struct bytes content;
    struct buf got;
    bool found;

    assert_int_equal(sscanf(name, "packs/%*2x/%u-%u", &cut, &n), 2);
    assert_true(cut < CUTS);
    content = object_content(cut, n);
    assert_int_equal(size, content.n);
    buf_init(&got, SIZE_MAX_BYTES);
    assert_int_equal(store_get(census->s, name, &got, &found), 0);
    assert_true(found);
    assert_true(bytes_equal(buf_bytes(&got), content));
    buf_release(&got);
    census->seen[cut] += n < census->safe[cut];
    return 0;
}

static bool unsynced_survived(unsigned cut)
{
    char name[128];
    struct stat st;

    (void)snprintf(name, sizeof name, "%s/unsynced-%u", mounted, cut);
    return stat(name, &st) == 0 && st.st_size == 300;
}

static void survive_cuts(enum store_kind kind)
{
    struct census census = {0};
    unsigned lost = 0;
    unsigned total = 0;

    if (!available)
        skip();
    for (unsigned cut = 0; cut < CUTS; cut++) {
        census.safe[cut] = cut_power(kind, cut, cut % 5);
        lost += !unsynced_survived(cut);
        memset(census.seen, 0, sizeof census.seen);
        census.s = open_store(kind);
        assert_non_null(census.s);
        assert_int_equal(store_list(census.s, "", take_census, &census), 0);
        store_close(census.s);
        for (unsigned k = 0; k <= cut; k++)
            assert_int_equal(census.seen[k], census.safe[k]);
        total += census.safe[cut];
    }
    print_message("%d cuts, %u objects safe, %u unsynced files lost\n", CUTS,
                  total, lost);
    assert_true(total >= CUTS);
    /* else these were no power cuts, and nothing is proven */
    assert_true(lost > 0);
}

static void test_power_cut__tmpfile(void **state)
{
    (void)state;
    survive_cuts(STORE_BY_TMPFILE);
}

static void test_power_cut__rename(void **state)
{
    (void)state;
    survive_cuts(STORE_BY_RENAME);
}

static void test_power_cut__link(void **state)
{
    (void)state;
    survive_cuts(STORE_BY_LINK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_power_cut__tmpfile),
        TEST(test_power_cut__rename),
        TEST(test_power_cut__link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
