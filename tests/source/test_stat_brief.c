#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "source/owner.h"
#include "source/stat_brief.h"

/* All that a statx has, each of it other than the rest. */
static struct statx odd(uint16_t mode)
{
    return (struct statx){
        .stx_mask = STATX_BASIC_STATS | STATX_BTIME,
        .stx_mode = mode,
        .stx_ino = UINT64_C(0x123456789a),
        .stx_size = UINT64_C(0x2345678901),
        .stx_nlink = 3,
        .stx_uid = 4,
        .stx_gid = 5,
        .stx_atime = {.tv_sec = -6, .tv_nsec = 7},
        .stx_btime = {.tv_sec = 8, .tv_nsec = 9},
        .stx_ctime = {.tv_sec = 10, .tv_nsec = 11},
        .stx_mtime = {.tv_sec = INT64_C(1) << 40, .tv_nsec = 999999999},
        .stx_dev_major = 12,
        .stx_dev_minor = 13,
        .stx_rdev_major = 14,
        .stx_rdev_minor = 15};
}

static void expect_same(const struct entry *a, const struct entry *b)
{
    const struct entry_time a_times[] = {a->mtime, a->ctime, a->btime,
                                         a->atime};
    const struct entry_time b_times[] = {b->mtime, b->ctime, b->btime,
                                         b->atime};

    assert_int_equal(a->type, b->type);
    assert_int_equal(a->mode, b->mode);
    assert_int_equal(a->uid, b->uid);
    assert_int_equal(a->gid, b->gid);
    assert_int_equal(a->inode, b->inode);
    assert_int_equal(a->nlink, b->nlink);
    assert_int_equal(a->size, b->size);
    assert_int_equal(a->rdev_major, b->rdev_major);
    assert_int_equal(a->rdev_minor, b->rdev_minor);
    assert_int_equal(a->has_btime, b->has_btime);
    assert_int_equal(a->has_atime, b->has_atime);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(entry_time_cmp(a_times[i], b_times[i]), 0);
}

/* An entry is the same from it, whatever it is of. */
static void test_stat_brief__tells_what_statx_told(void **state)
{
    static const uint16_t mode[] = {S_IFREG | 0644, S_IFDIR | 01777,
                                    S_IFCHR | 0600, S_IFBLK | 0660,
                                    S_IFLNK | 0777, S_IFIFO | 06755};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof mode / sizeof mode[0]; i++) {
        struct statx st = odd(mode[i / 2]);
        struct statx back;
        struct stat_brief b;
        struct entry want;
        struct entry got;

        if (i % 2)
            st.stx_mask &= ~(unsigned)STATX_BTIME;
        stat_brief_of(&st, &b);
        stat_brief_to(&b, &back);
        assert_true(stat_entry_fill(&st, true, &want));
        assert_true(stat_entry_fill(&back, true, &got));
        expect_same(&want, &got);
        assert_int_equal(stat_brief_dev(&b), stat_entry_dev(&st));
        assert_int_equal(stat_entry_dev(&back), stat_entry_dev(&st));
        assert_int_equal(back.stx_size, st.stx_size);
    }
}

static void expect_owners(struct owner_cache *cache, struct owner_last *last,
                          uint32_t uid, uint32_t gid)
{
    struct entry e = {.uid = uid, .gid = gid};
    struct bytes user;
    struct bytes group;

    assert_int_equal(owner_of_entry(cache, last, &e), 0);
    assert_int_equal(owner_user(cache, uid, &user), 0);
    assert_int_equal(owner_group(cache, gid, &group), 0);
    assert_true(bytes_equal(e.user, user) && bytes_equal(e.group, group));
}

/* What was asked for last answers for the same two ids alone. */
static void test_owner__last_is_for_both_ids(void **state)
{
    struct owner_last last = {.known = false};
    struct owner_cache *cache;
    struct entry e = {.uid = 0};

    (void)state;
    assert_int_equal(owner_cache_new(&cache), 0);
    expect_owners(cache, &last, 0, 0);
    expect_owners(cache, &last, 0, 1);
    expect_owners(cache, &last, 1, 1);
    expect_owners(cache, &last, 1, 1);
    expect_owners(cache, &last, 123456789, 1); /* nobody */
    expect_owners(cache, &last, 0, 0);
    assert_int_equal(owner_of_entry(NULL, &last, &e), 0);
    assert_int_equal(e.user.n, 0);
    owner_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stat_brief__tells_what_statx_told),
        cmocka_unit_test(test_owner__last_is_for_both_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
