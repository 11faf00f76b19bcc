/* Who else runs, as journals tell: only a process that is known to be alive
 * counts. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "repo/run_others.h"
#include "repo/writer_journal.h"
#include "repo/writer_process.h"
#include "tests/repo/repo_fixture.h"

/* Another process, which lives until it is killed. */
static pid_t begin_other(void)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        for (;;)
            (void)pause();
    return pid;
}

/* It has ended, and its parent, which is us, has not taken note. */
static void kill_other(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT), 0);
}

/* A writer that opens its journal as the process p. */
static struct writer *open_as(struct repo *r, const struct record_process *p)
{
    struct record_journal j = {.generation = r->state.tip.number,
                               .log_id = r->state.tip.id,
                               .process = *p};
    struct writer *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->r = r;
    w->chain = (struct chain){
        .store = r->store, .keys = r->keys, .kind = ENVELOPE_JOURNAL};
    members_writer_new(&r->keys->member, &w->chain.writer);
    assert_int_equal(writer_journal_put(w, RECORD_OPEN, &j), 0);
    return w;
}

static bool finds(struct repo *r, const char *series, struct run_holder *who)
{
    assert_int_equal(repo_refresh(r), 0);
    return run_others_find(r, bytes_of_str(series), who);
}

/* A repository, and another process that says in it to write series s. */
struct other {
    struct repo_fixture f;
    struct repo *r;
    struct writer_process text; /* p borrows from it */
    struct record_process p;
    pid_t pid;
};

static void other_begin(struct other *o)
{
    *o = (struct other){.pid = begin_other()};
    writer_process_get(&o->text, &o->p);
    o->p.pid = (uint64_t)o->pid;
    o->p.start = process_start((uint32_t)o->pid);
    o->p.series = bytes_of_str("s");
    repo_fixture_make(&o->f);
    assert_int_equal(repo_fixture_repo(&o->f, "a", &o->r), 0);
}

static void other_end(struct other *o)
{
    repo_close(o->r);
    repo_fixture_close(&o->f);
}

static void test_run_others__only_who_is_known_to_live(void **state)
{
    struct writer_process text;
    struct record_process self;
    struct record_process row[8];
    pid_t pid = begin_other();

    (void)state;
    writer_process_get(&text, &self);
    for (size_t i = 0; i < 8; i++) {
        row[i] = self;
        row[i].pid = (uint64_t)pid;
        row[i].start = process_start((uint32_t)pid);
        row[i].series = bytes_of_str("s");
    }
    /* 0: it lives. Of the others it is not known, or not true */
    row[1].host = bytes_of_str("elsewhere");
    row[2].boot_id = bytes_of_str("another boot");
    row[3].pid_namespace++;
    row[4].start++; /* the number was given out again */
    row[5].start = 0;
    row[6].pid = self.pid; /* this process */
    row[6].start = self.start;
    row[7].series = bytes_of_str("t");
    for (size_t i = 0; i < 8; i++) {
        struct repo_fixture f;
        struct run_holder who = {.pid = 0};
        struct writer *w;
        struct repo *r;

        repo_fixture_make(&f);
        assert_int_equal(repo_fixture_repo(&f, "a", &r), 0);
        assert_false(finds(r, "s", &who));
        w = open_as(r, &row[i]);
        assert_int_equal(finds(r, "s", &who), i == 0);
        if (i == 0) {
            assert_int_equal(who.pid, pid);
            assert_true(who.since_s > 1600000000);
        }
        /* a run that has ended is none, whatever its process does */
        assert_int_equal(writer_end(w), 0);
        assert_false(finds(r, "s", &who));
        writer_free(w);
        repo_close(r);
        repo_fixture_close(&f);
    }
    kill_other(pid);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_run_others__not_who_has_died(void **state)
{
    struct run_holder who;
    struct writer *w;
    struct other o;

    (void)state;
    other_begin(&o);
    w = open_as(o.r, &o.p);
    assert_true(finds(o.r, "s", &who));
    assert_int_equal(kill(o.pid, SIGSTOP), 0); /* it may go on */
    assert_true(finds(o.r, "s", &who));
    kill_other(o.pid);
    assert_false(finds(o.r, "s", &who)); /* we have not taken note of it */
    assert_int_equal(waitpid(o.pid, NULL, 0), o.pid);
    assert_false(finds(o.r, "s", &who));
    writer_free(w);
    other_end(&o);
}

/* What cannot be read says nothing, and hides nobody else. */
static void test_run_others__damage_stops_nobody(void **state)
{
    struct run_holder who;
    struct writer *w;
    struct other o;
    char name[RECORD_NAME_MAX];

    (void)state;
    other_begin(&o);
    w = open_as(o.r, &o.p);
    assert_true(finds(o.r, "s", &who));
    record_journal_name(&w->chain.writer, 0, name);
    assert_true(memory_damage(o.f.store, name, 100, 1));
    assert_false(run_others_find(o.r, bytes_of_str("s"), &who));
    writer_free(w);
    w = open_as(o.r, &o.p);
    assert_true(run_others_find(o.r, bytes_of_str("s"), &who));
    memory_set_fault(o.f.store, (struct memory_fault){.point = MEMORY_BEFORE,
                                                      .n = 1,
                                                      .persistent = true,
                                                      .code = E_STORE});
    assert_false(run_others_find(o.r, bytes_of_str("s"), &who));
    memory_set_fault(o.f.store, (struct memory_fault){.n = 0});
    writer_free(w);
    kill_other(o.pid);
    assert_int_equal(waitpid(o.pid, NULL, 0), o.pid);
    other_end(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_others__only_who_is_known_to_live),
        cmocka_unit_test(test_run_others__not_who_has_died),
        cmocka_unit_test(test_run_others__damage_stops_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
