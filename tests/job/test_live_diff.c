/* A snapshot against the live system: what is read, compared, told, and what
 * is said when something cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fileop_fault.h"
#include "base/mem.h"
#include "repo/job/live_diff.h"
#include "tests/job/job_fixture.h"

/* What a comparison told: "+a -b Mc md !e" and "?U ?M ?V ?C" for problems. */
struct told {
    int rc;
    char text[512];
    size_t at;
    size_t items, problems;
    const char *remove; /* to be removed at the first item; NULL: none */
    struct cancel cancel;
    bool stop;            /* ask for it at the first item */
    uint64_t fail_after;  /* the allocation that fails; 0: none */
    uint64_t allocations; /* of the comparison */
};

static int told_item(void *ctx, const struct tree_diff_item *it)
{
    static const char sign[] = "+-Mm!";
    struct told *t = ctx;

    assert_int_equal(it->a != NULL, it->kind != TREE_DIFF_ADDED &&
                                        it->kind != TREE_DIFF_DAMAGED);
    assert_int_equal(it->b != NULL, it->kind != TREE_DIFF_REMOVED &&
                                        it->kind != TREE_DIFF_DAMAGED);
    t->at += (size_t)snprintf(t->text + t->at, sizeof t->text - t->at,
                              "%c%.*s ", sign[it->kind], (int)it->path.n,
                              it->path.n ? (const char *)it->path.p : "");
    assert_true(t->at < sizeof t->text);
    t->items++;
    if (t->remove)
        assert_int_equal(unlink(t->remove), 0);
    t->remove = NULL;
    if (t->stop)
        cancel_request(&t->cancel, 15);
    return 0;
}

static int told_problem(void *ctx, enum manifest_problem_kind kind,
                        const char *text)
{
    static const char sign[] = {[MANIFEST_UNREADABLE] = 'U',
                                [MANIFEST_METADATA] = 'M',
                                [MANIFEST_VANISHED] = 'V',
                                [MANIFEST_CHANGING] = 'C'};
    struct told *t = ctx;

    assert_int_equal(text[0], '/'); /* it names the path */
    t->at += (size_t)snprintf(t->text + t->at, sizeof t->text - t->at, "?%c ",
                              sign[kind]);
    t->problems++;
    return 0;
}

static void run(struct job_fixture *f, const struct tree_entry *was,
                const char *root, const char *faults, struct told *t)
{
    const struct live_diff_events events = {told_item, told_problem, t};
    const struct live_diff_options o = {
        .root = bytes_of_str(root), .was = was, .walk = {.cancel = &t->cancel}};
    struct fetch *fetch;
    struct fetch_lane *lane;

    assert_int_equal(
        fetch_open(f->store, f->r->keys, f->r->index, 1 << 20, &fetch), 0);
    assert_int_equal(fetch_lane_new(fetch, &lane), 0);
    assert_int_equal(fileop_fault_set(faults), 0);
    t->allocations = mem_count();
    mem_fail_after(t->fail_after, 0);
    t->rc = live_diff_run(f->r->keys, lane, &o, &events);
    mem_fail_after(0, 0);
    t->allocations = mem_count() - t->allocations;
    fetch_lane_free(lane);
    fetch_free(fetch);
}

/* A snapshot's source directory against root. */
static struct told live(struct job_fixture *f, const struct job_snap *s,
                        const char *root, const char *faults)
{
    struct told t = {.rc = 0};
    struct job_entry e;

    assert_true(job_fixture_find(f, &s->result.id, "", &e));
    run(f, &e.te, root, faults, &t);
    job_fixture_drop(&e);
    return t;
}

static const char *differs(struct job_fixture *f, const struct job_snap *s,
                           const char *root)
{
    static struct told t;

    t = live(f, s, root, NULL);
    assert_int_equal(t.rc, 0);
    return t.text;
}

/* What stands where no inode is the one of the snapshot. */
static void copy(const struct job_fixture *f)
{
    assert_true(
        scratch_run("rm -rf %s && cp -a %s %s", f->out, f->src, f->out));
}

static void test_live_diff__reads_nothing_that_is_unchanged(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    uint64_t opened;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    s = job_fixture_snap(&f);
    assert_string_equal(
        live(&f, &s, f.src, "count,class=read,domain=source").text, "");
    assert_int_equal(fileop_fault_count(), 0);
    (void)live(&f, &s, f.src, "count,class=open,domain=source");
    opened = fileop_fault_count();
    /* ... nor what has another size; what was touched is read, and the same */
    scratch_text(f.src, "new", "it is not read either");
    assert_true(scratch_run("f=$(find %s -type f ! -name new | head -n 1) && "
                            "echo more >>$f",
                            f.src));
    assert_int_equal(
        live(&f, &s, f.src, "count,class=read,domain=source").items, 2);
    assert_int_equal(fileop_fault_count(), 0);
    (void)live(&f, &s, f.src, "count,class=open,domain=source");
    assert_int_equal(fileop_fault_count(), opened);
    copy(&f);
    assert_int_equal(
        live(&f, &s, f.out, "count,class=open,domain=source").items, 2);
    assert_int_equal(fileop_fault_count(), opened + JOB_FIXTURE_FILES - 1);
    assert_int_equal(fileop_fault_set(NULL), 0);
    job_fixture_close(&f);
}

/* Each place of a file that has a list of extents, at and around the ends of
 * what is compared at once. */
static void test_live_diff__finds_one_byte(void **state)
{
    enum { SIZE = 5 << 20 };
    static const long at[] = {0, 65535, 65536, 1 << 20, SIZE / 2, SIZE - 1};
    struct job_fixture f;
    struct job_entry e;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    job_fixture_write(&f, "big", 3, SIZE);
    s = job_fixture_snap(&f);
    assert_true(job_fixture_find(&f, &s.result.id, "big", &e));
    assert_true(e.te.content.is_list);
    job_fixture_drop(&e);
    copy(&f);
    assert_string_equal(differs(&f, &s, f.out), "");
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        FILE *file;
        char path[JOB_PATH + 8];
        int c;

        copy(&f);
        (void)snprintf(path, sizeof path, "%s/big", f.out);
        file = fopen(path, "r+");
        assert_non_null(file);
        assert_int_equal(fseek(file, at[i], SEEK_SET), 0);
        c = fgetc(file);
        assert_int_equal(fseek(file, at[i], SEEK_SET), 0);
        assert_int_equal(fputc(c ^ 1, file), c ^ 1);
        assert_int_equal(fclose(file), 0);
        assert_true(scratch_run("touch -r %s/big %s/big", f.src, f.out));
        assert_string_equal(differs(&f, &s, f.out), "Mbig ");
    }
    job_fixture_close(&f);
}

/* A hole, zeros that are written, and what is not zero at its ends. */
static void test_live_diff__holes_are_zeros(void **state)
{
    static const char *const at[] = {"1048576", "1500000", "2097151"};
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    assert_true(scratch_run("cd %s && head -c 1048576 /dev/urandom >h && "
                            "truncate -s 2M h && "
                            "head -c 1000 /dev/urandom >>h && "
                            "head -c 600000 /dev/zero >z",
                            f.src));
    s = job_fixture_snap(&f);
    copy(&f);
    assert_string_equal(differs(&f, &s, f.out), "");
    assert_true(scratch_run("cd %s && cp --sparse=never h h2 && mv h2 h && "
                            "rm z && truncate -s 600000 z && "
                            "touch -r %s/h h && touch -r %s/z z",
                            f.out, f.src, f.src));
    assert_string_equal(differs(&f, &s, f.out), "");
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        copy(&f);
        assert_true(scratch_run("cd %s && printf x | dd of=h bs=1 seek=%s "
                                "conv=notrunc 2>/dev/null; touch -r %s/h h",
                                f.out, at[i], f.src));
        assert_string_equal(differs(&f, &s, f.out), "Mh ");
    }
    job_fixture_close(&f);
}

/* Of a slice the bytes are compared, since its chunk has another id. */
static void test_live_diff__slices(void **state)
{
    enum { OFF = 1000, N = 3000 };
    struct job_fixture f;
    struct job_entry e;
    struct tree_entry was;
    struct extent x;
    struct codec c;
    struct buf b;
    struct told t = {.rc = 0};
    char path[JOB_PATH + 8];

    (void)state;
    job_fixture_open(&f);
    job_fixture_write(&f, "a", 3, 5000);
    {
        struct job_snap s = job_fixture_snap(&f);

        assert_true(job_fixture_find(&f, &s.result.id, "a", &e));
    }
    assert_int_equal(e.te.content.extent_n, 1);
    codec_init(&c, e.te.content.extents);
    extent_get(&c, &x, NODE_CHUNK_MAX);
    x.kind = EXTENT_SLICE;
    x.offset = OFF;
    x.length = N;
    buf_init(&b, 100);
    extent_put(&b, &x);
    was = e.te;
    was.content.extents = buf_bytes(&b);
    was.e.size = N;
    was.holes = bytes_of(NULL, 0);
    (void)snprintf(path, sizeof path, "%s/part", f.src);
    assert_true(scratch_run("cd %s && tail -c +%d a | head -c %d >part && "
                            "touch -r a part",
                            f.src, OFF + 1, (int)N));
    run(&f, &was, path, NULL, &t);
    assert_int_equal(t.rc, 0);
    assert_string_equal(t.text, "");
    assert_true(scratch_run("cd %s && printf x | dd of=part bs=1 seek=2999 "
                            "conv=notrunc 2>/dev/null",
                            f.src));
    run(&f, &was, path, NULL, &t);
    assert_string_equal(t.text, "M ");
    buf_release(&b);
    job_fixture_drop(&e);
    job_fixture_close(&f);
}

/* By their ids chunks are compared without being had. */
static void test_live_diff__needs_no_content_of_the_repository(void **state)
{
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    s = job_fixture_snap(&f);
    copy(&f);
    job_fixture_damage(&f, PACK_DATA);
    assert_string_equal(differs(&f, &s, f.out), "");
    job_fixture_close(&f);
}

/* What was lost of the snapshot is neither the same nor gone. */
static void test_live_diff__damage_is_told(void **state)
{
    struct job_fixture f;
    struct job_snap s;
    struct job_entry e, big;
    struct told t = {.rc = 0}, of_big = {.rc = 0};
    char path[JOB_PATH + 8];

    (void)state;
    job_fixture_open(&f);
    scratch_dir(f.src, "d");
    scratch_dir(f.src, "d/e");
    scratch_text(f.src, "d/e/x", "x");
    job_fixture_write(&f, "z-big", 1, 5 << 20);
    s = job_fixture_snap(&f);
    copy(&f);
    assert_true(job_fixture_find(&f, &s.result.id, "", &e));
    assert_true(job_fixture_find(&f, &s.result.id, "z-big", &big));
    assert_true(big.te.content.is_list);
    job_fixture_damage(&f, PACK_META);
    run(&f, &e.te, f.out, NULL, &t);
    assert_int_equal(t.rc, 0);
    assert_string_equal(t.text, "! ");
    /* the list of a file's extents */
    (void)snprintf(path, sizeof path, "%s/z-big", f.out);
    run(&f, &big.te, path, NULL, &of_big);
    assert_int_equal(of_big.rc, 0);
    assert_string_equal(of_big.text, "! ");
    job_fixture_drop(&e);
    job_fixture_drop(&big);
    job_fixture_close(&f);
}

static void test_live_diff__vanished_meanwhile(void **state)
{
    struct told t = {.rc = 0};
    char path[JOB_PATH + 8];
    struct job_fixture f;
    struct job_entry e;
    struct job_snap s;
    bool at_open = false;

    (void)state;
    job_fixture_open(&f);
    scratch_text(f.src, "a", "a");
    scratch_text(f.src, "b", "b");
    scratch_text(f.src, "c", "c");
    s = job_fixture_snap(&f);
    scratch_text(f.src, "a", "longer");
    (void)snprintf(path, sizeof path, "%s/b", f.src);
    t.remove = path;
    assert_true(job_fixture_find(&f, &s.result.id, "", &e));
    run(&f, &e.te, f.src, NULL, &t);
    job_fixture_drop(&e);
    assert_int_equal(t.rc, 0);
    assert_string_equal(t.text, "Ma ?V -b ");
    /* between the look and the open */
    scratch_text(f.src, "a", "a");
    scratch_text(f.src, "b", "b");
    s = job_fixture_snap(&f);
    copy(&f);
    for (unsigned i = 1; i < 20 && !at_open; i++) {
        char plan[64];

        (void)snprintf(plan, sizeof plan,
                       "fail:%u:ENOENT,class=open,domain=source", i);
        t = live(&f, &s, f.out, plan);
        at_open = t.rc == 0 && strcmp(t.text, "?V -b ") == 0;
    }
    assert_true(at_open);
    assert_int_equal(fileop_fault_set(NULL), 0);
    job_fixture_close(&f);
}

/* One of each kind; with attributes where these may be given. */
static void make_kinds(const char *dir, char byte)
{
    assert_true(scratch_run(
        "cd %s && mkdir -p d/e && for i in d/f d/e/g; do echo %c >$i; done && "
        "truncate -s 1M hole && printf %c | dd of=hole bs=1 seek=700000 "
        "conv=notrunc 2>/dev/null && ln -sfn %c link && chmod 070%d d/e",
        dir, byte, byte, byte, byte == 'a' ? 0 : 1));
    if (geteuid() == 0)
        assert_true(scratch_run("cd %s && for i in d link; do setfattr -h -n "
                                "trusted.x -v %c $i; done",
                                dir, byte));
}

/* A comparison with each operation of a class failed, one after another. What
 * differs: how many things do. */
static void fail_each(struct job_fixture *f, const struct job_snap *s,
                      const char *class, size_t differ)
{
    for (unsigned i = 1;; i++) {
        char plan[64];
        struct told t;

        (void)snprintf(plan, sizeof plan, "fail:%u:EIO,class=%s,domain=source",
                       i, class);
        t = live(f, s, f->out, plan);
        if (fileop_fault_fired() == 0) {
            assert_true(i > 1);
            assert_int_equal(t.items, differ);
            assert_int_equal(t.problems, 0);
            break;
        }
        if (t.items > differ ||
            (t.rc == 0 && t.problems == 0 && t.items < differ))
            fail_msg("%s: '%s'", plan, t.text);
        if (strcmp(class, "read") == 0 || strcmp(class, "meta") == 0)
            assert_int_equal(t.problems, 1);
    }
    assert_int_equal(fileop_fault_set(NULL), 0);
}

/* Whatever fails: what could not be compared is a problem; it is not taken for
 * the same, and not for another one. */
static void test_live_diff__a_fault_is_a_problem(void **state)
{
    static const char *const class[] = {"read", "open", "stat", "list", "meta"};
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    make_kinds(f.src, 'a');
    s = job_fixture_snap(&f);
    copy(&f);
    for (size_t k = 0; k < sizeof class / sizeof class[0]; k++)
        fail_each(&f, &s, class[k], 0);
    make_kinds(f.out, 'b');
    for (size_t k = 0; k < sizeof class / sizeof class[0]; k++)
        fail_each(&f, &s, class[k], geteuid() == 0 ? 6 : 5);
    job_fixture_close(&f);
}

/* One thing of the metadata each, of which stat tells nothing but the time. */
static void test_live_diff__each_kind_of_metadata(void **state)
{
    static const struct {
        const char *make;
        bool attr;
        bool root;
    } row[] = {{"chmod 0640 f", false, false},
               {"chown 0:7 f", false, true},
               {"chown 7 f", false, true},
               {"touch -d @1000000000.5 f", false, false},
               {"setfattr -n $s.short -v 2 f", true, false},
               {"setfattr -n $s.more -v 1 f", true, false},
               {"setfattr -x $s.short f", true, false},
               {"setfattr -n $s.long -v $(printf %02000d 2) f", true, false},
               {"setfattr -n $s.long -v $(printf %02001d 1) f", true, false},
               {"touch -d @1000000000.25 f; chmod 0600 f", false, false}};
    const bool root = geteuid() == 0;

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        const bool last = i + 1 == sizeof row / sizeof row[0];
        struct job_fixture f;
        struct job_snap s;

        if (row[i].root && !root)
            continue;
        job_fixture_open(&f);
        assert_true(scratch_run("cd %s && echo x >f && chmod 600 f && "
                                "touch -d @1000000000.25 f",
                                f.src));
        if (row[i].attr)
            assert_true(scratch_run("cd %s && s=%s && setfattr -n $s.short -v "
                                    "1 f && setfattr -n $s.long -v "
                                    "$(printf %%02000d 1) f",
                                    f.src, root ? "trusted" : "user"));
        s = job_fixture_snap(&f);
        assert_true(scratch_run("cd %s && s=%s && %s", f.src,
                                root ? "trusted" : "user", row[i].make));
        if (strcmp(differs(&f, &s, f.src), last ? "" : "mf ") != 0)
            fail_msg("%s: '%s'", row[i].make, differs(&f, &s, f.src));
        job_fixture_close(&f);
    }
}

/* Equal times prove nothing about what had just changed when the snapshot
 * looked: here something got attributes in that moment. */
static void test_live_diff__looks_at_what_had_just_changed(void **state)
{
    const char *space = geteuid() == 0 ? "trusted" : "user";

    (void)state;
    for (unsigned recent = 0; recent <= 1; recent++) {
        struct job_fixture f;
        struct job_snap s;

        job_fixture_open(&f);
        assert_true(scratch_run("cd %s && mkdir d && echo x >f && "
                                "setfattr -n %s.late -v 1 d f",
                                f.src, space));
        /* the fixture's clock is an hour ahead: all has settled; an hour
         * behind: nothing */
        if (recent)
            clock_fake_advance(-7200 * CLOCK_SECOND_NS);
        assert_int_equal(
            fileop_fault_set("fail-from:1:EOPNOTSUPP,class=meta,domain=source"),
            0);
        s = job_fixture_run(&f, NULL);
        assert_int_equal(fileop_fault_set(NULL), 0);
        assert_int_equal(s.rc, 0);
        assert_string_equal(differs(&f, &s, f.src), recent ? "md mf " : "");
        job_fixture_close(&f);
    }
}

static void test_live_diff__short_reads_are_read_on(void **state)
{
    struct job_fixture f;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    job_fixture_files(&f);
    s = job_fixture_snap(&f);
    copy(&f);
    assert_string_equal(
        live(&f, &s, f.out, "short-from:1,class=read,domain=source").text, "");
    assert_true(fileop_fault_fired() > 0);
    assert_int_equal(fileop_fault_set(NULL), 0);
    job_fixture_close(&f);
}

static void test_live_diff__another_type_at_the_start(void **state)
{
    struct told t = {.rc = 0};
    char path[JOB_PATH + 8];
    struct job_fixture f;
    struct job_entry e;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    scratch_text(f.src, "a", "a");
    scratch_dir(f.src, "d");
    scratch_text(f.src, "d/x", "x");
    s = job_fixture_snap(&f);
    (void)snprintf(path, sizeof path, "%s/a", f.src);
    assert_true(job_fixture_find(&f, &s.result.id, "d", &e));
    run(&f, &e.te, path, NULL, &t);
    job_fixture_drop(&e);
    assert_string_equal(t.text, "- -x + ");
    t = (struct told){.rc = 0};
    (void)snprintf(path, sizeof path, "%s/d", f.src);
    assert_true(job_fixture_find(&f, &s.result.id, "a", &e));
    run(&f, &e.te, path, NULL, &t);
    job_fixture_drop(&e);
    assert_string_equal(t.text, "- + +x ");
    t = (struct told){.rc = 0};
    (void)snprintf(path, sizeof path, "%s/no", f.src);
    assert_true(job_fixture_find(&f, &s.result.id, "a", &e));
    run(&f, &e.te, path, NULL, &t);
    job_fixture_drop(&e);
    assert_string_equal(t.text, "?U ");
    job_fixture_close(&f);
}

static void test_live_diff__stops_when_asked(void **state)
{
    struct told t = {.stop = true};
    struct job_fixture f;
    struct job_entry e;
    struct job_snap s;

    (void)state;
    job_fixture_open(&f);
    scratch_text(f.src, "a", "a");
    s = job_fixture_snap(&f);
    scratch_text(f.src, "b", "b");
    scratch_text(f.src, "c", "c");
    assert_true(job_fixture_find(&f, &s.result.id, "", &e));
    run(&f, &e.te, f.src, NULL, &t);
    job_fixture_drop(&e);
    assert_int_equal(t.rc, E_CANCELED);
    assert_string_equal(t.text, "+b ");
    job_fixture_close(&f);
}

static void test_live_diff__out_of_memory(void **state)
{
    struct job_fixture f;
    struct job_entry e;
    struct job_snap s;
    bool done = false;

    (void)state;
    job_fixture_open(&f);
    make_kinds(f.src, 'a');
    scratch_dir(f.src, "went");
    scratch_text(f.src, "went/x", "x");
    s = job_fixture_snap(&f);
    copy(&f);
    make_kinds(f.out, 'b');
    assert_true(scratch_run("rm -r %s/went", f.out));
    assert_true(job_fixture_find(&f, &s.result.id, "", &e));
    for (uint64_t n = 1; !done; n++) {
        struct told t = {.fail_after = n};

        run(&f, &e.te, f.out, NULL, &t);
        /* none that failed was passed over */
        assert_int_equal(t.rc, t.allocations < n ? 0 : E_NOMEM);
        assert_true(n < 5000);
        done = t.rc == 0;
    }
    job_fixture_drop(&e);
    job_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_diff__reads_nothing_that_is_unchanged),
        cmocka_unit_test(test_live_diff__finds_one_byte),
        cmocka_unit_test(test_live_diff__holes_are_zeros),
        cmocka_unit_test(test_live_diff__slices),
        cmocka_unit_test(test_live_diff__needs_no_content_of_the_repository),
        cmocka_unit_test(test_live_diff__damage_is_told),
        cmocka_unit_test(test_live_diff__vanished_meanwhile),
        cmocka_unit_test(test_live_diff__a_fault_is_a_problem),
        cmocka_unit_test(test_live_diff__each_kind_of_metadata),
        cmocka_unit_test(test_live_diff__looks_at_what_had_just_changed),
        cmocka_unit_test(test_live_diff__short_reads_are_read_on),
        cmocka_unit_test(test_live_diff__another_type_at_the_start),
        cmocka_unit_test(test_live_diff__stops_when_asked),
        cmocka_unit_test(test_live_diff__out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
