/*
 * snap_store: the work stage of a snapshot: completes the entries of a unit,
 * reads its files, names the chunks and hands them to the intake. One state for
 * each thread.
 */
#ifndef REPO_JOB_SNAP_STORE_H
#define REPO_JOB_SNAP_STORE_H

#include "base/cancel.h"
#include "repo/fetch.h"
#include "repo/intake.h"
#include "repo/job/snap_unit.h"

struct snap_store;

struct snap_store_config {
    const struct keyring *keys;    /* lent */
    struct intake *intake;         /* lent */
    struct fetch *fetch;           /* lent */
    const struct chunker *chunker; /* lent */
    struct reader_options reader;  /* copied; what it names is lent */
    const struct cancel *stop;     /* once it asks, units are cut; NULL: never;
                                      lent */
};

/* snap_store_new: config is copied. Returns 0, E_NOMEM, E_INTERNAL or what the
 * index returned. */
MUST_CHECK int snap_store_new(const struct snap_store_config *config,
                              struct snap_store **out);

/* snap_store_free: abandons chunks that were not flushed. */
void snap_store_free(struct snap_store *s);

/* snap_store_unit: do all that the unit needs. Trouble with single source files
 * ends up in the unit; returns what else failed. Asked to stop it cuts the unit
 * behind the last item that is done, at once even if a file is long. */
MUST_CHECK int snap_store_unit(struct snap_store *s, struct snap_unit *u);

/* snap_store_flush: seal the frame being filled: after the last unit. */
MUST_CHECK int snap_store_flush(struct snap_store *s);

#endif
