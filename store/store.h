/*
 * store: where objects live. An object is a run of bytes under a name; it is
 * written once and never changed (I1).
 *
 * Names are relative ASCII paths: 1..STORE_DEPTH_MAX components joined by '/',
 * each of [a-z0-9._-] and not beginning with '.', STORE_NAME_MAX bytes at most.
 * A name that breaks this is a bug of the caller: E_INTERNAL.
 *
 * What every store promises:
 * - put-if-absent: of all who put one name, one gets STORE_CREATED. An object
 *   is seen whole or not at all, at every moment, whatever crashes.
 * - durable: when a put or commit returns 0, the object under that name (mine,
 *   or the one that was there before) survives a power cut.
 * - visible is not durable: an object that was merely seen by get, size or
 *   list, or whose put failed, may be gone after a power cut; likewise a
 *   deleted one may be back. store_make_durable() settles what the caller saw
 *   before it acts on it (I10).
 * - list returns every object that existed for the whole call.
 *
 * Errors, unless a function says more: E_NOSPACE (full, quota, size limit),
 * E_STORE (everything else that failed there; the text says what to do),
 * E_NOMEM. The text names the store's place and the object: callers need not.
 * After an error of a put or commit the object is there, whole, or
 * it is not; to try again is always allowed, but see store_writer_commit.
 * "Not there" is no error.
 *
 * A struct store may be used by any number of threads at once; a writer by one
 * at a time. Bytes passed in are borrowed for the call. What goes in and out is
 * charged to base/limit.h; callers with much of it wait there, without a lock.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"

enum { STORE_NAME_MAX = 200, STORE_DEPTH_MAX = 4 };

enum store_outcome {
    STORE_CREATED, /* the object is mine */
    STORE_EXISTS   /* one of that name was there before; it is as it was */
};

struct store;
struct store_writer;

/* store_close: s is gone. All its writers must have been freed. NULL is fine.
 */
void store_close(struct store *s);

/* store_place: where s is, for messages: a path or an address; s owns it. */
const char *store_place(const struct store *s);

/* store_name_ok: whether name keeps to the rules above. */
bool store_name_ok(const char *name);

/*
 * store_put: put an object, if there is none of that name.
 *   outcome  out: set when 0 is returned
 */
MUST_CHECK int store_put(struct store *s, const char *name,
                         struct bytes content, enum store_outcome *outcome);

/*
 * store_writer_open: begin an object whose name is not known yet.
 *   w  out: to be freed with store_writer_free
 */
MUST_CHECK int store_writer_open(struct store *s, struct store_writer **w);

/*
 * store_writer_append: the next bytes. The store begins to write them out now,
 * so that the commit waits for little. After an error only
 * store_writer_free is legal.
 */
MUST_CHECK int store_writer_append(struct store_writer *w, struct bytes part);

/*
 * store_writer_commit: put what was appended under name, if there is none of
 * that name. Afterwards, whatever it returned, only store_writer_free is legal:
 * after an error the bytes are void (I8) and are to be written again by a new
 * writer, best under a new name.
 *   outcome  out: set when 0 is returned
 */
MUST_CHECK int store_writer_commit(struct store_writer *w, const char *name,
                                   enum store_outcome *outcome);

/* store_writer_free: abandons what was not committed. NULL is fine. */
void store_writer_free(struct store_writer *w);

/*
 * store_get: the whole object.
 *   out    emptied first; out->max bounds what is read
 *   found  out: false when there is no such object (out is empty then)
 * Returns also E_LIMIT when the object is longer than out->max, E_CORRUPT when
 * it changed its length while being read.
 */
MUST_CHECK int store_get(struct store *s, const char *name, struct buf *out,
                         bool *found);

/*
 * store_get_range: exactly n bytes from offset off into to.
 *   found  out: false when there is no such object
 * Returns also E_CORRUPT when the object ends before off + n (to unspecified).
 */
MUST_CHECK int store_get_range(struct store *s, const char *name, uint64_t off,
                               void *to, size_t n, bool *found);

/* store_size: how many bytes the object has.
 *   found  out: false when there is no such object (size is 0 then) */
MUST_CHECK int store_size(struct store *s, const char *name, uint64_t *size,
                          bool *found);

/* Takes one listed object; name is lent for the call. It may read from the
 * store and must not change it. Nonzero, a raised E_*, ends the listing. */
typedef int store_list_fn(void *ctx, const char *name, uint64_t size);

/*
 * store_list: the objects below a prefix, each once, in no order.
 *   prefix  "" for all; else a name: that of a folder ("packs", "w/3fa0...")
 * Objects that appear or vanish meanwhile may be listed or not. What is no
 * object (other names, temporary files) is not listed.
 * Returns also what fn returned.
 */
MUST_CHECK int store_list(struct store *s, const char *prefix,
                          store_list_fn *fn, void *ctx);

/* store_list_names: the same, in a third of the time: fn must not heed sizes.
 */
MUST_CHECK int store_list_names(struct store *s, const char *prefix,
                                store_list_fn *fn, void *ctx);

/* store_delete: the object is gone when it returns 0, also when it never was
 * there. Not durable by itself, see store_make_durable. */
MUST_CHECK int store_delete(struct store *s, const char *name);

/*
 * store_make_durable: what is under name now, an object or nothing, survives
 * a power cut.
 *   found  out: whether there is an object; may be NULL
 */
MUST_CHECK int store_make_durable(struct store *s, const char *name,
                                  bool *found);

/* store_free_space: bytes that can still be written; UINT64_MAX: no limit
 * known. */
MUST_CHECK int store_free_space(struct store *s, uint64_t *bytes);

/*
 * store_probe: try out, with a small object "probe-..." that is deleted again,
 * that the store is writable and keeps its promises: above all, that a second
 * put of a name leaves the first one's bytes.
 * Returns also E_UNSUPPORTED when it does not: no repository can live there.
 */
MUST_CHECK int store_probe(struct store *s);

#endif
