#include "tests/faults/fault_kit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fileop_fault.h"
#include "repo/check.h"
#include "repo/job/restore_job.h"
#include "repo/job/snapshot_job.h"
#include "repo/key_change.h"
#include "repo/repo_init.h"
#include "repo/snapshot_list.h"
#include "store/local.h"
#include "tests/faults/fault_tree.h"

/* 32 bytes of a key file: no Argon2 in a loop of thousands of runs. */
static const char key_file[] = "0123456789abcdef0123456789abcdef";

static const char host_file[] = "a host that backs up, of 32 b ..";

static const char series[] = "faults";

static bool all;

enum { FEW_ENTRIES = 4 };

void fault_kit_args(int argc, char **argv)
{
    const char *env = getenv("FAULTS_ALL");

    all = env && *env && *env != '0';
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--all") == 0)
            all = true;
        else
            cmocka_set_test_filter(argv[i]);
    }
}

uint64_t fault_kit_step(uint64_t usual)
{
    return all ? 1 : usual;
}

uint64_t fault_kit_stride(uint64_t usual)
{
    return fault_kit_step(fault_kit_is_slow() && usual > 1 ? 3 * usual : usual);
}

bool fault_kit_is_slow(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
    return __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
    return false;
#endif
}

/* --- in a child --- */

static struct key_slot_secret secret(void)
{
    return (struct key_slot_secret){KEY_SLOT_FILE, bytes_of_str(key_file)};
}

static struct key_slot_secret host_secret(void)
{
    return (struct key_slot_secret){KEY_SLOT_FILE, bytes_of_str(host_file)};
}

int fault_kit_init(struct store *s)
{
    struct key_slot_secret key = secret();
    struct repo_init_options opt = {.secret = &key};

    return repo_init(s, &opt, NULL);
}

int fault_kit_open_in(struct store *s, const char *cache, struct repo **r)
{
    struct key_slot_secret key = secret();
    struct repo_open_options opt = {.secret = &key, .cache_root = cache};

    return repo_open(s, &opt, r);
}

static int open_at(const struct fault_kit *k, const struct key_slot_secret *key,
                   const char *cache, struct store **s, struct repo **r)
{
    struct repo_open_options opt = {.secret = key, .cache_root = cache};
    int rc = local_open(k->repo, s);

    *r = NULL;
    if (rc < 0) {
        *s = NULL;
        return rc;
    }
    rc = repo_open(*s, &opt, r);
    k->report->begun = rc == 0;
    return rc;
}

int fault_kit_open(const struct fault_kit *k, const char *cache,
                   struct store **s, struct repo **r)
{
    struct key_slot_secret key = secret();
    char full[FAULT_KIT_PATH + 8];

    (void)snprintf(full, sizeof full, "%s-full", k->cache);
    return open_at(k, &key, cache ? cache : k->host ? full : k->cache, s, r);
}

/* As who backs up does. */
static int open_to_write(const struct fault_kit *k, struct store **s,
                         struct repo **r)
{
    struct key_slot_secret key = k->host ? host_secret() : secret();

    return open_at(k, &key, k->cache, s, r);
}

static void tell_problems(struct fault_report *report, struct problems *p)
{
    const struct manifest_problem *list;
    size_t n;

    report->problems = problems_total(p);
    list = problems_list(p, &n);
    if (n > 0)
        (void)snprintf(report->problem, sizeof report->problem, "%.*s: %.*s",
                       (int)list[0].path.n, (const char *)list[0].path.p,
                       (int)list[0].text.n, (const char *)list[0].text.p);
}

int fault_kit_back_up(const struct fault_kit *k, struct repo *r,
                      const char *source)
{
    struct bytes root = bytes_of_str(source);
    struct snapshot_job_options opt = {
        .root = &root,
        .root_n = 1,
        .series = bytes_of_str(strcmp(source, k->source) == 0 ||
                                       strstr(source, "/ref/")
                                   ? series
                                   : "other"),
        .program = bytes_of_str("fault_kit"),
        .publish_bytes = k->publish_bytes,
        .force = k->force,
        .checkpoint_ns = k->checkpoints,
        .unit_items = k->checkpoints ? FEW_ENTRIES : 0,
        .threads = k->threads ? k->threads : 1,
    };
    struct snapshot_job *j;
    int rc = snapshot_job_new(r, &opt, &j);

    if (rc < 0)
        return rc;
    rc = snapshot_job_run(j);
    k->report->new_bytes = snapshot_job_result(j)->stats.new_bytes;
    k->report->kept = snapshot_job_result(j)->kept_files;
    k->report->resumed = snapshot_job_result(j)->resumed_files;
    tell_problems(k->report, snapshot_job_problems(j));
    snapshot_job_free(j);
    return rc;
}

static bool of_tree(const struct snapshot_item *it)
{
    return bytes_equal(it->manifest.m.series, bytes_of_str(series));
}

int fault_kit_count(struct repo *r, uint64_t *n, uint64_t *checkpoints)
{
    struct snapshot_list list = {.item = NULL};
    int rc = snapshot_list_load(r->index, &r->state, &list);

    *n = 0;
    if (checkpoints)
        *checkpoints = 0;
    for (size_t i = 0; i < list.n; i++) {
        if (of_tree(&list.item[i]) && list.item[i].manifest.m.complete)
            *n += 1;
        else if (of_tree(&list.item[i]) && checkpoints)
            *checkpoints += 1;
    }
    snapshot_list_release(&list);
    return rc;
}

static int tell_finding(void *ctx, const struct check_finding *f)
{
    struct fault_report *report = ctx;

    if (f->damage && !report->problem[0])
        (void)snprintf(report->problem, sizeof report->problem, "%s %s: %s",
                       check_kind_name(f->kind), f->object, f->text);
    return 0;
}

int fault_kit_check(const struct fault_kit *k, struct repo *r)
{
    struct check_options opt = {.read_data = true, .threads = 1};
    struct check_summary sum;

    return check_run(r, &opt, tell_finding, k->report, &sum);
}

static void tell_event(void *ctx, const struct restore_event *e)
{
    struct fault_report *report = ctx;

    if ((e->kind != RESTORE_FAILED && e->kind != RESTORE_DAMAGED) ||
        report->problem[0])
        return;
    (void)snprintf(report->problem, sizeof report->problem, "%.*s: %s",
                   (int)e->path.n, (const char *)e->path.p, e->text);
}

static int bring_back_entry(const struct fault_kit *k, struct repo *r,
                            const struct tree_entry *start, const char *target)
{
    const struct bytes everything[] = {bytes_of_str("/")};
    const struct restore_delete mirror = {
        .root = everything, .root_n = 1, .ignore_files = true};
    struct restore_job_options opt = {.start = start,
                                      .target = target,
                                      .mirror = k->mirror ? &mirror : NULL,
                                      .safety = k->safety,
                                      .keep_whole = k->safety != NULL,
                                      .threads = k->threads ? k->threads : 1,
                                      .event = tell_event,
                                      .ctx = k->report};
    const struct restore_progress *p;
    struct restore_job *j;
    int rc = restore_job_new(r, &opt, &j);

    if (rc < 0)
        return rc;
    rc = restore_job_run(j);
    p = restore_job_progress(j);
    k->report->failed += atomic_load(&p->failed);
    k->report->damaged += atomic_load(&p->damaged);
    for (size_t i = 0; i < JAIL_LOST_KINDS; i++)
        k->report->lost += atomic_load(&p->lost[i]);
    restore_job_free(j);
    return rc;
}

/* The n-th oldest snapshot of the tree, or checkpoint; NULL: there are not so
 * many. */
static const struct snapshot_item *nth(const struct snapshot_list *l, size_t n,
                                       bool complete)
{
    for (size_t i = 0; i < l->n; i++)
        if (of_tree(&l->item[i]) &&
            l->item[i].manifest.m.complete == complete && n-- == 0)
            return &l->item[i];
    return NULL;
}

static int bring_back(const struct fault_kit *k, struct repo *r, size_t n,
                      bool complete, const char *target)
{
    struct snapshot_list list = {.item = NULL};
    const struct snapshot_item *item = NULL;
    struct snapshot snap = {.plain = {0}};
    struct tree_entry te = {.attr = NULL};
    struct codec c;
    int rc = snapshot_list_load(r->index, &r->state, &list);

    if (rc == 0)
        item = nth(&list, n, complete);
    if (rc == 0 && !item)
        rc = err_set(E_NOTFOUND, "no snapshot %zu of %zu", n, list.n);
    if (rc == 0)
        rc = snapshot_list_read(r->store, r->keys, &item->id, &snap);
    if (rc == 0) {
        codec_init(&c, snap.manifest.m.root);
        rc = tree_entry_get(&c, &te, true);
    }
    if (rc == 0)
        rc = bring_back_entry(k, r, &te, target);
    tree_entry_release(&te);
    snapshot_list_drop(&snap);
    snapshot_list_release(&list);
    return rc;
}

int fault_kit_bring_back(const struct fault_kit *k, struct repo *r, size_t n,
                         const char *target)
{
    return bring_back(k, r, n, true, target);
}

void fault_kit_snapshot(struct fault_kit *k, void *ctx)
{
    struct store *s;
    struct repo *r;
    int rc = open_to_write(k, &s, &r);

    (void)ctx;
    if (rc == 0)
        rc = fault_kit_back_up(k, r, k->source);
    k->report->rc = rc;
    repo_close(r);
    store_close(s);
}

void fault_kit_restore(struct fault_kit *k, void *ctx)
{
    struct store *s;
    struct repo *r;
    uint64_t n = 0;
    int rc = fault_kit_open(k, NULL, &s, &r);

    if (rc == 0)
        rc = fault_kit_count(r, &n, NULL);
    if (rc == 0)
        rc = fault_kit_bring_back(k, r, n - 1, ctx);
    k->report->rc = rc;
    repo_close(r);
    store_close(s);
}

/* --- children --- */

static _Noreturn void child(struct fault_kit *k, const char *plan,
                            fault_kit_run *run, void *ctx)
{
    struct fault_report *report = k->report;

    if (fileop_fault_set(plan) < 0) {
        (void)fprintf(stderr, "%s\n", err_text());
        _exit(99);
    }
    run(k, ctx);
    if (plan[0]) {
        report->count = fileop_fault_count();
        report->fired = fileop_fault_fired();
    }
    (void)snprintf(report->text, sizeof report->text, "%s",
                   report->rc < 0 ? err_text() : "");
    report->done = true;
    /* not _exit: a sanitizer looks for leaks on the way out */
    exit(0);
}

bool fault_kit_child(struct fault_kit *k, const char *plan, fault_kit_run *run,
                     void *ctx)
{
    int status;
    pid_t pid;

    *k->report = (struct fault_report){.rc = 0};
    if (plan[0])
        (void)snprintf(k->plan, sizeof k->plan, "%s", plan);
    (void)fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child(k, plan, run, ctx);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return true;
    if (status != 0 || !k->report->done)
        fault_kit_wrong(k, "a child crashed or leaked");
    return false;
}

void fault_kit_must(struct fault_kit *k, fault_kit_run *run, void *ctx,
                    const char *what)
{
    assert_false(fault_kit_child(k, "", run, ctx));
    if (k->report->rc < 0)
        fault_kit_wrong(k, what);
}

void fault_kit_demand(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "%s: %s\n", what, err_text());
    exit(1);
}

void fault_kit_wrong(const struct fault_kit *k, const char *what)
{
    const struct fault_report *r = k->report;

    print_message("plan \"%s\": %s\n", k->plan, what);
    print_message("rc %d \"%s\"; %lu problems, %lu failed, %lu damaged, "
                  "%lu lost (%s)\n",
                  r->rc, r->text, (unsigned long)r->problems,
                  (unsigned long)r->failed, (unsigned long)r->damaged,
                  (unsigned long)r->lost, r->problem);
    fail();
    abort();
}

static void must_succeed(struct fault_kit *k, fault_kit_run *run, void *ctx)
{
    const struct fault_report *r = k->report;

    assert_false(fault_kit_child(k, "", run, ctx));
    if (r->rc < 0 || r->problems || r->failed || r->damaged || r->lost)
        fault_kit_wrong(k, "a run without faults did not succeed");
}

/* --- the audit --- */

struct audit {
    bool third;
    uint64_t there; /* snapshots */
    char fresh[FAULT_KIT_PATH];
    char target[FAULT_KIT_PATH];
};

static int audit_restore(struct fault_kit *k, struct repo *r, struct audit *a,
                         uint64_t n)
{
    (void)snprintf(a->target, sizeof a->target, "%.*s/%lu", FAULT_KIT_PATH - 24,
                   k->out, (unsigned long)n);
    return err_add(fault_kit_bring_back(k, r, n, a->target),
                   "restore of snapshot %lu", (unsigned long)n);
}

static void checkpoint_target(const struct fault_kit *k, uint64_t n,
                              char out[FAULT_KIT_PATH])
{
    (void)snprintf(out, FAULT_KIT_PATH, "%.*s/c%lu", FAULT_KIT_PATH - 24,
                   k->out, (unsigned long)n);
}

static int audit_checkpoints(struct fault_kit *k, struct repo *r,
                             struct audit *a)
{
    int rc = 0;

    for (uint64_t n = 0; n < k->report->checkpoints && rc == 0; n++) {
        checkpoint_target(k, n, a->target);
        rc = err_add(bring_back(k, r, n, false, a->target),
                     "restore of checkpoint %lu", (unsigned long)n);
    }
    return rc;
}

/* What is there, before the next run. */
static void audit_there(struct fault_kit *k, void *ctx)
{
    struct fault_report *report = k->report;
    struct audit *a = ctx;
    struct store *s;
    struct repo *r;
    int rc = fault_kit_open(k, NULL, &s, &r);

    if (rc == 0)
        rc = fault_kit_count(r, &report->snapshots, &report->checkpoints);
    if (rc == 0)
        rc = audit_checkpoints(k, r, a);
    for (uint64_t n = 0; n < report->snapshots && rc == 0; n++) {
        if (n == 2 && !a->third)
            continue;
        rc = audit_restore(k, r, a, n);
        report->third_restored = n == 2;
    }
    repo_close(r);
    store_close(s);
    report->rc = rc;
}

static void audit_next(struct fault_kit *k, void *ctx)
{
    struct fault_kit next = *k;

    next.checkpoints = false;
    fault_kit_snapshot(&next, ctx);
}

/* A host's keepsake serves, and is all that is there. */
static int audit_keepsake(struct fault_kit *k)
{
    audit_next(k, NULL);
    if (k->report->rc == 0 && k->report->kept == 0)
        k->report->rc = err_set(E_INTERNAL, "no use of the keepsake");
    if (k->report->rc == 0 &&
        !scratch_run("test -z \"$(find '%s' -name '*.new')\" && "
                     "test \"$(find '%s' -name 'keepsake-*' | wc -l)\" = 2",
                     k->cache, k->cache))
        k->report->rc = err_set(E_INTERNAL, "other files than keepsakes");
    return k->report->rc;
}

static void audit_after(struct fault_kit *k, void *ctx)
{
    struct audit *a = ctx;
    struct store *s = NULL;
    struct repo *r = NULL;
    int rc = k->host ? audit_keepsake(k) : 0;

    if (rc == 0)
        rc = fault_kit_open(k, NULL, &s, &r);
    if (rc == 0)
        rc = audit_restore(k, r, a, a->there);
    if (rc == 0)
        rc = fault_kit_check(k, r);
    repo_close(r);
    store_close(s);
    k->report->rc = rc;
}

int fault_kit_superseded(struct repo *r)
{
    struct snapshot_list list = {.item = NULL};
    int rc = snapshot_list_load(r->index, &r->state, &list);

    if (rc == 0 && snapshot_list_checkpoint(&list, bytes_of_str(series), false))
        rc = err_set(E_INTERNAL, "a checkpoint is not superseded");
    snapshot_list_release(&list);
    return rc;
}

/* What a cache that is made anew says (I5). */
static void audit_fresh(struct fault_kit *k, void *ctx)
{
    struct audit *a = ctx;
    struct store *s;
    struct repo *r;
    int rc = fault_kit_open(k, a->fresh, &s, &r);

    if (rc == 0)
        rc = fault_kit_count(r, &k->report->rebuilt, NULL);
    if (rc == 0)
        rc = fault_kit_superseded(r);
    repo_close(r);
    store_close(s);
    k->report->rc = rc;
}

uint64_t fault_kit_audit(struct fault_kit *k, bool third)
{
    char back[2 * FAULT_KIT_PATH];
    char want[2 * FAULT_KIT_PATH];
    struct audit a = {.third = third};
    uint64_t checkpoints;
    uint64_t n;
    bool restored;

    (void)snprintf(a.fresh, sizeof a.fresh, "%s/run/fresh", k->dir);
    must_succeed(k, audit_there, &a);
    n = a.there = k->report->snapshots;
    checkpoints = k->report->checkpoints;
    restored = k->report->third_restored;
    must_succeed(k, audit_next, NULL);
    must_succeed(k, audit_after, &a);
    if (n < 2 || n > 3)
        fault_kit_wrong(k, "there are not two or three snapshots");
    for (uint64_t i = 0; i <= n; i++) {
        if (i == 2 && i < n && !restored)
            continue;
        (void)snprintf(a.target, sizeof a.target, "%.*s/%lu",
                       FAULT_KIT_PATH - 24, k->out, (unsigned long)i);
        fault_kit_back(k, a.target, back);
        fault_kit_expected(k, i < 2 ? i : 2, want);
        fault_kit_same(want, back, "");
    }
    for (uint64_t i = 0; i < checkpoints && third; i++) {
        checkpoint_target(k, i, a.target);
        fault_kit_back(k, a.target, back);
        fault_kit_same(k->source, back, "--part");
    }
    must_succeed(k, audit_fresh, &a);
    if (k->report->rebuilt != n + 1 + k->host)
        fault_kit_wrong(k, "a new cache knows other snapshots");
    k->report->checkpoints = checkpoints;
    return n;
}

/* --- the kit --- */

void fault_kit_same(const char *a, const char *b, const char *options)
{
    if (!scratch_run(TREECMP " %s '%s' '%s'", options, a, b))
        fail_msg("%s and %s differ", a, b);
}

void fault_kit_back(const struct fault_kit *k, const char *target,
                    char out[2 * FAULT_KIT_PATH])
{
    (void)snprintf(out, 2 * FAULT_KIT_PATH, "%s%s", target, k->source);
}

void fault_kit_expected(const struct fault_kit *k, size_t n,
                        char out[2 * FAULT_KIT_PATH])
{
    char base[FAULT_KIT_PATH];

    if (n >= 2) {
        (void)snprintf(out, 2 * FAULT_KIT_PATH, "%s", k->source);
        return;
    }
    (void)snprintf(base, sizeof base, "%s/ref/%zu", k->dir, n);
    fault_kit_back(k, base, out);
}

static void make_repo(struct fault_kit *k, void *ctx)
{
    struct store *s = NULL;
    int rc = local_create(k->repo);

    (void)ctx;
    if (rc == 0)
        rc = local_open(k->repo, &s);
    if (rc == 0)
        rc = fault_kit_init(s);
    store_close(s);
    k->report->rc = rc;
}

/* Small ones of another series: their segments are there to be merged. */
static void make_extra(struct fault_kit *k, void *ctx)
{
    struct store *s;
    struct repo *r;
    int rc = open_to_write(k, &s, &r);

    (void)ctx;
    scratch_dir(k->dir, "small");
    for (int i = 0; i < FAULT_KIT_EXTRA && rc == 0; i++) {
        char path[FAULT_KIT_PATH];

        (void)snprintf(path, sizeof path, "%s/small", k->dir);
        scratch_file(path, "file", &i, sizeof i);
        rc = fault_kit_back_up(k, r, path);
    }
    repo_close(r);
    store_close(s);
    k->report->rc = rc;
}

/* A snapshot of the tree as it is, and what it must restore to from now on:
 * its first restore, when that equals the tree. */
static void make_snapshot(struct fault_kit *k, size_t n)
{
    char target[FAULT_KIT_PATH];
    char back[2 * FAULT_KIT_PATH];

    must_succeed(k, fault_kit_snapshot, NULL);
    (void)snprintf(target, sizeof target, "%s/ref/%zu", k->dir, n);
    must_succeed(k, fault_kit_restore, target);
    fault_kit_back(k, target, back);
    fault_kit_same(k->source, back, "");
}

static void place(struct fault_kit *k, const char *what, char *to)
{
    (void)snprintf(to, FAULT_KIT_PATH, "%s/%s", k->dir, what);
}

/* The directories, an empty repository, no tree. */
static void make_empty(struct fault_kit *k)
{
    *k = (struct fault_kit){.threads = 1};
    /* thousands of fsyncs: what they cost on a disk proves nothing here */
    if (access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 1);
    scratch_make(k->dir);
    /* private caches go the same way, and are removed with it */
    (void)setenv("TMPDIR", k->dir, 1);
    k->report = mmap(NULL, sizeof *k->report, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(k->report != MAP_FAILED);
    assert_true(scratch_run("cd '%s' && mkdir -p tree run base ref", k->dir));
    place(k, "tree", k->source);
    place(k, "run/repo", k->repo);
    place(k, "run/cache", k->cache);
    place(k, "run/out", k->out);
    must_succeed(k, make_repo, NULL);
}

void fault_kit_keep(struct fault_kit *k)
{
    assert_true(scratch_run("cd '%s' && rm -rf run/out base/run && "
                            "cp -a run base/run",
                            k->dir));
    fault_kit_reset(k);
}

static void make_all(struct fault_kit *k)
{
    fault_tree_make(k->source);
    must_succeed(k, make_extra, NULL);
    make_snapshot(k, 0);
    fault_tree_change(k->source, 2);
    make_snapshot(k, 1);
    fault_tree_change(k->source, 3);
    fault_kit_keep(k);
}

void fault_kit_make(struct fault_kit *k)
{
    make_empty(k);
    make_all(k);
}

static void add_host(struct fault_kit *k, void *ctx)
{
    struct key_slot_secret key = host_secret();
    struct key_change_new n = {
        .role = KEYRING_WRITE, .label = "host", .secret = &key};
    struct member_id id;
    struct store *s;
    struct repo *r;
    int rc = fault_kit_open(k, NULL, &s, &r);

    (void)ctx;
    if (rc == 0)
        rc = key_change_add(r, &n, &id);
    repo_close(r);
    store_close(s);
    k->report->rc = rc;
}

void fault_kit_make_host(struct fault_kit *k)
{
    make_empty(k);
    k->host = true;
    must_succeed(k, add_host, NULL);
    make_all(k);
}

static void count_left(struct fault_kit *k, void *ctx)
{
    struct store *s;
    struct repo *r;
    int rc = fault_kit_open(k, NULL, &s, &r);

    (void)ctx;
    if (rc == 0)
        rc = fault_kit_count(r, &k->report->snapshots, &k->report->checkpoints);
    repo_close(r);
    store_close(s);
    k->report->rc = rc;
}

void fault_kit_interrupt(struct fault_kit *k)
{
    char plan[64];

    k->checkpoints = true;
    assert_false(
        fault_kit_child(k, "count,domain=repo", fault_kit_snapshot, NULL));
    assert_true(k->report->rc == 0 && k->report->count > 0);
    (void)snprintf(plan, sizeof plan, "kill:%lu,domain=repo",
                   (unsigned long)(k->report->count * 2 / 3));
    fault_kit_reset(k);
    assert_true(fault_kit_child(k, plan, fault_kit_snapshot, NULL));
    k->checkpoints = false;
    must_succeed(k, count_left, NULL);
    assert_true(k->report->snapshots == 2 && k->report->checkpoints > 0);
    fault_kit_keep(k);
    /* a run that nothing happens to goes on from there */
    must_succeed(k, fault_kit_snapshot, NULL);
    assert_true(k->report->resumed > 0);
    fault_kit_reset(k);
    k->interrupted = true;
}

void fault_kit_make_small(struct fault_kit *k)
{
    make_empty(k);
    scratch_file(k->source, "file", "content", 7);
    fault_kit_keep(k);
}

void fault_kit_reset(struct fault_kit *k)
{
    assert_true(scratch_run("cd '%s' && rm -rf run && cp -a base/run run && "
                            "mkdir run/out",
                            k->dir));
}

void fault_kit_remove(struct fault_kit *k)
{
    (void)munmap(k->report, sizeof *k->report);
    (void)unsetenv("TMPDIR");
    scratch_remove(k->dir);
}
