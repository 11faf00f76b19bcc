/* record_log: what the records of the log say; docs/format.md 8. */
#ifndef REPO_RECORD_LOG_H
#define REPO_RECORD_LOG_H

#include "repo/record.h"
#include "repo/record_epoch.h"
#include "repo/record_member.h"

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
    RECORD_BASE = 12,
    RECORD_VOUCH = 13,
    RECORD_EPOCH = 14
};

/* Classes of operations, in the order of their lists in a flags record. */
enum record_class {
    RECORD_CLASS_READ,
    RECORD_CLASS_WRITE,
    RECORD_CLASS_COLLECT,
    RECORD_CLASS_CHECK
};

enum {
    RECORD_CLASS_N = RECORD_CLASS_CHECK + 1,
    RECORD_FEATURE_MAX = 40, /* characters of a feature's name */
    RECORD_TAG_MAX = 100,
    RECORD_VOUCH_BYTES = 2 * ID_BYTES,
    RECORD_DECIDES_NONE = 0 /* no condemn record is number 0 */
};

/* A chunk's copy in a pack that was found damaged. */
struct record_suspect {
    struct chunk_id chunk;
    struct object_id pack;
};

/* A pack whose every chunk was read and hashed again. */
struct record_vouch {
    struct object_id pack;
    struct object_id dir; /* H of its directory's content */
};

/* What a record says; only the fields of its type are used. */
struct record_log {
    struct record_ids ids;      /* condemn, doom: packs; forget, unforget:
                                   snapshots; tag, protect: one */
    struct record_ids marked;   /* condemn: snapshots whose roots were marked */
    uint64_t decides;           /* doom: number of the condemn record, or NONE:
                                   made by hand */
    struct record_ids rescued;  /* doom: packs that live again */
    struct record_strings tags; /* tag */
    int64_t until;              /* protect: seconds since 1970; 0: for ever */
    struct bytes text;          /* protect: reason; policy: retention */
    struct fields_list suspects; /* suspect: pairs of ids, 64 bytes each */
    struct fields_list vouches;  /* vouch: pack and H(directory), 64 each */
    struct record_strings features[RECORD_CLASS_N]; /* flags */
    struct record_members members;                  /* members */
    enum record_trust trust;                        /* members */
    struct record_cuts cuts;                        /* members */
    struct record_epoch epoch;                      /* epoch */
    struct bytes base; /* base: the folded state, still encoded */
};

/* record_log_suspect: element i of suspects. */
struct record_suspect record_log_suspect(const struct record_log *l, size_t i);

/* record_log_vouch: element i of vouches. */
struct record_vouch record_log_vouch(const struct record_log *l, size_t i);

/* record_log_put_vouch: its RECORD_VOUCH_BYTES bytes, as an element. */
void record_log_put_vouch(const struct record_vouch *v, uint8_t *to);

/* record_log_name: "log/<n>". */
void record_log_name(uint64_t n, char out[RECORD_NAME_MAX]);

/* record_log_number: the reverse; false when name is not exactly that. */
bool record_log_number(const char *name, uint64_t *n);

/* record_log_get: decode the body. Returns 0; E_CORRUPT; E_UNSUPPORTED
 * (unknown type, or an unknown critical field). */
MUST_CHECK int record_log_get(const struct record *r, struct record_log *out);

/* record_log_put: append the body of a record of that type to b. */
void record_log_put(enum record_log_type type, const struct record_log *l,
                    struct buf *b);

/* Lists that records and the folded state share. */
void record_log_put_features(struct fields_out *o, uint64_t tag,
                             const struct record_strings f[RECORD_CLASS_N]);
void record_log_get_features(struct fields *f, struct bytes value,
                             struct record_strings out[RECORD_CLASS_N]);
#endif
