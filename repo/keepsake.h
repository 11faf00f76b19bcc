/*
 * keepsake: what a host whose key cannot read back keeps of its last snapshot
 * of a series: the snapshot's description, and the keys of the frames in which
 * its tree lies; docs/keepsake.md. Pure; repo/keepsake_file.h has the files.
 * Any thread.
 */
#ifndef REPO_KEEPSAKE_H
#define REPO_KEEPSAKE_H

#include "repo/kept_frames.h"
#include "repo/keyring.h"
#include "repo/manifest.h"

enum {
    KEEPSAKE_BYTES_MAX = 64 << 20, /* of the file */
    KEEPSAKE_NAME_MAX = 9 + 32 + 11 + 1
};

/* Zeroed: none. */
struct keepsake {
    struct object_id id;           /* of the snapshot */
    struct manifest_copy manifest; /* borrows from plain */
    uint8_t *plain;                /* owned; in locked memory */
};

void keepsake_release(struct keepsake *k);

/* keepsake_name: of the file of a series, for its last complete snapshot or the
 * last checkpoint: "keepsake-<32 hex digits>", then "-checkpoint". */
void keepsake_name(const struct keyring *keys, struct bytes series,
                   bool complete, char out[KEEPSAKE_NAME_MAX]);

/*
 * keepsake_seal: append the file to out, whose max is KEEPSAKE_BYTES_MAX.
 *   id, m  the snapshot
 *   kept   those frames go in that the tree lies in, as many as fit
 * Returns 0; E_LIMIT (the description alone is too long); E_NOMEM.
 */
MUST_CHECK int keepsake_seal(const struct keyring *keys,
                             const struct object_id *id,
                             const struct manifest *m, struct kept_frames *kept,
                             struct buf *out);

/*
 * keepsake_open: the reverse.
 *   series  whose it must be
 *   kept    its frames are added; NULL: they are not wanted
 *   out     to be released after a success
 * Returns 0; E_CORRUPT: damaged, or of another member, repository or series;
 * E_UNSUPPORTED; E_NOMEM. After an error kept may hold some of the frames.
 */
MUST_CHECK int keepsake_open(const struct keyring *keys, struct bytes series,
                             struct bytes file, struct kept_frames *kept,
                             struct keepsake *out);

/* keepsake_load: keepsake_open() of what is inside, lent for as long as out is
 * used. */
MUST_CHECK int keepsake_load(struct bytes plain, struct bytes series,
                             struct kept_frames *kept, struct keepsake *out);

#endif
