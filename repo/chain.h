/*
 * chain: sequences of sealed records under numbered names: the log, and each
 * writer's journal. Every record names the hash of the one before; a number is
 * taken once, by whoever puts it first.
 *
 * A put whose answer is lost is settled by reading back: the record carries a
 * random nonce, so whoever finds its own bytes under the name has won.
 */
#ifndef REPO_CHAIN_H
#define REPO_CHAIN_H

#include "repo/envelope.h"
#include "repo/record.h"
#include "store/store.h"

/* What a chain is made of; lent. */
struct chain {
    struct store *store;
    const struct keyring *keys;
    enum envelope_kind kind; /* ENVELOPE_LOG or ENVELOPE_JOURNAL */
    struct writer_id writer; /* ENVELOPE_JOURNAL: whose */
};

/* A place in a chain. */
struct chain_tip {
    bool any;            /* false: the chain is empty so far */
    uint64_t number;     /* of its last record */
    struct object_id id; /* H of that record's file */
};

/* A record that was read: release it. */
struct chain_record {
    struct record record; /* borrows from plain */
    struct object_id id;  /* H of its file */
    struct member_id signer;
    struct buf plain;
};

void chain_record_release(struct chain_record *r);

/* chain_name: the object's name of a number. */
void chain_name(const struct chain *c, uint64_t number,
                char out[RECORD_NAME_MAX]);

/*
 * chain_get: read one record and check seal, signature and number.
 *   found  out: false: nothing has that number
 *   out    zeroed or released before; filled when found
 * Returns 0; E_CORRUPT; E_UNSUPPORTED; E_NOMEM; what the store returned. That
 * it follows a certain record is for chain_follows() to say; that its signer
 * may sign it, for the caller.
 */
MUST_CHECK int chain_get(const struct chain *c, uint64_t number,
                         struct chain_record *out, bool *found);

/* chain_follows: E_CORRUPT unless r comes directly after tip. */
MUST_CHECK int chain_follows(const struct chain *c, const struct chain_tip *tip,
                             const struct chain_record *r);

/*
 * chain_put: put the record that follows tip.
 *   type, body  of the record
 *   mine        out: false: somebody else has that number; nothing was put
 *   tip         in: what it follows; out, when mine: the new record. Durable
 * Returns 0; E_LIMIT; E_NOMEM; what the store returned: the record may or may
 * not be there then, and whoever goes on must read.
 */
MUST_CHECK int chain_put(const struct chain *c, struct chain_tip *tip,
                         uint32_t type, struct bytes body, bool *mine);

#endif
