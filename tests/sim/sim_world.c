#include "tests/sim/sim_world.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/random.h"
#include "repo/crypto_fixed.h"
#include "repo/repo_init.h"
#include "tests/sim/sim_fault.h"

#define SIM_WORLD_EPOCH INT64_C(1700000000)

void sim_world_fail(struct sim_world *w, const char *fmt, ...)
{
    va_list ap;

    if (w->failed)
        return;
    w->failed = true;
    va_start(ap, fmt);
    (void)vsnprintf(w->why, sizeof w->why, fmt, ap);
    va_end(ap);
    sim_sched_note(&w->sched, "FAILED: %s", w->why);
}

void sim_world_open(struct sim_world *w, uint64_t seed, const char *dir)
{
    struct repo_init_options opt = {.chunk_bytes = 16384, .level = 1};
    int rc;

    *w = (struct sim_world){.store = NULL};
    prng_init(&w->prng, seed);
    random_seed_for_tests(seed);
    crypto_fixed_seed(seed);
    clock_fake_set(SIM_WORLD_EPOCH * CLOCK_SECOND_NS, CLOCK_SECOND_NS);
    sim_sched_init(&w->sched, prng_next(&w->prng), 128);
    (void)snprintf(w->dir, sizeof w->dir, "%s", dir);
    w->secret = (struct key_slot_secret){
        KEY_SLOT_FILE, bytes_of_str("0123456789abcdef0123456789abcdef")};
    opt.secret = &w->secret;
    rc = memory_open(&w->store);
    if (rc == 0)
        rc = repo_init(w->store, &opt, NULL);
    ASSERT(rc == 0);
    memory_set_hook(w->store, sim_fault_hook, w);
}

static int sim_world_remove(const char *path, const struct stat *st, int type,
                            struct FTW *at)
{
    (void)st;
    (void)type;
    return at->level > 0 ? remove(path) : 0;
}

void sim_world_close(struct sim_world *w)
{
    (void)nftw(w->dir, sim_world_remove, 16, FTW_DEPTH | FTW_PHYS);
    store_close(w->store);
    w->store = NULL;
}

unsigned sim_world_fresh(struct sim_world *w)
{
    return ++w->caches;
}

int sim_world_repo(struct sim_world *w, unsigned cache, struct repo **r)
{
    struct repo_open_options opt = {.secret = &w->secret};
    char path[SIM_WORLD_PATH + 32];

    if (cache == 0)
        cache = sim_world_fresh(w);
    (void)snprintf(path, sizeof path, "%s/%u", w->dir, cache);
    (void)mkdir(path, 0700);
    opt.cache_root = path;
    return repo_open(w->store, &opt, r);
}

struct sim_process *sim_world_self(struct sim_world *w)
{
    return w->sched.current ? &w->process[w->sched.current->no] : NULL;
}

struct sim_snapshot *sim_world_snapshot(struct sim_world *w,
                                        const struct object_id *id)
{
    for (size_t i = 0; i < w->snapshot_n; i++) {
        if (object_id_equal(&w->snapshot[i].id, id))
            return &w->snapshot[i];
    }
    ASSERT(w->snapshot_n < SIM_WORLD_SNAPSHOTS);
    w->snapshot[w->snapshot_n] = (struct sim_snapshot){.id = *id};
    return &w->snapshot[w->snapshot_n++];
}

/* Its commit may be seen by others before its writer is told of it. */
void sim_world_committed(struct sim_world *w, const struct object_id *id,
                         bool complete)
{
    struct sim_snapshot *s = sim_world_snapshot(w, id);
    char hex[ID_HEX_CHARS + 1];

    s->told = true;
    s->complete = complete;
    sim_sched_note(&w->sched, "told: %s %.8s",
                   complete ? "snapshot" : "checkpoint",
                   id_hex(id->b, sizeof id->b, hex));
}
