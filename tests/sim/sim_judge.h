/* sim_judge: what must hold when a history is over, and nobody is left but who
 * looks. */
#ifndef SIM_SIM_JUDGE_H
#define SIM_SIM_JUDGE_H

#include "tests/sim/sim_world.h"

enum { SIM_JUDGE_COLLECTIONS = 2 };

/* sim_judge_promises: with a fresh cache: what was promised is there, what was
 * forgotten is not, and all that is there reads right. */
void sim_judge_promises(struct sim_world *w);

/* sim_judge_check: `check` has nothing to say. Returns what it did. */
int sim_judge_check(struct sim_world *w, struct repo *r);

/* sim_judge_rest: collect while nobody is there; then all of the above, and
 * nothing is left that nothing needs, and `check` has nothing to say. */
void sim_judge_rest(struct sim_world *w);

#endif
