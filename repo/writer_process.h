/* writer_process: which process a writer is, for its open record: a collector
 * on the same host can then tell that it is dead. */
#ifndef REPO_WRITER_PROCESS_H
#define REPO_WRITER_PROCESS_H

#include "base/process.h"
#include "repo/record_journal.h"

enum { WRITER_PROCESS_HOST_MAX = 256 };

/* Owns what a record_process borrows. */
struct writer_process {
    char host[WRITER_PROCESS_HOST_MAX];
    char boot[PROCESS_BOOT_MAX];
};

/*
 * writer_process_get: this process. What the system does not tell stays empty
 * or 0.
 *   text  out: must live as long as p is used
 *   p     out: all but the series
 */
void writer_process_get(struct writer_process *text, struct record_process *p);

#endif
