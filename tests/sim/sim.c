/*
 * sim: histories of writers, collectors, users and readers on one repository,
 * with crashes, lost replies, late puts and power cuts, each decided by its
 * seed. docs/concurrency.md says what must hold.
 */
#include <inttypes.h>
#include <malloc.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "repo/crypto.h"
#include "repo/crypto_fixed.h"
#include "tests/sim/sim_fault.h"
#include "tests/sim/sim_judge.h"
#include "tests/sim/sim_life.h"

struct sim_options {
    uint64_t seed;
    uint64_t histories;
    uint64_t seconds; /* begin none after so many; 0: no limit */
    bool trace;
    bool twice; /* each again, to see that it is the same */
    bool verbose;
    bool go_on;  /* after a failure */
    bool safety; /* garbage that is left is no failure */
};

struct sim_sum {
    uint64_t histories;
    uint64_t failures;
    uint64_t steps;
    uint64_t snapshots;
    uint64_t cuts;
    uint64_t faults[SIM_FAULTS];
};

/* Returns the hash of the trace. */
static uint64_t sim_history(const struct sim_options *o, uint64_t seed,
                            const char *dir, struct sim_sum *sum)
{
    static struct sim_world w;
    struct prng odds;
    uint64_t hash;

    sim_world_open(&w, seed, dir);
    prng_init(&odds, ~seed);
    sim_fault_odds(&w, &odds);
    w.sched.trace = o->trace ? stdout : NULL;
    w.safety = o->safety;
    sim_life_people(&w);
    sim_sched_run(&w.sched);
    sim_judge_rest(&w);
    if (w.failed)
        (void)printf("seed %" PRIu64 ": %s\n", seed, w.why);
    sum->histories++;
    sum->failures += w.failed;
    sum->steps += w.sched.step;
    sum->snapshots += w.snapshot_n;
    sum->cuts += w.cuts;
    for (size_t i = 0; i < SIM_FAULTS; i++)
        sum->faults[i] += w.faults[i];
    hash = w.sched.hash;
    sim_world_close(&w);
    return hash;
}

static double sim_now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sim_tell(const struct sim_sum *s, double took)
{
    (void)printf("%" PRIu64 " histories in %.1f s (%.1f per second), %" PRIu64
                 " steps, %" PRIu64 " snapshots, %" PRIu64 " power cuts\n",
                 s->histories, took, (double)s->histories / took, s->steps,
                 s->snapshots, s->cuts);
    for (int i = 1; i < SIM_FAULTS; i++)
        (void)printf("%s%s %" PRIu64, i > 1 ? ", " : "faults: ",
                     sim_fault_name((enum sim_fault)i), s->faults[i]);
    (void)printf("\n");
    for (int d = 0; d < SIM_DEEDS; d++) {
        (void)printf("%s: %" PRIu64 " done", sim_life_deed((enum sim_deed)d),
                     sim_life_tally.done[d]);
        for (int i = 1; i < 32; i++) {
            if (sim_life_tally.failed[d][i] > 0)
                (void)printf(", %" PRIu64 " E%d", sim_life_tally.failed[d][i],
                             -i);
        }
        (void)printf("\n");
    }
    (void)printf(
        "packs: %" PRIu64 " condemned, %" PRIu64 " doomed, %" PRIu64
        " rescued, %" PRIu64 " deleted; journals: %" PRIu64 " fenced, %" PRIu64
        " waited for; %" PRIu64 " collections repacked\n",
        sim_life_tally.condemned, sim_life_tally.doomed, sim_life_tally.rescued,
        sim_life_tally.deleted, sim_life_tally.fenced, sim_life_tally.waiting,
        sim_life_tally.repacked);
}

static int sim_run(const struct sim_options *o, const char *dir)
{
    struct sim_sum sum = {.histories = 0};
    double begun = sim_now();

    for (uint64_t i = 0; i < o->histories; i++) {
        uint64_t seed = o->seed + i;
        uint64_t hash = sim_history(o, seed, dir, &sum);

        if (o->twice && sim_history(o, seed, dir, &sum) != hash) {
            (void)printf("seed %" PRIu64 ": not the same twice\n", seed);
            sum.failures++;
        }
        (void)fflush(stdout);
        if (sum.failures > 0 && !o->go_on)
            break;
        if (o->seconds > 0 && sim_now() - begun > (double)o->seconds)
            break;
    }
    if (o->verbose)
        sim_tell(&sum, sim_now() - begun);
    return sum.failures > 0 ? 1 : 0;
}

/* Handing over to another thread is cheap on one core. */
static void sim_one_core(void)
{
    cpu_set_t set;
    int core = sched_getcpu();

    CPU_ZERO(&set);
    CPU_SET(core < 0 ? 0 : (size_t)core, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

static bool sim_number(const char *name, char **argv, int *i, uint64_t *out)
{
    if (strcmp(argv[*i], name) != 0 || !argv[*i + 1])
        return false;
    *out = strtoull(argv[++*i], NULL, 10);
    return true;
}

static bool sim_flag(const char *name, const char *arg, bool *out)
{
    *out |= strcmp(arg, name) == 0;
    return strcmp(arg, name) == 0;
}

int main(int argc, char **argv)
{
    struct sim_options o = {.seed = 1, .histories = 100};
    char dir[] = "/dev/shm/dedup-sim-XXXXXX";
    char temp[] = "/tmp/dedup-sim-XXXXXX";
    char *at;
    int rc;

    for (int i = 1; i < argc; i++) {
        if (!sim_number("--seed", argv, &i, &o.seed) &&
            !sim_number("--histories", argv, &i, &o.histories) &&
            !sim_number("--seconds", argv, &i, &o.seconds) &&
            !sim_flag("--trace", argv[i], &o.trace) &&
            !sim_flag("--twice", argv[i], &o.twice) &&
            !sim_flag("--verbose", argv[i], &o.verbose) &&
            !sim_flag("--safety", argv[i], &o.safety) &&
            !sim_flag("--go-on", argv[i], &o.go_on)) {
            (void)fprintf(
                stderr,
                "sim [--seed S] [--histories N] [--seconds N] "
                "[--trace] [--twice] [--verbose] [--safety] [--go-on]\n");
            return 2;
        }
    }
    (void)setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    sim_one_core();
    /* large memory comes zeroed, and most of it is not touched */
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 17);
    crypto_fixed_start();
    if (crypto_init() < 0)
        return 2;
    at = mkdtemp(dir);
    if (!at)
        at = mkdtemp(temp);
    if (!at || setenv("TMPDIR", at, 1) != 0)
        return 2;
    rc = sim_run(&o, at);
    (void)rmdir(at);
    return rc;
}
