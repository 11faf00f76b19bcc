/*
 * pack_sink: where several threads put frames of one kind. It keeps one pack
 * open until that is full, so that a run with little to say makes one small
 * pack and not one for each thread; from then on another pack is opened
 * whenever all the open ones are being written to, up to four: writing and
 * hashing then happen on as many cores. Of those that are not, the one that was
 * opened first is filled first: none stays behind while others come and go.
 *
 * Threads compress on their own and at the same time (frame_prepare), seal
 * under the key of the pack that is open when they begin, and hand the sealed
 * frame in. When that pack was closed meanwhile, the frame is sealed again
 * under the key of the next: a tenth of a millisecond, once per pack. Packs
 * that are full are made durable by a thread of the sink's own, so that nobody
 * else waits for the disk, and handed to the owner in the order of their
 * completion: not in that of their numbers.
 *
 * Locked: pack_sink_add() may be called by any number of threads; the other
 * functions by one.
 */
#ifndef REPO_PACK_SINK_H
#define REPO_PACK_SINK_H

#include "repo/pack_writer.h"

struct pack_sink;

/* Where a frame is going to be: its pack has no name yet. */
struct pack_place {
    uint64_t pack; /* number of the pack in this sink, from 0 */
    uint32_t off;  /* of the frame */
    uint32_t stored_bytes;
    uint32_t raw_bytes;
};

/*
 * Called for each durable pack, on the sink's thread (never two at once).
 *   pack   its number, as in struct pack_place
 *   below  with this one, all packs of smaller numbers have been handed over
 *   info   takes ownership of the content
 * A failure fails the sink.
 */
typedef int pack_sink_done(void *ctx, uint64_t pack, uint64_t below,
                           struct pack_info *info);

/*
 * pack_sink_open: an empty sink.
 *   s, k  lent until pack_sink_free()
 * Returns 0, E_NOMEM, or E_INTERNAL (no thread).
 */
MUST_CHECK int pack_sink_open(struct store *s, const struct keyring *k,
                              enum pack_kind kind, pack_sink_done *done,
                              void *ctx, struct pack_sink **out);

/*
 * pack_sink_add: seal the frame that x has prepared and put it into a pack.
 * Waits while two full packs are on their way to the disk.
 *   x      this thread's context, after frame_prepare()
 *   chunk  the chunk_n chunks that the frame is made of
 *   place  out: where it went; may be NULL
 *   kept   out: what opens this one frame: secret; may be NULL
 * Returns 0, or what sealing, the store, done() or any other thread's call
 * failed with: the sink is then dead, all calls return that.
 */
MUST_CHECK int pack_sink_add(struct pack_sink *q, struct frame_ctx *x,
                             const struct pack_dir_chunk *chunk, size_t chunk_n,
                             struct pack_place *place, struct frame_kept *kept);

/*
 * pack_sink_flush: close the open pack and wait until every frame added before
 * is durable and done() has returned for its pack. Frames added by other
 * threads meanwhile may or may not be included.
 * Returns as pack_sink_add().
 */
MUST_CHECK int pack_sink_flush(struct pack_sink *q);

/* pack_sink_free: stops the thread; abandons what was not flushed. */
void pack_sink_free(struct pack_sink *q);

#endif
