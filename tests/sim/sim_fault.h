/* sim_fault: what the store does to the actors of a history: at each operation
 * others may go on first, and a seed may strike. */
#ifndef SIM_SIM_FAULT_H
#define SIM_SIM_FAULT_H

#include "tests/sim/sim_world.h"

/* sim_fault_hook: a memory_hook_fn; ctx is the world. While no actor runs it
 * does nothing. */
int sim_fault_hook(void *ctx, enum memory_point point, enum memory_op op,
                   const char *name);

/* sim_fault_odds: how wild a history is to be. */
void sim_fault_odds(struct sim_world *w, struct prng *r);

const char *sim_fault_name(enum sim_fault f);

#endif
