/* collect_step: what the steps of a collection share; for collect*.c alone.
 * Confined to one thread. */
#ifndef REPO_COLLECT_STEP_H
#define REPO_COLLECT_STEP_H

#include "repo/collect.h"
#include "repo/collect_proof.h"
#include "repo/roots.h"

struct collect {
    struct repo *r;
    const struct collect_options *o;
    struct collect_done *done;
    int64_t silence_ns;
};

/* collect_sound: D6: 0, or E_CORRUPT while something is damaged that could say
 * what is needed. */
MUST_CHECK int collect_sound(const struct repo *r);

/* collect_mark_proof: the roots of r's state, with what open journals pin,
 * counted in the index, and a proof begun on just these counts, which another
 * process could have changed again. roots: zeroed; out. p: to be ended in any
 * case. As usage_catch_up(). */
MUST_CHECK int collect_mark_proof(struct collect *c, struct roots *roots,
                                  bool live, struct collect_proof *p);

typedef int collect_step_fn(struct collect *c, void *ctx);

/*
 * collect_on_newest: a step on r's state. One that misses something because
 * another collector was faster has met no damage: it runs once more, on the
 * newest state. It leaves no reader open. Returns what it does last; E_BUSY:
 * others were faster again and again; E_CANCELED; as repo_refresh().
 */
MUST_CHECK int collect_on_newest(struct collect *c, collect_step_fn *step,
                                 void *ctx);

/* collect_pins: add what open journals pin. E_CORRUPT: one is damaged. */
MUST_CHECK int collect_pins(const struct repo *r, struct roots *roots);

/* collect_condemn: C1 and C2, unless something is condemned already. */
MUST_CHECK int collect_condemn(struct collect *c);

/* collect_wait: C3 for the condemn record of that number; UINT64_MAX: whatever
 * journals know of.
 *   all  out: every journal is ended, fenced, or knew of the record */
MUST_CHECK int collect_wait(struct collect *c, uint64_t condemn, bool *all);

/* collect_decide: C4 and C5 for that condemn record. */
MUST_CHECK int collect_decide(struct collect *c, uint64_t condemn);

/* collect_delete: C6: all that is doomed and not known to be gone. */
MUST_CHECK int collect_delete(struct collect *c);

#endif
