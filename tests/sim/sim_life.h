/* sim_life: what the actors of a history do with their lives: one process after
 * the other, each of which opens the repository, does one thing, and ends. */
#ifndef SIM_SIM_LIFE_H
#define SIM_SIM_LIFE_H

#include "tests/sim/sim_world.h"

enum sim_deed {
    SIM_WRITE,
    SIM_COLLECT,
    SIM_FORGET,
    SIM_UNFORGET,
    SIM_READ,
    SIM_CHECK,
    SIM_DEEDS
};

/* What came of them, of all histories of this process. */
struct sim_tally {
    uint64_t done[SIM_DEEDS];
    uint64_t failed[SIM_DEEDS][32]; /* by -code */
    uint64_t repacked;              /* collections that wrote packs anew */
    uint64_t condemned, doomed, rescued, deleted, fenced, waiting; /* packs */
};

extern struct sim_tally sim_life_tally;

/* sim_life_people: the actors of a history, as its seed has them. */
void sim_life_people(struct sim_world *w);

const char *sim_life_deed(enum sim_deed d);

#endif
