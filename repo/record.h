/*
 * record: what log and journal records say; docs/format.md 8. The content
 * stands in an envelope of kind L or J. Plain data; what was decoded borrows
 * from the bytes it was decoded from.
 */
#ifndef REPO_RECORD_H
#define REPO_RECORD_H

#include "base/codec.h"
#include "base/entry.h"
#include "base/id.h"
#include "repo/fields.h"

/* The numbers are part of the format. */
enum record_log_type {
    RECORD_CONDEMN = 1,
    RECORD_DOOM = 2,
    RECORD_FORGET = 4,
    RECORD_UNFORGET = 5,
    RECORD_TAG = 6,
    RECORD_PROTECT = 7,
    RECORD_SUSPECT = 8,
    RECORD_FLAGS = 9,
    RECORD_MEMBERS = 10,
    RECORD_POLICY = 11,
    RECORD_BASE = 12
};

enum record_journal_type {
    RECORD_OPEN = 1,
    RECORD_RENEW = 2,
    RECORD_SEGMENT = 3,
    RECORD_COMMIT = 4,
    RECORD_PIN = 5,
    RECORD_END = 6,
    RECORD_FENCE = 7
};

enum record_kind { RECORD_LOG, RECORD_JOURNAL };

enum {
    RECORD_NONCE_BYTES = 16,
    RECORD_NAME_MAX = 64 /* of an object's name, with its NUL */
};

/* What every record has. */
struct record {
    uint64_t number;              /* n or k */
    struct object_id predecessor; /* H(file of number - 1); zeros for 0 */
    uint8_t nonce[RECORD_NONCE_BYTES];
    struct entry_time time;
    unsigned type;     /* one of the enums above; others: E_UNSUPPORTED */
    struct bytes body; /* its fields */
};

/* record_log_name: "log/<n>"; record_journal_name: "w/<writer>/<k>". */
void record_log_name(uint64_t n, char out[RECORD_NAME_MAX]);
void record_journal_name(const struct writer_id *w, uint64_t k,
                         char out[RECORD_NAME_MAX]);

/* The reverse; false when the name is not exactly of that form. */
bool record_log_number(const char *name, uint64_t *n);
bool record_journal_number(const char *name, struct writer_id *w, uint64_t *k);

/* record_put: append a record's content to b. */
void record_put(const struct record *r, struct buf *b);

/* record_get: decode; the body is checked by the getter of its type. Returns
 * 0; E_CORRUPT; E_UNSUPPORTED (unknown type). */
MUST_CHECK int record_get(enum record_kind kind, struct bytes content,
                          struct record *out);

/* --- bodies of the log --- */

/* Ids as they stand in a record: n of them, 32 bytes each. */
struct record_ids {
    const uint8_t *p;
    size_t n;
};
struct object_id record_id_at(const struct record_ids *l, size_t i);

/* One of the four lists of feature names. */
enum record_class {
    RECORD_CLASS_READ,
    RECORD_CLASS_WRITE,
    RECORD_CLASS_COLLECT,
    RECORD_CLASS_CHECK,
    RECORD_CLASS_N
};

enum {
    RECORD_FEATURE_MAX = 40, /* characters of a feature's name */
    RECORD_LABEL_MAX = 100,
    RECORD_TAG_MAX = 100,
    RECORD_TEXT_MAX = 4096
};

/* A checked list of strings; walk it with record_strings(). */
struct record_strings {
    struct bytes encoded; /* without the count */
    size_t n;
};
/* record_string_next: takes the first string off the list; false when empty. */
bool record_string_next(struct record_strings *l, struct bytes *s);

/* A checked list of members. */
struct record_member {
    struct member_id id;
    unsigned role; /* enum keyring_role */
    struct bytes label;
};
struct record_members {
    struct bytes encoded;
    size_t n;
};
bool record_member_next(struct record_members *l, struct record_member *m);

/* What a log record says; only the fields of its type are filled. */
struct record_log {
    struct record_ids ids;      /* condemn, doom: packs; forget, unforget:
                                   snapshots; suspect: chunks; tag, protect: the
                                   one snapshot */
    struct record_ids marked;   /* condemn: snapshots whose roots were marked */
    uint64_t decides;           /* doom: number of the condemn record */
    struct record_ids rescued;  /* doom: packs that live again */
    struct record_strings tags; /* tag */
    int64_t until;              /* protect: seconds since 1970; 0: for ever */
    struct bytes text;          /* protect: reason; policy: retention */
    struct record_strings features[RECORD_CLASS_N]; /* flags */
    struct record_members members;                  /* members */
    struct bytes base;                              /* base: folded state */
};

/* record_log_get: decode the body of a log record. Returns 0, E_CORRUPT or
 * E_UNSUPPORTED. */
MUST_CHECK int record_log_get(const struct record *r, struct record_log *out);

/* record_log_put: append the body for a type to b: what r->body will be. */
void record_log_put(unsigned type, const struct record_log *l, struct buf *b);

/* --- bodies of journals --- */

struct record_journal {
    uint64_t generation;            /* open, renew: log number */
    struct object_id log_id;        /* open, renew: H of that record */
    uint8_t member_nonce[ID_BYTES]; /* open */
    struct bytes host;              /* open */
    uint64_t pid;                   /* open; 0: unknown */
    uint64_t start;                 /* open: clock ticks since boot */
    struct bytes boot_id;           /* open */
    uint64_t pid_namespace;         /* open */
    struct bytes series;            /* open; empty: none */
    struct object_id id;            /* segment, commit */
    struct record_ids ids;          /* segment: replaced; pin: snapshots */
    int64_t until;                  /* pin: seconds since 1970 */
    uint64_t seen;                  /* fence: log number */
};

/* record_journal_get / record_journal_put: as for the log. */
MUST_CHECK int record_journal_get(const struct record *r,
                                  struct record_journal *out);
void record_journal_put(unsigned type, const struct record_journal *j,
                        struct buf *b);

/* --- encoding lists for the bodies above --- */

/* record_strings_put: append one string to a list under construction. */
void record_strings_put(struct buf *encoded, struct bytes s);
void record_members_put(struct buf *encoded, const struct record_member *m);

#endif
