/*
 * jail_file: one file on its way into a jail.
 *
 * Between begin and finish a file needs no descriptor of its own: it is opened
 * again when written to, so that any number may be unfinished. Writes may come
 * in any order, from any thread, several at once; what is not written is a
 * hole. Errors as in jail.h.
 */
#ifndef SOURCE_JAIL_FILE_H
#define SOURCE_JAIL_FILE_H

#include "source/jail.h"

struct jail_file;

/* An object that this run wrote: what hard links may be made to. */
struct jail_made;

/*
 * jail_file_begin: decide on e in dir, and make a place for its content.
 *   force  write it whatever stands there: for a hard-link group of which not
 *          all are there as one inode, or after a comparison of content
 *          An entry with several links is written, too, unless what stands
 *          there has as many: a restore that was cut short left fewer
 *   out    out: to be finished or abandoned; NULL when there is nothing to
 *          write: JAIL_SAME, JAIL_KEPT, or a dry run
 *   res    out: the outcome that finish will have
 */
MUST_CHECK int jail_file_begin(struct jail_dir *dir, const struct entry *e,
                               bool force, struct jail_file **out,
                               struct jail_result *res);

/* jail_file_write: n bytes at off. */
MUST_CHECK int jail_file_write(struct jail_file *f, const void *p, size_t n,
                               uint64_t off);

/* jail_file_start_sync: begin to write [off, off + n) to disk, so that
 * jail_sync has less to wait for. A hint: failures show up there. */
void jail_file_start_sync(struct jail_file *f, uint64_t off, uint64_t n);

/*
 * jail_file_read: what the file holds: for in_place, to write only what
 * differs.
 *   got  out: bytes read; less than n at its end
 */
MUST_CHECK int jail_file_read(struct jail_file *f, void *p, size_t n,
                              uint64_t off, size_t *got);

/*
 * jail_file_data: where a file may hold anything but zeros.
 *   off  from there on, below end; out: the first such place, or end when there
 *        is none in front of it; unchanged where holes cannot be told
 */
MUST_CHECK int jail_file_data(struct jail_file *f, uint64_t *off, uint64_t end);

/* jail_file_was: bytes that an in-place file had when it was opened; else 0:
 * holes there are to be written as zeros, or with jail_file_hole. */
uint64_t jail_file_was(const struct jail_file *f);

/* jail_file_hole: make [off, off + n) a hole that reads as zeros. */
MUST_CHECK int jail_file_hole(struct jail_file *f, uint64_t off, uint64_t n);

/*
 * jail_file_finish: cut or extend the file to e's size, give it e's metadata
 * and its name. f is gone in any case; on failure nothing of it is left but
 * what an in-place file had become.
 *   made  out: for jail_link; NULL: not wanted
 */
MUST_CHECK int jail_file_finish(struct jail_file *f, const struct entry *e,
                                struct jail_made **made,
                                struct jail_result *res);

/* jail_file_abandon: removes what was written. NULL is fine. */
void jail_file_abandon(struct jail_file *f);

/*
 * jail_file_open: the regular file that stands at name, for reading only:
 * jail_file_read, then jail_file_abandon, which leaves it alone.
 *   out  out: NULL when no file is there
 */
MUST_CHECK int jail_file_open(struct jail_dir *dir, struct bytes name,
                              struct jail_file **out);

/*
 * jail_link: make e's name in dir one more link to an object of this run.
 *   linked  out: false: not possible (another file system, too many links, no
 *           links there, or it is not where it was): write a copy
 * A file that already is that link is JAIL_SAME. Not for dry runs, in which
 * nothing is made.
 */
MUST_CHECK int jail_link(struct jail_dir *dir, const struct entry *e,
                         const struct jail_made *made, bool *linked,
                         struct jail_result *res);

/* jail_link_late: jail_link, in a directory that may have been finished: its
 * times stay. */
MUST_CHECK int jail_link_late(struct jail_dir *dir, const struct entry *e,
                              const struct jail_made *made, bool *linked,
                              struct jail_result *res);

/* jail_made_free: NULL is fine. */
void jail_made_free(struct jail_made *made);

/*
 * jail_node: make a symlink, device, fifo or socket, metadata and all.
 *   made  out: as for files: these can be hard links too; NULL: not wanted
 */
MUST_CHECK int jail_node(struct jail_dir *dir, const struct entry *e,
                         struct jail_made **made, struct jail_result *res);

#endif
