/*
 * index: where every chunk is: chunk id -> locations in packs, and the packs
 * themselves. The embedded default is one LMDB environment per repository in
 * the cache directory; nothing of it shows here.
 *
 * It is a cache (I5): deleting it loses nothing, and it is believed only as
 * far as its marks go. The owner writes what it has read from the repository
 * (facts) and marks that say up to which log and journal positions this cache
 * stands for, in one transaction: after a crash both are there or neither is.
 * A large segment may be put in several updates when its mark comes with the
 * last one: facts may be ahead of their mark, a mark never of its facts.
 *
 * Threads: a struct index is locked: any thread may make readers and begin
 * updates. Readers and updates are confined to the thread that uses them (an
 * update may not change threads between begin and commit). No fork while an
 * index is open, except to exec.
 *
 * Every record carries a checksum keyed by the repository id, so that a
 * decayed cache is found instead of believed. Limits: LMDB itself does not
 * verify its pages, and where a damaged one leads it astray it may give
 * E_CORRUPT or abort the process; then the next open finds the cache damaged
 * and makes it anew. A file that is cut short, or cannot be read, *while it is
 * open* is a SIGBUS, as with every mapped file; cut short, the next open sees.
 *
 * Errors that any function may return besides those named at it:
 *   E_CORRUPT  the cache (not the repository!) is damaged: close it, call
 *              index_discard(), open and fill it again
 *   E_IO       the cache file could not be read or written: as E_CORRUPT, or
 *              carry on with a private cache elsewhere
 *   E_NOMEM    nothing has changed
 */
#ifndef INDEX_INDEX_H
#define INDEX_INDEX_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/id.h"

enum {
    INDEX_MARK_KEY_MAX = 128,    /* bytes; at least 1 */
    INDEX_MARK_VALUE_MAX = 65536 /* bytes; may be empty */
};

#define INDEX_NO_PACK    UINT32_MAX
#define INDEX_EVERY_PACK UINT32_MAX

/* The numbers are stored. */
enum index_kind { INDEX_DATA = 1, INDEX_META = 2 };

/* Design section 6. Doomed is final (I4): no call makes a doomed pack anything
 * else, and no location in it is ever given to anyone. */
enum index_state { INDEX_LIVE = 1, INDEX_CONDEMNED = 2, INDEX_DOOMED = 3 };

/* A pack. Its number is small, dense, never reused, and means nothing outside
 * this cache: another cache, or this one rebuilt, numbers otherwise. */
struct index_pack {
    uint32_t no; /* set by the index; ignored on the way in */
    struct object_id id;
    enum index_kind kind;
    enum index_state state;
    bool trusted;            /* this host's key may dedup against it */
    bool gone;               /* seen to be missing or cut: nobody may */
    uint32_t chunk_n;        /* chunks in its directory */
    uint64_t size_bytes;     /* of the pack's file */
    uint64_t condemned_by;   /* log number of the condemn record; 0: none */
    struct writer_id writer; /* journal that published it; zeros: unknown */
    struct member_id member; /* who wrote it, as is believed; zeros: unknown */
    struct object_id dir;    /* H of its directory's content */
};

/* Where a chunk is: its bytes are off..off+bytes of the raw frame. */
struct index_loc {
    uint32_t pack;         /* number of the pack */
    uint32_t frame_off;    /* byte offset of the frame in the pack */
    uint32_t frame_stored; /* bytes of the frame in the pack */
    uint32_t frame_raw;    /* bytes of the frame opened and decompressed */
    uint32_t off;          /* byte offset in the raw frame */
    uint32_t bytes;        /* length of the chunk */
    uint16_t key_slot;     /* which of the pack's sealed keys */
};

struct index_chunk {
    struct chunk_id id;
    struct index_loc loc;
};

struct index;
struct index_reader;
struct index_update;
struct index_rebuild;

struct index_options {
    bool create;        /* make what is absent, replace what is unusable */
    uint32_t wait_ms;   /* how long to wait for another process that opens */
    uint64_t map_bytes; /* most the file may grow to; 0: 256 GiB or 4 x the
                           file, less where the address space is limited */
};

/* What index_open found. All but OPENED mean an empty cache: fill it. */
enum index_fate {
    INDEX_OPENED,  /* a cache of this repository: read its marks */
    INDEX_CREATED, /* there was none */
    INDEX_FOREIGN, /* one of another repository stood there */
    INDEX_OLD,     /* one of another format version stood there */
    INDEX_DAMAGED  /* one that cannot be read stood there */
};

/*
 * index_open: open the cache in directory path (mode 0700, made when absent;
 * its parent must exist). Beside it live "<path>.lock", "<path>.bad" (the last
 * cache that was set aside) and, during a rebuild, "<path>.new": one whose
 * maker was killed is removed here, with opt->create.
 *
 *   path  local name; copied
 *   repo  the repository that it must belong to
 *   opt   see above; copied
 *   out   the index, for index_close; NULL on error, or when opt->create is
 *         false and there is no usable cache (which then stays as it is)
 *   fate  what stood there
 * Returns 0; E_BUSY (another process has been opening it for wait_ms, this
 * process has it open already, or one with our pid in another pid namespace);
 * E_UNSUPPORTED (a network or FUSE file system, or no file locks): use a
 * private cache; E_NOSPACE (names the cache). Clears readers of dead
 * processes. Durable when it returns.
 */
MUST_CHECK int index_open(const char *path, const struct repo_id *repo,
                          const struct index_options *opt, struct index **out,
                          enum index_fate *fate);

/* index_replaced: whether another cache stands in the place of this one now. */
bool index_replaced(const struct index *ix);

/* index_close: ends the use; all its readers and updates must have ended.
 * NULL is fine. */
void index_close(struct index *ix);

/*
 * index_discard: set the cache at path aside ("<path>.bad", replacing what was
 * there), so that the next index_open creates an empty one. Processes that
 * have it open keep what they have; their next update tells them (E_LATER).
 * No cache there: 0. Close it first in this process. Returns as index_open.
 */
MUST_CHECK int index_discard(const char *path, uint32_t wait_ms);

/* ---- reading ---------------------------------------------------------- */

enum index_purpose {
    INDEX_DEDUP, /* live, trusted, not gone and not suspect, or nothing */
    INDEX_READ   /* the best there is: not suspect before suspect, then live
                    before condemned, then trusted and there before others,
                    then the lowest pack number */
};

/*
 * index_reader_new: a reader, which sees the cache as it is now until
 * index_reader_renew. One per thread. While it is neither renewed nor paused
 * the file cannot reuse what updates free: renew at least every few seconds.
 * Returns 0; E_BUSY (more than about a thousand readers); E_LATER (another
 * process has grown the cache beyond our map: close and open it again).
 */
MUST_CHECK int index_reader_new(struct index *ix, struct index_reader **out);

/* index_reader_renew: see the newest committed state. Takes no lock and costs
 * less than a lookup. Returns as index_reader_new (the reader is then paused).
 */
MUST_CHECK int index_reader_renew(struct index_reader *r);

/* index_reader_pause: hold nothing until the next call, which renews. */
void index_reader_pause(struct index_reader *r);

/* index_reader_free: NULL is fine. */
void index_reader_free(struct index_reader *r);

/*
 * index_reader_find: the best location of a chunk for a purpose.
 *   loc    out: set when found
 *   found  out: whether there is one
 * About 1 us when the pages are in memory; allocates nothing.
 */
MUST_CHECK int index_reader_find(struct index_reader *r,
                                 const struct chunk_id *id,
                                 enum index_purpose purpose,
                                 struct index_loc *loc, bool *found);

/*
 * index_reader_locations: every location of a chunk in packs that are not
 * doomed, by ascending pack number; at most one per pack.
 *   out, cap  room for cap locations (out may be NULL when cap is 0)
 *   n         out: how many there are; may exceed cap
 */
MUST_CHECK int index_reader_locations(struct index_reader *r,
                                      const struct chunk_id *id,
                                      struct index_loc *out, size_t cap,
                                      size_t *n);

/* index_reader_suspect: whether this chunk is recorded as damaged in pack, or
 * in every pack. */
MUST_CHECK int index_reader_suspect(struct index_reader *r,
                                    const struct chunk_id *id, uint32_t pack,
                                    bool *suspect);

/* index_reader_any_suspect: whether any chunk is recorded as damaged. */
MUST_CHECK int index_reader_any_suspect(struct index_reader *r, bool *any);

/* index_reader_pack: the pack of a number. found false: no such number. */
MUST_CHECK int index_reader_pack(struct index_reader *r, uint32_t no,
                                 struct index_pack *out, bool *found);

/* index_reader_pack_by_id: the pack of an object id, doomed ones included. */
MUST_CHECK int index_reader_pack_by_id(struct index_reader *r,
                                       const struct object_id *id,
                                       struct index_pack *out, bool *found);

/*
 * index_reader_packs: the next packs by ascending number, all states.
 *   next    in: start here (0 at first); out: where the next call goes on
 *   out, n  room for cap (>= 1) packs; n set to how many; 0: no more
 */
MUST_CHECK int index_reader_packs(struct index_reader *r, uint32_t *next,
                                  struct index_pack *out, size_t cap,
                                  size_t *n);

/* Where an iteration over chunks stands. Zeroed: at the beginning. */
struct index_place {
    struct chunk_id id; /* all before it, and */
    uint32_t skip;      /* this many of its locations, have been given */
    bool started;
};

/*
 * index_reader_chunks: the next locations by ascending chunk id, then pack
 * number, without those in doomed packs. About 2 M per second.
 *   place   where to go on; moved
 *   out, n  room for cap (>= 1); n set to how many; 0: no more
 * One state only as long as the reader is not renewed in between.
 */
MUST_CHECK int index_reader_chunks(struct index_reader *r,
                                   struct index_place *place,
                                   struct index_chunk *out, size_t cap,
                                   size_t *n);

/*
 * index_reader_mark: the value of a mark into value (emptied first; its max
 * should be INDEX_MARK_VALUE_MAX). found false: no such mark.
 */
MUST_CHECK int index_reader_mark(struct index_reader *r, struct bytes key,
                                 struct buf *value, bool *found);

/*
 * index_reader_next_mark: the first mark whose key is greater than what key
 * holds (empty: the first of all), into key and value. found false: no more.
 */
MUST_CHECK int index_reader_next_mark(struct index_reader *r, struct buf *key,
                                      struct buf *value, bool *found);

struct index_stats {
    uint64_t chunk_n; /* distinct chunk ids, doomed not yet swept included */
    uint64_t pack_n;  /* all states */
    uint64_t named_n; /* of those, not retracted */
    uint64_t suspect_n;
    uint64_t mark_n;
    uint64_t file_bytes; /* of the cache file */
    uint64_t used_bytes; /* of it, without free pages */
};

/* index_reader_stats: counts of the state that r sees. Cheap. */
MUST_CHECK int index_reader_stats(struct index_reader *r,
                                  struct index_stats *out);

/*
 * index_check: walk everything and hold it against its own rules:
 * checksums, order, every location in a known pack, pack ids and numbers one
 * to one. Returns 0 or E_CORRUPT with the first that is broken. 20 M chunks
 * take some 20 s.
 */
MUST_CHECK int index_check(struct index_reader *r);

/* ---- writing ---------------------------------------------------------- */

/*
 * index_update_begin: start the one update of this cache, across processes.
 *   wait_ms  how long to wait for another update (a stopped process must not
 *            stop others)
 * Returns 0; E_BUSY (still held after wait_ms: use a private cache); E_LATER
 * (the cache was replaced or outgrew our map: close and open it again).
 *
 * When a function of an update fails, other than by E_REFUSED, the update is
 * dead: every later call returns the same code, and abort is all that is left.
 * The cache is then as it was before begin. E_NOSPACE names the cache; E_LIMIT
 * means that the map is full: close and open it again.
 *
 * Memory: about 5 KiB for each random chunk that is put into a large cache,
 * kept until the index is closed: 10,000 chunks per update are some 50 MB.
 */
MUST_CHECK int index_update_begin(struct index *ix, uint32_t wait_ms,
                                  struct index_update **out);

/*
 * index_update_put_pack: describe a pack; all fields but no are taken.
 *   no  out: its number; a known id keeps its number, its state and
 *       condemned_by (a doom overrides every segment), and takes the rest
 * A pack doomed or condemned before its segment is seen is put with what is
 * known and its state. Returns 0; E_LIMIT (numbers used up).
 */
MUST_CHECK int index_update_put_pack(struct index_update *u,
                                     const struct index_pack *pack,
                                     uint32_t *no);

/*
 * index_update_find_pack: as index_reader_pack_by_id, in the update's own,
 * uncommitted state.
 */
MUST_CHECK int index_update_find_pack(struct index_update *u,
                                      const struct object_id *id,
                                      struct index_pack *out, bool *found);

/*
 * index_update_set_state: a pack's state.
 *   no   a number that put_pack gave
 *   log  with INDEX_CONDEMNED: the number of the condemn record; else ignored
 * To INDEX_LIVE clears condemned_by; to INDEX_DOOMED keeps it. The locations
 * of a doomed pack are ignored from then on at no cost, and their space comes
 * back when the chunk is put again or by index_sweep.
 * Returns 0; E_REFUSED (it is doomed and shall be another; nothing changed).
 */
MUST_CHECK int index_update_set_state(struct index_update *u, uint32_t no,
                                      enum index_state state, uint64_t log);

/* index_update_set_trusted: whether this host's key may dedup against a pack.
 * index_update_set_gone: whether it was seen to be missing or cut. Neither
 * touches the other.
 *   no  a number that put_pack gave */
MUST_CHECK int index_update_set_trusted(struct index_update *u, uint32_t no,
                                        bool trusted);
MUST_CHECK int index_update_set_gone(struct index_update *u, uint32_t no,
                                     bool gone);

/*
 * index_update_retract: what was said of a pack was wrong: its number and all
 * its locations are given up, as if it were doomed, and its id may be put anew.
 * The number stays, as a doomed pack without an id (zeros), writer or member.
 *   no  a number that put_pack gave
 */
MUST_CHECK int index_update_retract(struct index_update *u, uint32_t no);

/*
 * index_update_put_chunks: record locations.
 *   c, n  in any order (sorted here); each c[i].loc.pack is a number that
 *         put_pack gave. Large batches are fast: 10,000 and up
 * A location already known is harmless, so is a chunk twice in one pack (the
 * one at the lower offset is kept); those in doomed packs are dropped.
 */
MUST_CHECK int index_update_put_chunks(struct index_update *u,
                                       const struct index_chunk *c, size_t n);

/*
 * index_update_put_suspect: record a chunk as damaged, whether it is known or
 * not. Lookups for dedup miss it there, those for reading take it last.
 *   pack  where; INDEX_EVERY_PACK: wherever it is, now and later
 */
MUST_CHECK int index_update_put_suspect(struct index_update *u,
                                        const struct chunk_id *id,
                                        uint32_t pack);

/* index_update_drop_suspect: take exactly that record back; absent: fine. */
MUST_CHECK int index_update_drop_suspect(struct index_update *u,
                                         const struct chunk_id *id,
                                         uint32_t pack);

/* index_update_put_mark: key 1..INDEX_MARK_KEY_MAX bytes, value up to
 * INDEX_MARK_VALUE_MAX; replaces. E_LIMIT beyond that. */
MUST_CHECK int index_update_put_mark(struct index_update *u, struct bytes key,
                                     struct bytes value);

/* index_update_drop_mark: absent: fine. */
MUST_CHECK int index_update_drop_mark(struct index_update *u, struct bytes key);

/*
 * index_sweep: take the locations in doomed packs out, a bounded part
 * at a time; commit between calls so that the update stays small.
 *   place    zeroed at first; moved; started false again: the end was reached
 *   max      chunk ids to look at (>= 1; 100,000 is good); about 1 us each
 *   removed  out: locations taken out
 * The packs stay, as tombstones of some 200 bytes.
 */
MUST_CHECK int index_sweep(struct index_update *u, struct index_place *place,
                           size_t max, size_t *removed);

/*
 * index_update_commit: all of it, or after a crash none; durable when it
 * returns 0. Frees u in any case. After an error the cache is as before
 * (E_IO: or, when the very last write failed, as after).
 */
MUST_CHECK int index_update_commit(struct index_update *u);

/* index_update_abort: as if it had not begun; frees u. NULL is fine. */
void index_update_abort(struct index_update *u);

/* ---- filling from nothing --------------------------------------------- */

/*
 * index_rebuild_begin: start a new cache that will replace the one at path.
 * Chunks are sorted through a temporary file and appended: several times
 * faster and half the size of updates, in about 100 MB of memory.
 * One at a time: E_BUSY when another process has shown no progress for
 * opt->wait_ms. The index at path may be open.
 */
MUST_CHECK int index_rebuild_begin(const char *path, const struct repo_id *repo,
                                   const struct index_options *opt,
                                   struct index_rebuild **out);

/*
 * index_rebuild_update: the update through which everything enters the new
 * cache; lent. Its commit and abort are not for the caller; after an error only
 * index_rebuild_free is left. States set before the chunks are added save their
 * space.
 */
struct index_update *index_rebuild_update(struct index_rebuild *rb);

/*
 * index_rebuild_index: the new cache, for readers; lent. They see what was put
 * before the last index_rebuild_turn, but no chunks, and are freed before the
 * commit.
 */
struct index *index_rebuild_index(struct index_rebuild *rb);

/* index_rebuild_turn: let the new cache's readers see what there is, and let go
 * of the memory that it takes. Nobody else sees anything before the commit. */
MUST_CHECK int index_rebuild_turn(struct index_rebuild *rb);

/* index_rebuild_show: it gets on, though perhaps nothing was written: what
 * chunks are made of comes slowly, and waits in memory. To be called more often
 * than others wait; a few times in that while a file is touched. NULL is fine.
 */
void index_rebuild_show(struct index_rebuild *rb);

/* Whether the new cache may still take the old one's place: 0, or an error. */
typedef int index_rebuild_fn(void *ctx);

/*
 * index_rebuild_commit: sort, load, make durable, and put the new cache in the
 * place of the old one, at once; frees rb in any case. Who has the old one
 * open keeps it until its next update (E_LATER).
 *   still  asked while nobody can change the old one; NULL: it may in any case
 * Returns 0; E_BUSY: an update of the old one lasted longer than wait_ms; what
 * still returned; as after every error the old one stays.
 */
MUST_CHECK int index_rebuild_commit(struct index_rebuild *rb,
                                    index_rebuild_fn *still, void *ctx);

/* index_rebuild_free: abandon; NULL is fine. */
void index_rebuild_free(struct index_rebuild *rb);

#endif
