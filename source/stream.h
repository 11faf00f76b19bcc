/*
 * stream: one file whose bytes come from somewhere else than a file: a
 * program's output, a pipe. It yields the same steps as a walk, for one root:
 * the directories that lead to the file, the file, and out again; between the
 * file's ENTRY and the next step its content is read here.
 *
 * The file has no inode and is never settled: no later run takes it for
 * unchanged. Its mode is 0600: nobody said who may read it, and a dump holds
 * what the rules of a database protected; its owner is who runs this. A
 * directory that is really there carries its own metadata, as above a root of
 * a walk, so that a restore to where it belongs changes nothing around it; one
 * that is not is root's, 0755.
 *
 * Confined to one thread at a time.
 */
#ifndef SOURCE_STREAM_H
#define SOURCE_STREAM_H

#include "base/buf.h"
#include "source/owner.h"
#include "source/reader.h"
#include "source/walk.h"

enum { STREAM_PATH_MAX = 4095 }; /* bytes */

/* Where the bytes come from. */
struct stream_input {
    /*
     * read: the next bytes.
     *   n    out: 0..cap bytes are in to; 0 without end: nothing came for a
     *        while, ask again
     *   end  out: that was all, and it is known to be whole; n is 0 then
     * Returns 0 or why the stream is not whole, E_CANCELED; nothing follows.
     */
    int (*read)(void *ctx, uint8_t *to, size_t cap, size_t *n, bool *end);
    void *ctx;
};

struct stream;

/*
 * stream_path: the path of a stream that a user calls name.
 *   name  with or without its first '/'
 *   path  appended to: absolute, canonical: symlinks are resolved in those of
 *         its directories that are there, as above a root of a walk, since a
 *         restore to where it belongs would put a directory in their place
 * Returns 0; E_USAGE: a part that cannot be a file's name, or too long;
 * E_NOMEM.
 */
MUST_CHECK int stream_path(const char *name, struct buf *path);

/*
 * stream_new: nothing has been read yet.
 *   path    as stream_path() made it; copied
 *   input   copied
 *   owners  NULL: no names; lent
 * Returns 0, E_USAGE for a malformed path, or E_NOMEM.
 */
MUST_CHECK int stream_new(struct bytes path, const struct stream_input *input,
                          struct owner_cache *owners, struct stream **out);
void stream_free(struct stream *s);

/*
 * stream_next: the next step: ENTER, ENTRY, LEAVE or END; dir is NULL. What
 * it borrows is valid until stream_free.
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int stream_next(struct stream *s, struct walk_item *item);

/*
 * stream_read: the next run of the file: DATA, PAUSE or END. Zeros are data.
 * A PAUSE comes every few seconds, whatever flows, so that who waits for
 * parts of the file can do what is due.
 * Returns 0 or what the input returned.
 */
MUST_CHECK int stream_read(struct stream *s, uint8_t *buf, size_t cap,
                           struct reader_run *run);

/* stream_finish: after the END: the file's entry is complete: its size is what
 * was read, its times are now. */
void stream_finish(const struct stream *s, struct entry *e);

#endif
