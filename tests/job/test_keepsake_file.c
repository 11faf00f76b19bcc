/* A keepsake on disk: whatever happens while one is written, there is one
 * afterwards, the older or the newer, and the next run can write. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fileop_fault.h"
#include "base/mem.h"
#include "repo/keepsake_file.h"
#include "tests/support/scratch.h"

static char dir[SCRATCH_PATH];
static struct repo repo;
static const char series[] = "web@srv";

static void write_as(uint8_t id)
{
    const struct object_id snapshot = {{id}};
    struct frame_kept key = {
        .salt = {id}, .suite = CRYPTO_AES256_GCM, .key = {{id}}};
    struct manifest m = {
        .series = bytes_of_str(series), .number = id, .complete = true};
    struct kept_frames *kept = kept_frames_new();
    uint32_t no;

    assert_non_null(kept);
    assert_int_equal(kept_frames_reserve(kept, &no), 0);
    assert_int_equal(kept_frames_sealed(kept, no, &key), 0);
    keepsake_file_write(&repo, &snapshot, &m, kept);
    kept_frames_free(kept);
}

/* Which one is there, whole; 0: none. */
static uint8_t there(void)
{
    struct kept_frames *kept = kept_frames_new();
    uint8_t salt[CRYPTO_SALT_BYTES] = {0};
    struct keepsake k;
    uint8_t id = 0;

    if (keepsake_file_read(&repo, bytes_of_str(series), true, kept, &k)) {
        id = k.id.b[0];
        salt[0] = id;
        assert_int_equal(k.manifest.m.number, id);
        assert_int_not_equal(kept_frames_find(kept, salt, NULL),
                             KEPT_FRAMES_NONE);
        keepsake_release(&k);
    }
    kept_frames_free(kept);
    return id;
}

static void path_of(char out[SCRATCH_PATH + 64], const char *end)
{
    char name[KEEPSAKE_NAME_MAX];

    keepsake_name(repo.keys, bytes_of_str(series), true, name);
    (void)snprintf(out, SCRATCH_PATH + 64, "%s/%s%s", dir, name, end);
}

static bool exists(const char *end)
{
    char path[SCRATCH_PATH + 64];

    path_of(path, end);
    return access(path, F_OK) == 0;
}

static void clear(void)
{
    assert_true(scratch_run("rm -rf %s/keepsake-*", dir));
}

static void test_keepsake_file__replaces_the_older_one(void **state)
{
    struct stat st;
    char path[SCRATCH_PATH + 64];

    (void)state;
    clear();
    assert_int_equal(there(), 0);
    for (uint8_t id = 1; id < 4; id++) {
        write_as(id);
        assert_int_equal(there(), id);
        assert_false(exists(".new"));
    }
    path_of(path, "");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* Fails, loses and cuts short each operation. */
static void test_keepsake_file__fails_at_every_operation(void **state)
{
    static const char *const how[] = {"fail:%u:EIO", "lose:%u:EIO",
                                      "fail-from:%u:ENOSPC", "short:%u"};

    (void)state;
    for (size_t h = 0; h < sizeof how / sizeof how[0]; h++) {
        unsigned n = 1;
        unsigned old = 0;

        for (bool fired = true; fired; n++) {
            char plan[64];

            clear();
            write_as(1);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            (void)snprintf(plan, sizeof plan, how[h], n);
#pragma GCC diagnostic pop
            assert_int_equal(fileop_fault_set(plan), 0);
            write_as(2);
            fired = fileop_fault_fired() > 0;
            assert_int_equal(fileop_fault_set(NULL), 0);
            assert_in_range(there(), 1, 2);
            old += there() == 1;
            /* and the next run is none the worse for it */
            write_as(3);
            assert_int_equal(there(), 3);
            assert_false(exists(".new"));
        }
        assert_in_range(n, 3, 60);
        /* a part that was written is written on */
        if (h < 3)
            assert_in_range(old, 3, n);
        else
            assert_int_equal(old, 0);
    }
}

static void test_keepsake_file__is_killed_at_every_operation(void **state)
{
    static const char *const how[] = {"kill", "kill-after"};

    (void)state;
    for (size_t h = 0; h < 2; h++) {
        unsigned n = 1;

        for (bool killed = true; killed; n++) {
            char plan[64];
            int status = 0;
            pid_t pid;

            clear();
            write_as(1);
            (void)snprintf(plan, sizeof plan, "%s:%u", how[h], n);
            pid = fork();
            assert_int_not_equal(pid, -1);
            if (pid == 0) {
                if (fileop_fault_set(plan) < 0)
                    _exit(1);
                write_as(2);
                _exit(0);
            }
            assert_int_equal(waitpid(pid, &status, 0), pid);
            killed = WIFSIGNALED(status);
            assert_int_equal(killed ? 0 : WEXITSTATUS(status), 0);
            assert_in_range(there(), 1, 2);
            write_as(3);
            assert_int_equal(there(), 3);
            assert_false(exists(".new"));
        }
        assert_in_range(n, 8, 60);
    }
}

static void test_keepsake_file__does_without_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 200; n++) {
        uint64_t before;

        clear();
        write_as(1);
        before = mem_count();
        {
            const struct object_id id = {{2}};
            struct manifest m = {
                .series = bytes_of_str(series), .number = 2, .complete = true};
            struct kept_frames *kept = kept_frames_new();
            uint32_t no;
            struct frame_kept key = {
                .salt = {2}, .suite = CRYPTO_AES256_GCM, .key = {{2}}};

            assert_int_equal(kept_frames_reserve(kept, &no), 0);
            assert_int_equal(kept_frames_sealed(kept, no, &key), 0);
            before = mem_count();
            mem_fail_after(n, 1);
            keepsake_file_write(&repo, &id, &m, kept);
            mem_fail_after(0, 0);
            before = mem_count() - before;
            kept_frames_free(kept);
        }
        assert_int_equal(there(), before >= n ? 1 : 2);
        if (before < n)
            return;
    }
    fail_msg("no end of allocations");
}

/* Damage, strangers and what is no file: as if there was none. */
static void test_keepsake_file__bad_ones_count_as_none(void **state)
{
    char path[SCRATCH_PATH + 64];

    (void)state;
    path_of(path, "");
    for (unsigned i = 0; i < 6; i++) {
        static const char *const harm[] = {
            "truncate -s 0 %s",
            "truncate -s 100 %s",
            "truncate -s 1G %s",
            "rm %s && mkdir %s",
            "rm %s && mkfifo %s",
            "printf x | dd of=%s bs=1 seek=200 conv=notrunc 2>/dev/null"};

        clear();
        write_as(1);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        assert_true(scratch_run(harm[i], path, path));
#pragma GCC diagnostic pop
        assert_int_equal(there(), 0);
        write_as(2);
        if (i != 3) /* a directory stays in the way, and stops nobody */
            assert_int_equal(there(), 2);
    }
    clear();
}

/* Another run is writing: it will have its way, and nobody waits. */
static void test_keepsake_file__two_do_not_mix(void **state)
{
    char path[SCRATCH_PATH + 64];
    int fd;

    (void)state;
    clear();
    write_as(1);
    path_of(path, ".new");
    fd = fileop_openat(AT_FDCWD, path, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fileop_try_lock(fd), 0);
    write_as(2);
    assert_int_equal(there(), 1);
    assert_int_equal(fileop_close(fd), 0);
    /* what a killed run left is taken over */
    assert_true(exists(".new"));
    write_as(3);
    assert_int_equal(there(), 3);
    assert_false(exists(".new"));
}

/* A checkpoint's keepsake goes with its run, and what a killed run left of one
 * that it was writing; not what another run is writing. */
static void test_keepsake_file__of_a_checkpoint_goes_with_its_run(void **state)
{
    char name[KEEPSAKE_NAME_MAX];
    char path[SCRATCH_PATH + 2 * KEEPSAKE_NAME_MAX];
    int fd;

    (void)state;
    clear();
    keepsake_name(repo.keys, bytes_of_str(series), false, name);
    (void)snprintf(path, sizeof path, "%s/%s.new", dir, name);
    assert_true(scratch_run("echo x >%s/%s && echo x >%s", dir, name, path));
    fd = fileop_openat(AT_FDCWD, path, O_RDWR, 0);
    assert_true(fd >= 0);
    assert_int_equal(fileop_try_lock(fd), 0);
    write_as(1);
    assert_true(scratch_run("! test -e %s/%s && test -s %s", dir, name, path));
    assert_int_equal(fileop_close(fd), 0);
    write_as(2);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(there(), 2);
}

/* Many at once: what is there afterwards is whole. */
static void test_keepsake_file__one_of_many_wins(void **state)
{
    enum { MANY = 8 };

    (void)state;
    clear();
    for (uint8_t i = 1; i <= MANY; i++) {
        pid_t pid = fork();

        assert_int_not_equal(pid, -1);
        if (pid == 0) {
            for (unsigned k = 0; k < 50; k++)
                write_as(i);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < MANY; i++) {
        int status = 0;

        assert_int_not_equal(waitpid(-1, &status, 0), -1);
        assert_int_equal(status, 0);
    }
    assert_in_range(there(), 1, MANY);
}

static void test_keepsake_file__is_not_left_in_a_private_cache(void **state)
{
    (void)state;
    clear();
    repo.private_cache = true;
    write_as(1);
    repo.private_cache = false;
    assert_int_equal(there(), 0);
}

static int setup(void **state)
{
    (void)state;
    if (crypto_init() < 0)
        return -1;
    scratch_make(dir);
    repo.cache = dir;
    repo.keys = keyring_new();
    if (!repo.keys)
        return -1;
    keyring_create(repo.keys);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    keyring_free(repo.keys);
    scratch_remove(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keepsake_file__replaces_the_older_one),
        cmocka_unit_test(test_keepsake_file__fails_at_every_operation),
        cmocka_unit_test(test_keepsake_file__is_killed_at_every_operation),
        cmocka_unit_test(test_keepsake_file__does_without_memory),
        cmocka_unit_test(test_keepsake_file__bad_ones_count_as_none),
        cmocka_unit_test(test_keepsake_file__two_do_not_mix),
        cmocka_unit_test(test_keepsake_file__of_a_checkpoint_goes_with_its_run),
        cmocka_unit_test(test_keepsake_file__one_of_many_wins),
        cmocka_unit_test(test_keepsake_file__is_not_left_in_a_private_cache),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
