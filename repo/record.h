/*
 * record: what records of the log and of journals have in common;
 * docs/format.md 8. The content stands in an envelope of kind L or J; what
 * the bodies say is in record_log.h and record_journal.h. Plain data; what was
 * decoded borrows from the bytes it was decoded from.
 */
#ifndef REPO_RECORD_H
#define REPO_RECORD_H

#include "base/codec.h"
#include "base/entry.h"
#include "base/id.h"
#include "repo/fields.h"

enum {
    RECORD_NONCE_BYTES = 16,
    RECORD_NAME_MAX = 64,   /* of an object's name, with its NUL */
    RECORD_TEXT_MAX = 65536 /* of one text in a body */
};

struct record {
    uint64_t number;              /* n or k */
    struct object_id predecessor; /* H(file of number - 1); zeros for 0 */
    uint8_t nonce[RECORD_NONCE_BYTES];
    struct entry_time time;
    uint32_t type;     /* record_log_type or record_journal_type; a type that
                          is neither is refused where the body is read */
    struct bytes body; /* its fields */
};

/* record_put: append a record's content to b. */
void record_put(const struct record *r, struct buf *b);

/* record_get: decode all but the body. Returns 0 or E_CORRUPT. */
MUST_CHECK int record_get(struct bytes content, struct record *out);

/* A list as it stands in a body: n elements of a fixed size, lent. */
struct record_ids {
    const uint8_t *p;
    size_t n;
};

/* record_id_at: element i of a list of ids. */
struct object_id record_id_at(const struct record_ids *l, size_t i);

/* record_ids_of: n ids as a list, lent. */
struct record_ids record_ids_of(const struct object_id *id, size_t n);

/* A checked list of strings, lent. */
struct record_strings {
    struct bytes encoded; /* without the count */
    size_t n;
};

/* record_string_next: takes the first string off the list; false when none is
 * left. */
bool record_string_next(struct record_strings *l, struct bytes *s);

/* record_string_put: append a string to the encoding of a list. */
void record_string_put(struct buf *encoded, struct bytes s);

/* --- for the bodies --- */

/* record_get_ids: the list of ids that fills value. */
struct record_ids record_get_ids(struct fields *f, struct bytes value);
void record_put_ids(struct fields_out *o, uint64_t tag,
                    const struct record_ids *l);

/* record_get_strings: a list of strings of 1..max bytes at the cursor. */
struct record_strings record_get_strings(struct codec *c, size_t max);

/* record_get_time: svarint seconds that fill value. */
int64_t record_get_time(struct fields *f, struct bytes value);
void record_put_time(struct fields_out *o, uint64_t tag, int64_t s);

#endif
