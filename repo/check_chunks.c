#include "repo/check_chunks.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"

enum { CHECK_CHUNKS_CACHE = 64 << 20, CHECK_CHUNKS_PLACES = 64 };

/* What became of a chunk that had to be looked at closely. */
enum check_chunk_fate {
    CHECK_CHUNK_SOUND = 1,
    CHECK_CHUNK_NOWHERE, /* in no pack that is not doomed */
    CHECK_CHUNK_GONE,    /* its packs are missing */
    CHECK_CHUNK_DAMAGED, /* it was read */
    CHECK_CHUNK_SEALED,  /* its packs are damaged, and we may not read them */
    CHECK_CHUNK_UNREAD   /* the store does not give it */
};

struct check_chunks {
    const struct check_view *v;
    struct check_late *late;
    struct index_reader *reader;
    struct fetch *fetch;
    struct fetch_lane *lane;
    struct idmap known; /* chunk -> its length << 3 | fate; only of those that
                           had to be looked at closely */
};

int check_chunks_open(const struct check_view *v, struct check_late *late,
                      struct check_chunks **out)
{
    struct check_chunks *c = mem_alloc(sizeof *c);
    int rc;

    *out = NULL;
    if (!c)
        return err_set(E_NOMEM, "out of memory");
    c->v = v;
    c->late = late;
    rc = index_reader_new(v->index, &c->reader);
    if (rc == 0)
        rc = fetch_open(v->chains->store, v->chains->keys, v->index,
                        CHECK_CHUNKS_CACHE, &c->fetch);
    if (rc == 0)
        rc = fetch_lane_new(c->fetch, &c->lane);
    if (rc < 0) {
        check_chunks_close(c);
        return rc;
    }
    *out = c;
    return 0;
}

void check_chunks_close(struct check_chunks *c)
{
    if (!c)
        return;
    fetch_lane_free(c->lane);
    fetch_free(c->fetch);
    index_reader_free(c->reader);
    idmap_release(&c->known);
    free(c);
}

static enum check_pack_state check_chunks_pack(const struct check_chunks *c,
                                               const struct index_loc *loc)
{
    return c->v->pack[loc->pack].state;
}

/* Reads the chunk from whichever pack gives it. */
static int check_chunks_read(struct check_chunks *c, const struct chunk_id *id,
                             uint64_t *length, enum check_chunk_fate *fate)
{
    struct fetch_chunk chunk;
    int rc = fetch_get(c->lane, PACK_DATA, id, 0, &chunk);

    *fate = CHECK_CHUNK_SOUND;
    if (rc == 0) {
        *length = chunk.bytes.n;
        fetch_release(c->lane, &chunk);
        return 0;
    }
    if (rc == E_CORRUPT)
        *fate = CHECK_CHUNK_DAMAGED;
    else if (rc == E_ROLE)
        *fate = CHECK_CHUNK_SEALED;
    else if (rc == E_STORE)
        *fate = CHECK_CHUNK_UNREAD;
    else
        return rc;
    return 0;
}

/* What is lost by the view may have moved meanwhile. read: it was just read in
 * vain. */
static int check_chunks_late(struct check_chunks *c, const struct chunk_id *id,
                             bool read, uint64_t *length,
                             enum check_chunk_fate *fate)
{
    bool found;
    int rc = check_late_get(c->late, PACK_DATA, id, read, NULL, length, &found);

    if (rc == 0 && found)
        *fate = CHECK_CHUNK_SOUND;
    if (rc == E_STORE)
        *fate = CHECK_CHUNK_UNREAD;
    return rc == E_STORE ? 0 : rc;
}

/* Goes through all places of a chunk whose best one will not do. */
static int check_chunks_look(struct check_chunks *c, const struct chunk_id *id,
                             uint64_t *length, enum check_chunk_fate *fate)
{
    struct index_loc loc[CHECK_CHUNKS_PLACES];
    bool doubted = false;
    size_t n;
    int rc =
        index_reader_locations(c->reader, id, loc, CHECK_CHUNKS_PLACES, &n);

    *fate = n == 0 ? CHECK_CHUNK_NOWHERE : CHECK_CHUNK_GONE;
    for (size_t i = 0; i < n && i < CHECK_CHUNKS_PLACES && rc == 0; i++) {
        doubted |= check_chunks_pack(c, &loc[i]) == CHECK_PACK_DOUBTED;
        if (check_chunks_pack(c, &loc[i]) != CHECK_PACK_SOUND)
            continue;
        *fate = CHECK_CHUNK_SOUND;
        *length = loc[i].bytes;
        return 0;
    }
    if (rc == 0 && doubted)
        rc = check_chunks_read(c, id, length, fate);
    if (rc < 0 || *fate == CHECK_CHUNK_SOUND || *fate == CHECK_CHUNK_UNREAD)
        return rc;
    return check_chunks_late(c, id, doubted, length, fate);
}

static int check_chunks_find(struct check_chunks *c, const struct chunk_id *id,
                             uint64_t *length, enum check_chunk_fate *fate)
{
    struct index_loc loc;
    uint64_t known;
    bool found;
    int rc = index_reader_find(c->reader, id, INDEX_READ, &loc, &found);

    *length = 0;
    if (rc < 0)
        return rc;
    if (found && check_chunks_pack(c, &loc) == CHECK_PACK_SOUND) {
        *length = loc.bytes;
        *fate = CHECK_CHUNK_SOUND;
        return 0;
    }
    if (idmap_get(&c->known, id->b, &known)) {
        *length = known >> 3;
        *fate = (enum check_chunk_fate)(known & 7);
        return 0;
    }
    rc = check_chunks_look(c, id, length, fate);
    return rc < 0 ? rc
                  : idmap_put(&c->known, id->b, *length << 3 | (uint64_t)*fate);
}

/* What a fate that is not sound amounts to. */
static int check_chunks_code(const struct check_chunks *c,
                             enum check_chunk_fate fate)
{
    if (fate == CHECK_CHUNK_UNREAD)
        return E_STORE;
    return fate == CHECK_CHUNK_NOWHERE || fate == CHECK_CHUNK_GONE
               ? check_report_absent(c->v->report)
               : E_CORRUPT;
}

/* As the lane's own, but a node that has moved is looked for, and one that is
 * nowhere is no damage when something could not be read. */
static int check_chunks_node(void *ctx, const struct chunk_id *id,
                             struct buf *out)
{
    struct check_chunks *c = ctx;
    struct node_source lane = fetch_node_source(c->lane);
    struct err_record why;
    enum check_chunk_fate fate;
    uint64_t length;
    bool found;
    int rc = lane.get(lane.ctx, id, out);

    if (rc != E_CORRUPT)
        return rc;
    err_save(rc, &why);
    rc = check_late_get(c->late, PACK_META, id, true, out, &length, &found);
    if (rc < 0 || found)
        return rc;
    if (check_report_absent(c->v->report) == E_CORRUPT)
        return err_load(&why);
    rc = check_chunks_find(c, id, &length, &fate);
    if (rc < 0)
        return rc;
    if (fate == CHECK_CHUNK_NOWHERE || fate == CHECK_CHUNK_GONE)
        why.code = E_STORE;
    return err_load(&why);
}

struct node_source check_chunks_source(struct check_chunks *c)
{
    return (struct node_source){.get = check_chunks_node, .ctx = c};
}

int check_chunks_test(struct check_chunks *c, const struct chunk_id *id,
                      uint64_t bytes, uint64_t least)
{
    static const char *const why[] = {
        [CHECK_CHUNK_NOWHERE] = "is in no pack",
        [CHECK_CHUNK_GONE] = "is lost: its pack is missing",
        [CHECK_CHUNK_DAMAGED] = "is damaged",
        [CHECK_CHUNK_SEALED] = "lies in a damaged pack that this key may not "
                               "open",
        [CHECK_CHUNK_UNREAD] = "cannot be read",
    };
    enum check_chunk_fate fate;
    char hex[ID_HEX_CHARS + 1];
    uint64_t length;
    int rc = check_chunks_find(c, id, &length, &fate);

    c->v->report->sum->chunks++;
    if (rc < 0)
        return rc;
    if (fate != CHECK_CHUNK_SOUND)
        return err_set(check_chunks_code(c, fate), "chunk %s %s",
                       id_hex(id->b, sizeof id->b, hex), why[fate]);
    if ((bytes > 0 && length != bytes) || length < least)
        return err_set(E_CORRUPT,
                       "chunk %s has %" PRIu64 " bytes, not %" PRIu64,
                       id_hex(id->b, sizeof id->b, hex), length,
                       bytes > 0 ? bytes : least);
    return 0;
}
