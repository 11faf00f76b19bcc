/*
 * fields: tagged values for objects that will grow; docs/format.md 1. An odd
 * tag is critical: who does not know it refuses the object; an even one is
 * optional: who does not know it keeps it when the object is written anew.
 * Confined to one thread.
 */
#ifndef REPO_FIELDS_H
#define REPO_FIELDS_H

#include "base/codec.h"
#include "base/id.h"

/* --- reading --- */

struct fields {
    struct codec c;
    uint64_t last; /* the tag read before */
    bool started;
    uint64_t unknown; /* the first critical tag that nobody knew; 0: none */
    struct buf *keep; /* optional fields nobody knew; may be NULL */
};

/* fields_init: read the fields that fill `in`, lent. keep: where unknown
 * optional fields go, as they stand; NULL drops them. */
void fields_init(struct fields *f, struct bytes in, struct buf *keep);

/* fields_next: the next field, lent from the input; false at the end or after
 * a failure. */
bool fields_next(struct fields *f, uint64_t *tag, struct bytes *value);

/* fields_skip: the caller does not know this field. */
void fields_skip(struct fields *f, uint64_t tag, struct bytes value);

/* fields_fail: the caller found a value that cannot be. */
void fields_fail(struct fields *f);

/*
 * fields_end: how it went. what names the object, for the message.
 * Returns 0; E_CORRUPT (malformed, tags not ascending, a value that cannot be);
 * E_UNSUPPORTED (a critical field that fields_skip() was told of).
 */
MUST_CHECK int fields_end(struct fields *f, const char *what);

/* Values of one field; each fails f when the value is not exactly that. */
void fields_get_fixed(struct fields *f, struct bytes value, void *to, size_t n);
uint64_t fields_get_varint(struct fields *f, struct bytes value, uint64_t max);

/* A list: varint count, then that many elements of `each` bytes. */
struct fields_list {
    const uint8_t *p; /* elements, lent */
    size_t n;
};
struct fields_list fields_get_list(struct fields *f, struct bytes value,
                                   size_t each);

/* --- writing --- */

struct fields_out {
    struct buf *to;
    struct codec kept; /* unknown optional fields, still to be put */
    uint64_t last;     /* tag put last */
    bool started;
};

/* fields_begin: append fields to b. kept: unknown optional fields of the object
 * that this one replaces; they are put in their places. May be empty. */
void fields_begin(struct fields_out *o, struct buf *b, struct bytes kept);

/* fields_put: tags must ascend. A failure sticks in the buffer. */
void fields_put(struct fields_out *o, uint64_t tag, struct bytes value);
void fields_put_varint(struct fields_out *o, uint64_t tag, uint64_t v);

/* fields_put_list: n elements of `each` bytes at p as a list. */
void fields_put_list(struct fields_out *o, uint64_t tag, const void *p,
                     size_t n, size_t each);

/* fields_finish: put what is left of the kept fields. */
void fields_finish(struct fields_out *o);

#endif
