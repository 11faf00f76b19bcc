/*
 * kept_frames: the keys of single metadata frames, held by a host whose key
 * opens no metadata packs: those that its keepsake gave it, and those that it
 * seals itself; and in which of them the tree lies that is being built. Only
 * the latter are kept on: the others close.
 *
 * Frames are numbered from 0 as they come. Keys are in locked memory, some 80
 * bytes for each. Locked: any thread; but what a tree lies in is told by one
 * at a time.
 */
#ifndef REPO_KEPT_FRAMES_H
#define REPO_KEPT_FRAMES_H

#include "base/codec.h"
#include "repo/frame.h"

enum { KEPT_FRAMES_MAX = 524288 /* that a keepsake holds */ };

#define KEPT_FRAMES_NONE UINT32_MAX

struct kept_frames;

/* kept_frames_new: none; NULL when out of memory. */
struct kept_frames *kept_frames_new(void);
void kept_frames_free(struct kept_frames *k);

/* kept_frames_find: the number of the frame with that salt; NONE: its key is
 * not held. out: its key, when it is held; may be NULL. */
uint32_t kept_frames_find(struct kept_frames *k,
                          const uint8_t salt[CRYPTO_SALT_BYTES],
                          struct frame_kept *out);

/* kept_frames_key: the key of a frame by its number. */
void kept_frames_key(struct kept_frames *k, uint32_t no,
                     struct frame_kept *out);

/* --- the tree that is being built --- */

/* kept_frames_reserve: a number for a frame that is going to be sealed; the
 * tree lies in it. Returns 0 or E_NOMEM. */
MUST_CHECK int kept_frames_reserve(struct kept_frames *k, uint32_t *no);

/* kept_frames_sealed: the frame of a reserved number has been sealed. Returns 0
 * or E_NOMEM. */
MUST_CHECK int kept_frames_sealed(struct kept_frames *k, uint32_t no,
                                  const struct frame_kept *key);

/* kept_frames_use: a node of the tree lies in this frame. Returns 0 or E_NOMEM.
 */
MUST_CHECK int kept_frames_use(struct kept_frames *k, uint32_t no);

/*
 * kept_frames_list_begin, _list_end: what is used in between are the nodes of
 * one file's list.
 *   root  of that list; NULL: the file has none
 * kept_frames_list_keep: a file is taken over, with the list that has this
 * root, and its nodes are not looked at: their frames are used.
 * Return 0 or E_NOMEM.
 */
void kept_frames_list_begin(struct kept_frames *k);
MUST_CHECK int kept_frames_list_end(struct kept_frames *k,
                                    const struct chunk_id *root);
void kept_frames_list_keep(struct kept_frames *k, const struct chunk_id *root);

/* --- to and from a keepsake: docs/keepsake.md --- */

/* kept_frames_bytes: what kept_frames_put() appends at most. */
size_t kept_frames_bytes(struct kept_frames *k);

/* kept_frames_put: append the frames that the tree lies in, as many as fit into
 * room bytes. b then holds secrets. Failure is sticky in b. */
void kept_frames_put(struct kept_frames *k, size_t room, struct buf *b);

/*
 * kept_frames_load: take what a keepsake holds; the tree that is being built
 * does not lie in it so far. May be repeated for another keepsake, before
 * anything of the tree is told.
 *   k  NULL: only look whether it could be taken
 * Returns 0; E_CORRUPT: k is then of no use; E_NOMEM.
 */
MUST_CHECK int kept_frames_load(struct kept_frames *k, struct bytes in);

#endif
