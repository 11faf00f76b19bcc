#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/piped.h"
#include "repo/record_journal.h"
#include "tests/job/job_fixture.h"
#include "tests/support/prng.h"

enum { HEAD_BYTES = 4 << 20 };

static uint8_t head[HEAD_BYTES];

/* A writer that falls silent until its reader's journal has told twice that
 * the reader lives, and of what it stored. */
struct silent {
    struct job_fixture *f;
    int to;
    unsigned renewals, segments;
    bool waited;
};

static int look(void *ctx, const char *name, uint64_t size)
{
    struct silent *s = ctx;
    struct chain c = {
        .store = s->f->store, .keys = s->f->r->keys, .kind = ENVELOPE_JOURNAL};
    struct chain_record r = {.signer = {{0}}};
    uint64_t k;
    bool found = false;

    (void)size;
    if (!record_journal_number(name, &c.writer, &k) ||
        chain_get(&c, k, &r, &found) < 0 || !found)
        return 0;
    s->renewals += r.record.type == RECORD_RENEW;
    s->segments += r.record.type == RECORD_SEGMENT;
    chain_record_release(&r);
    return 0;
}

static void *silent_write(void *arg)
{
    struct silent *s = arg;

    bool sent = write(s->to, head, sizeof head) == sizeof head;

    for (int i = 0; i < 30000 && sent && !s->waited; i++) {
        clock_fake_advance(10 * CLOCK_SECOND_NS);
        (void)poll(NULL, 0, 1);
        s->renewals = s->segments = 0;
        if (i % 10 == 0 && store_list(s->f->store, "w", look, s) == 0)
            s->waited = s->renewals >= 2 && s->segments >= 1;
    }
    s->waited &= write(s->to, "tail", 4) == 4;
    (void)close(s->to);
    return NULL;
}

static void test_piped_run__keeps_its_run_alive_while_nothing_comes(
    void **state)
{
    struct silent s = {.waited = false};
    static char restored[HEAD_BYTES + 16];
    char name[JOB_PATH + 8];
    struct job_fixture f;
    struct snapshot_job_options o;
    struct stream_input in = {.read = piped_read};
    struct piped *p;
    char dedup[] = "dedup", snapshot[] = "snapshot", option[] = "--stdin=file";
    char *argv[] = {dedup, snapshot, option};
    struct opt_set opt;
    struct job_snap snap;
    struct prng random;
    struct bytes root;
    pthread_t thread;
    int fd[2];

    (void)state;
    prng_init(&random, 1);
    prng_fill(&random, head, sizeof head);
    for (size_t i = 0; i < sizeof head; i++)
        head[i] &= 0x7f; /* what looks encrypted is warned about */
    job_fixture_open(&f);
    s.f = &f;
    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
    assert_int_equal(dup2(fd[0], 0), 0);
    (void)close(fd[0]);
    s.to = fd[1];
    assert_int_equal(opt_parse(&opt, 3, argv), 0);
    assert_int_equal(piped_open(&opt, NULL, &p), 0);
    in.ctx = p;
    (void)strcat(strcpy(name, f.src), "/file");
    root = bytes_of_str(name);
    o = job_fixture_options(&f);
    o.root = &root;
    o.stream = &in;
    assert_int_equal(pthread_create(&thread, NULL, silent_write, &s), 0);
    snap = job_fixture_run(&f, &o);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(snap.rc, 0);
    assert_true(s.waited);
    assert_int_equal(snap.result.stats.bytes, HEAD_BYTES + 4);
    assert_int_equal(job_fixture_restore(&f, &snap.result.id, f.out, NULL).rc,
                     0);
    assert_int_equal(scratch_read(f.out, "file", restored, sizeof restored),
                     HEAD_BYTES + 4);
    assert_memory_equal(restored, head, sizeof head);
    assert_string_equal(restored + HEAD_BYTES, "tail");
    piped_close(p);
    opt_release(&opt);
    job_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_piped_run__keeps_its_run_alive_while_nothing_comes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
