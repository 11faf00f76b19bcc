/*
 * intake: where chunks become part of the repository. A chunk that is there
 * already costs a lookup; a new one goes into a frame of consecutive new
 * chunks, the frame into a pack, the pack, once durable, into the next segment.
 *
 * One intake serves a run; each thread brings its own lane. What was put is
 * findable for others, and survives a crash, from the publication on that
 * follows; intake_finish() makes the last one.
 */
#ifndef REPO_INTAKE_H
#define REPO_INTAKE_H

#include "index/index.h"
#include "repo/kept_frames.h"
#include "repo/node.h"
#include "repo/pack_sink.h"

struct intake;
struct intake_lane;

/*
 * Makes durable packs known: segment, journal record, index, in this order.
 *   pack     the n (>= 1) packs that became durable since the last call; the
 *            callee takes ownership of their content
 *   indexed  out: whether the index has them now; when not, the intake goes on
 *            remembering their chunks itself
 * A failure fails the run.
 */
typedef int intake_publish(void *ctx, struct pack_info *pack, size_t n,
                           bool *indexed);

struct intake_options {
    int level;              /* zstd, 1..19 */
    uint64_t publish_bytes; /* a publication is due after that many bytes, */
    int64_t publish_ns;     /* ... 131,072 chunks, or that much time after the
                               last one for which packs were closed early, if
                               anything is new */
    /* the keyring opens no metadata: a node counts as there only in one of
     * these frames, else the next run could not read it; lent. NULL: it does */
    struct kept_frames *kept;
};

struct intake_stats {
    uint64_t new_chunks;   /* stored by this run, both kinds */
    uint64_t new_bytes;    /* their plaintext */
    uint64_t dup_chunks;   /* found instead of stored */
    uint64_t dup_bytes;    /* their plaintext */
    uint64_t stored_bytes; /* packs published so far */
};

/*
 * intake_open: start.
 *   s, k, ix  lent until intake_free()
 *   publish   called by intake_publish_due() and intake_finish(), on their
 *             thread
 *   out       owns the intake
 * Returns 0, E_NOMEM, E_INTERNAL.
 */
MUST_CHECK int intake_open(struct store *s, const struct keyring *k,
                           struct index *ix, const struct intake_options *opt,
                           intake_publish *publish, void *ctx,
                           struct intake **out);

/* intake_free: abandons what was not published. All lanes are freed before. */
void intake_free(struct intake *in);

/*
 * intake_lane_new: a place from which one thread puts chunks of one kind.
 * Returns 0, E_NOMEM, E_INTERNAL or what the index returned.
 */
MUST_CHECK int intake_lane_new(struct intake *in, enum pack_kind kind,
                               struct intake_lane **out);

/* intake_lane_free: abandons what was not flushed. */
void intake_lane_free(struct intake_lane *l);

/*
 * intake_put: make sure that the repository holds this chunk.
 *   chunk  1..FRAME_RAW_MAX bytes; borrowed for the call
 *   id     keyring_chunk_id() of it, under the lane's kind
 *   isnew  out: whether it had to be stored; may be NULL
 * Returns 0, or what made the run fail: E_NOMEM, E_NOSPACE, E_STORE, E_IO...
 */
MUST_CHECK int intake_put(struct intake_lane *l, struct bytes chunk,
                          const struct chunk_id *id, bool *isnew);

/* intake_has: whether the repository holds that chunk, in a place that may be
 * relied on (live, trusted, not suspect). */
MUST_CHECK int intake_has(struct intake_lane *l, const struct chunk_id *id,
                          bool *has);

/* intake_node_sink: a sink that puts tree nodes through l, a lane of kind
 * PACK_META; lent. */
struct node_sink intake_node_sink(struct intake_lane *l);

/* intake_lane_flush: seal the frame that this lane has been filling. */
MUST_CHECK int intake_lane_flush(struct intake_lane *l);

/*
 * intake_publish_due: publish if it is time to, see struct intake_options.
 * One thread at a time. Packs that are still open stay open, unless the time is
 * up, which publications by bytes and chunks do not put off. Returns as
 * intake_put().
 */
MUST_CHECK int intake_publish_due(struct intake *in);

/* intake_finish: after the last lane was flushed: close the packs, publish. */
MUST_CHECK int intake_finish(struct intake *in);

/* intake_stats_get: of now. Any thread. */
void intake_stats_get(struct intake *in, struct intake_stats *out);

/*
 * intake_look_again: the index has moved on: when this returns, each hit found
 * in an older view of it is remembered, and no look-up uses such a view any
 * more. Any thread, with no lane's call waiting for it.
 */
void intake_look_again(struct intake *in);

/*
 * intake_hit: whether a chunk of the pack with that index number was found
 * instead of stored (W2: each hit is remembered). Any thread.
 */
bool intake_hit(struct intake *in, uint32_t pack);

#endif
