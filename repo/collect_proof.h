/*
 * collect_proof: whether a pack can go: each chunk of it, as its own directory
 * has them, is needed by nobody, or is in another place that lasts. For
 * collect*.c alone. Confined to one thread.
 */
#ifndef REPO_COLLECT_PROOF_H
#define REPO_COLLECT_PROOF_H

#include "repo/frame.h"
#include "repo/pack_reader.h"
#include "repo/repo.h"

struct collect_proof {
    const struct repo *r;
    bool live; /* a place in a condemned pack is none */
    struct index_reader *reader;
    struct pack_reader *packs;
    struct frame_ctx *frame;
    struct buf file;
    struct idmap goes;   /* packs that are to go, with all they hold */
    struct idmap proved; /* packs that were read whole: 1: sound; 0: not */
};

/* collect_proof_begin: on r's state, and the counts in its index as they are
 * now. To be ended whatever is returned. */
MUST_CHECK int collect_proof_begin(struct collect_proof *p,
                                   const struct repo *r, bool live);
void collect_proof_end(struct collect_proof *p);

/* collect_proof_add: these packs are to go. E_NOMEM. */
MUST_CHECK int collect_proof_add(struct collect_proof *p,
                                 const struct object_id *id, size_t n);

/* collect_proof_stays: this one is not to go after all: others can rely on it.
 */
void collect_proof_stays(struct collect_proof *p, const struct object_id *id);

/*
 * collect_proof_lasts: whether a chunk can be had from that pack when all that
 * is to go has gone. It must be listed, there and not suspect; and it must be
 * sure that it holds what it says: by the word of a key that may delete as
 * well, or of one that has read it (vouched), or because this key has read it
 * now. Who stole a write key could else have honest packs deleted by putting
 * garbage beside them.
 */
MUST_CHECK int collect_proof_lasts(struct collect_proof *p,
                                   const struct chunk_id *id, uint32_t pack,
                                   bool *lasts);

/*
 * collect_proof_pack: whether something in a pack is needed, and from nowhere
 * else to be had. Returns 0; E_CORRUPT: its directory cannot be read; as the
 * index and the store do.
 */
MUST_CHECK int collect_proof_pack(struct collect_proof *p,
                                  const struct object_id *id, bool *needed);

#endif
