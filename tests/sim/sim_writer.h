/*
 * sim_writer: one run of `dedup snapshot` over a sim_tree: as
 * repo/job/snapshot_job does it, with its parts (parents, the tree's builder,
 * intake, the commit), but for the source: no files, no threads.
 */
#ifndef SIM_SIM_WRITER_H
#define SIM_SIM_WRITER_H

#include "tests/sim/sim_tree.h"
#include "tests/sim/sim_world.h"

struct sim_writer_options {
    const char *series;
    const struct sim_tree *tree;
    bool force;       /* no parent */
    unsigned hurries; /* of 256, at each file: publishes, and renews */
    unsigned leaves;  /* of 256, at each file: leaves a checkpoint */
    unsigned dawdles; /* steps of others that a file may take; actors only */
};

/*
 * sim_writer_run: the ledger is told of what was committed.
 *   id  out: of the snapshot
 * Returns as snapshot_job_run().
 */
MUST_CHECK int sim_writer_run(struct sim_world *w, struct repo *r,
                              const struct sim_writer_options *opt,
                              struct object_id *id);

#endif
