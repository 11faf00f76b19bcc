/* pack_info: what a segment says about a pack. Plain data. */
#ifndef REPO_PACK_INFO_H
#define REPO_PACK_INFO_H

#include "base/buf.h"
#include "repo/frame.h"

/* A pack that is in the store, durable. */
struct pack_info {
    struct object_id id;
    enum pack_kind kind;
    uint32_t bytes;
    struct member_id writer;
    struct buf dir;   /* directory content; the holder's */
    uint32_t frame_n; /* in it */
    uint32_t chunk_n;
};

/* pack_info_release: frees dir; NULL and zeroed are fine. */
void pack_info_release(struct pack_info *i);

#endif
