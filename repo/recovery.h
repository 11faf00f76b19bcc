/*
 * recovery: what a recovery sheet says; docs/format.md 11: a full member's keys
 * and what the config is made from again. How it is written on paper is
 * sheet.h's business.
 *
 * It is all secrets: it lives in locked memory. Confined to one thread.
 */
#ifndef REPO_RECOVERY_H
#define REPO_RECOVERY_H

#include "base/secret.h"
#include "repo/chain.h"
#include "repo/config.h"
#include "repo/keyring.h"

enum {
    RECOVERY_EPOCHS_MAX = KEYRING_EPOCHS_MAX,
    RECOVERY_LOG_HASH_BYTES = 8,
    /* of the content: all that is not a root takes less than 256 bytes */
    RECOVERY_BYTES_MAX = 256 + RECOVERY_EPOCHS_MAX * CRYPTO_KEY_BYTES
};

struct recovery {
    struct repo_id repo;
    struct entry_time created;
    uint32_t chunk_bytes; /* as the config has them */
    int level;
    struct member_id founder;
    struct crypto_key seed; /* of the member who prints the sheet */
    size_t root_n;          /* 1 and up */
    struct crypto_key root[RECOVERY_EPOCHS_MAX];
    uint64_t log_number;                       /* the tip when it was printed */
    uint8_t log_hash[RECOVERY_LOG_HASH_BYTES]; /* of H(that record) */
};

/* recovery_new: zeroed, in locked memory; NULL when there is none. After
 * crypto_init(). */
struct recovery *recovery_new(void);

/* recovery_free: wipes and frees; NULL is fine. */
void recovery_free(struct recovery *r);

/*
 * recovery_put: the content, without its checksum, which sheet_set() adds.
 *   out  initialized, for RECOVERY_BYTES_MAX bytes
 * Returns 0; E_NOMEM.
 */
MUST_CHECK int recovery_put(const struct recovery *r, struct secret *out);

/*
 * recovery_get: the reverse.
 *   r  of recovery_new()
 * Returns 0; E_CORRUPT; E_UNSUPPORTED: a newer version's sheet.
 */
MUST_CHECK int recovery_get(struct recovery *r, struct bytes content);

#endif
