/*
 * fetch: reads chunks back by their ids. Frames stay decoded in a cache of
 * bounded size, so neighbours cost a lookup; two threads that want one frame
 * decode it once. Each chunk is hashed again before it is handed out: what
 * comes from here is what was put (I7).
 *
 * Where a chunk lies in several packs, or its pack has moved, the other places
 * are tried before damage is reported.
 *
 * One fetch serves any number of threads; each brings its own lane.
 */
#ifndef REPO_FETCH_H
#define REPO_FETCH_H

#include "index/index.h"
#include "repo/extent.h"
#include "repo/kept_frames.h"
#include "repo/node.h"
#include "repo/pack_reader.h"

struct fetch;
struct fetch_lane;
struct fetch_frame;

/* A chunk lent from the cache. */
struct fetch_chunk {
    struct bytes bytes;
    struct fetch_frame *frame; /* keeps them; private */
};

/*
 * fetch_open: start reading.
 *   s, k, ix     lent until fetch_free()
 *   cache_bytes  of decoded frames to keep; what is lent out counts, and
 *                may be more
 * Returns 0 or E_NOMEM.
 */
MUST_CHECK int fetch_open(struct store *s, const struct keyring *k,
                          struct index *ix, size_t cache_bytes,
                          struct fetch **out);

/* fetch_keep: where the keyring opens no metadata, that in frames of kept,
 * lent, is read all the same. Before the first lane is made. E_NOMEM. */
MUST_CHECK int fetch_keep(struct fetch *f, struct kept_frames *kept);

/*
 * Learns where chunks have moved: catches up, if there is anything new.
 *   moved  out: the index may know other places now
 */
typedef int fetch_refresh(void *ctx, bool *moved);

/* fetch_follow: what to ask before damage is reported: a pack that is not there
 * may have been written anew. Called by one thread at a time; before the first
 * lane is made. */
void fetch_follow(struct fetch *f, fetch_refresh *refresh, void *ctx);

/* fetch_before_load: what to call, in the thread that wants it, before a frame
 * is read and decoded, or waited for: all else takes microseconds. Before the
 * first lane is made.
 */
void fetch_before_load(struct fetch *f, void (*call)(void));

/* fetch_free: all lanes freed, all chunks released before. NULL is fine. */
void fetch_free(struct fetch *f);

/* fetch_lane_new: what one thread reads through. Returns 0, E_NOMEM,
 * E_INTERNAL or what the index returned. */
MUST_CHECK int fetch_lane_new(struct fetch *f, struct fetch_lane **out);
void fetch_lane_free(struct fetch_lane *l);

/* fetch_lane_pause: hold nothing of the index until the lane is used again,
 * which then sees its newest state. For lanes that live long. */
void fetch_lane_pause(struct fetch_lane *l);

/*
 * fetch_get: lend a chunk.
 *   kind   what the id was made for
 *   bytes  its length as the extent says; 0: unknown
 *   out    give it back with fetch_release() soon: it keeps a frame in memory
 * Returns 0; E_CORRUPT: missing or damaged in every place where it should be;
 * E_ROLE: the key cannot open packs of that kind, and has kept no frame with
 * it; E_NOMEM; E_STORE; E_IO.
 */
MUST_CHECK int fetch_get(struct fetch_lane *l, enum pack_kind kind,
                         const struct chunk_id *id, size_t bytes,
                         struct fetch_chunk *out);

/*
 * fetch_extent: lend just the bytes of one extent of a file, which is no hole.
 * Returns as fetch_get(); E_CORRUPT also when they lie beyond their chunk.
 */
MUST_CHECK int fetch_extent(struct fetch_lane *l, const struct extent *e,
                            struct fetch_chunk *out);

/* fetch_release: give a chunk back; zeroed or released before: harmless. */
void fetch_release(struct fetch_lane *l, struct fetch_chunk *c);

/* fetch_node_source: a source of tree nodes that reads through l; lent. */
struct node_source fetch_node_source(struct fetch_lane *l);

/* fetch_limit: keep so many bytes of idle frames from now on. */
void fetch_limit(struct fetch *f, size_t cache_bytes);

/* fetch_decoded: frames decoded so far: how well the cache does. */
uint64_t fetch_decoded(struct fetch *f);

#endif
