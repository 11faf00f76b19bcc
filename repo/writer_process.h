/* writer_process: which process a writer is, for its open record: others on the
 * same host can then tell whether it lives. */
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

/*
 * writer_process_lives: whether that process is another one than this, and
 * known to be alive: of this host, this boot, this pid namespace, its number
 * taken by one that started when it did.
 *   self  writer_process_get() of this process
 */
bool writer_process_lives(const struct record_process *self,
                          const struct record_process *p);

/* writer_process_is_dead: whether that process is known to be no more: of this
 * boot and this pid namespace, and gone. */
bool writer_process_is_dead(const struct record_process *self,
                            const struct record_process *p);

#endif
