/*
 * envelope: the sealed, signed and padded file that segments, snapshots, log
 * records and journal records are; docs/format.md 6. Confined to one thread.
 */
#ifndef REPO_ENVELOPE_H
#define REPO_ENVELOPE_H

#include "base/buf.h"
#include "repo/keyring.h"

/* The kind letters of the format. */
enum envelope_kind {
    ENVELOPE_SEGMENT = 'I',
    ENVELOPE_SNAPSHOT = 'S',
    ENVELOPE_LOG = 'L',
    ENVELOPE_JOURNAL = 'J'
};

/* envelope_max_bytes: the longest file of a kind. */
size_t envelope_max_bytes(enum envelope_kind kind);

/* envelope_content_max: the longest content that fits into such a file. */
size_t envelope_content_max(enum envelope_kind kind);

/*
 * envelope_seal: append the file for content, under the newest epoch, to out
 * (empty, its max at least envelope_max_bytes()).
 *   name  the object's name for logs and journals (bound into the seal), else
 *         empty
 * Returns 0; E_LIMIT (content too long); E_NOMEM; E_INTERNAL.
 */
MUST_CHECK int envelope_seal(const struct keyring *k, enum envelope_kind kind,
                             struct bytes name, struct bytes content,
                             struct buf *out);

/* What an opened envelope says. */
struct envelope {
    struct member_id signer; /* verified; whether it may sign this is the
                                caller's question */
    struct bytes content;    /* lent from the plaintext buffer */
    uint16_t epoch;
};

/* envelope_repo: which repository a file says it belongs to, proven by nothing.
 * Returns whether it has the form of one of that kind. */
bool envelope_repo(enum envelope_kind kind, struct bytes file,
                   struct repo_id *repo);

/*
 * envelope_open: check the signature, decrypt.
 *   plain  emptied, then holds what out borrows
 * Returns 0; E_CORRUPT; E_UNSUPPORTED (newer version); E_ROLE (a snapshot, and
 * this keyring has no metadata secret key: the signer is set all the same; or
 * an epoch that it was not given: keyring_find()); E_NOMEM; E_INTERNAL.
 */
MUST_CHECK int envelope_open(const struct keyring *k, enum envelope_kind kind,
                             struct bytes name, struct bytes file,
                             struct buf *plain, struct envelope *out);

#endif
