/*
 * chunker: where a stream is cut into chunks. Bytes in, cut points out.
 *
 * A stream is cut from its beginning: each chunk begins where the last one
 * ended, and its length depends on nothing but its own bytes, the 16-byte cut
 * key and the parameters: not on what stands before it, nor on how the bytes
 * were handed over, nor on the CPU. docs/chunker.md is the definition; cut
 * points are part of the repository format and never change.
 *
 * Whoever does not know the key learns nothing from chunk lengths about the
 * cuts of other data (docs/chunker.md says what exactly is claimed).
 */
#ifndef CHUNKER_CHUNKER_H
#define CHUNKER_CHUNKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/siphash.h"

#define CHUNKER_KEY_BYTES      16

#define CHUNKER_NORMAL_LEAST   ((uint32_t)16 << 10)
#define CHUNKER_NORMAL_DEFAULT ((uint32_t)64 << 10)
#define CHUNKER_NORMAL_MOST    ((uint32_t)256 << 10)

/* A cut depends on this many bytes before it, so no chunk may be shorter. */
#define CHUNKER_WINDOW ((uint32_t)4159)

/* No chunk is longer, whatever the parameters. */
#define CHUNKER_MAX_MOST ((uint32_t)1 << 20)

/* Lengths of chunks in bytes; the last chunk of a stream may be below min. */
struct chunker_params {
    uint32_t min;    /* no cut earlier; CHUNKER_WINDOW..normal */
    uint32_t normal; /* cuts are 4 times as likely from here on; a power of
                        two, CHUNKER_NORMAL_LEAST..CHUNKER_NORMAL_MOST */
    uint32_t max;    /* a cut at the latest; normal..CHUNKER_MAX_MOST */
};

/*
 * chunker_params_of: the parameters that a normal size stands for:
 * min 5/8 of it, max 4 times as much.
 *   normal  bytes; a power of two, CHUNKER_NORMAL_LEAST..CHUNKER_NORMAL_MOST
 *   out     set on success only
 * Returns 0; E_USAGE when normal is no such size. Any thread.
 */
MUST_CHECK int chunker_params_of(uint64_t normal, struct chunker_params *out);

/*
 * chunker_params_check: are these lengths within the ranges above? To be asked
 * of whatever was read from a repository before chunker_init().
 * Returns 0 or E_USAGE (the caller knows where they came from). Any thread.
 */
MUST_CHECK int chunker_params_check(const struct chunker_params *params);

struct anchor_version;
struct cutprf_version;

/*
 * A chunker in its caller's storage. Immutable from chunker_init() on: any
 * number of threads may share one. Secret, as the key is in it.
 */
struct chunker {
    struct chunker_params params;
    struct siphash_key key;
    uint64_t refuse_small; /* bits of the PRF that must be 0, below normal */
    uint64_t refuse_large; /* and from normal on */
    const struct anchor_version *anchor;
    const struct cutprf_version *prf;
};

/*
 * chunker_init: make a chunker, with the fastest code that cpu_level() allows.
 *   params  checked here with chunker_params_check()
 *   key     the cut key; copied
 * Returns 0; E_USAGE (c is not usable).
 */
MUST_CHECK int chunker_init(struct chunker *c,
                            const struct chunker_params *params,
                            const uint8_t key[CHUNKER_KEY_BYTES]);

/* chunker_release: wipe the key. A zeroed chunker may be released too. */
void chunker_release(struct chunker *c);

/*
 * chunker_next: the length of the chunk that begins at p.
 *   p      the stream from its last cut (or its beginning) on; borrowed
 *   n      bytes at p, 0 and up; more than params.max are not looked at
 *   last   the stream ends at p + n
 *   known  in: this many bytes at p are known to hold no cut: 0 for a new
 *          chunk, else what the last call for it left here. out: see below
 * Returns the length, 1..max, with *known = 0; or 0 when n bytes do not decide
 * it (never so when last and n > 0, or when n >= max), with *known = n: call
 * again with the same bytes and more behind them, at any address; nothing but
 * the last CHUNKER_WINDOW bytes is looked at again.
 * Any thread.
 */
size_t chunker_next(const struct chunker *c, const uint8_t *p, size_t n,
                    bool last, size_t *known);

/*
 * chunker_cut: cut as many chunks off p as its bytes decide.
 *   p, n, last, known  as for chunker_next(); p is the first chunk's beginning
 *   lens   out: their lengths, in order
 *   lens_n room in lens, 1 and up
 * Returns how many lengths were set. If fewer than lens_n, the bytes behind
 * them are the beginning of a chunk not decided yet, of which *known bytes are
 * known to hold no cut; when last, there are none. If lens_n, *known is 0 and
 * the caller goes on behind them. Any thread.
 */
size_t chunker_cut(const struct chunker *c, const uint8_t *p, size_t n,
                   bool last, size_t *known, uint32_t *lens, size_t lens_n);

/*
 * chunker_predict: does a chunk that was seen before end here again?
 *   p, len  bytes that the caller knows (by their id) to be a whole chunk that
 *           a chunker with this key and these parameters once made, be it cut
 *           or ended by the end of its stream
 * Returns whether chunker_next() at p, with any bytes or none behind, answers
 * len. False only for chunks that the end of a stream ended: those end again
 * only where the stream does. Looks at the last CHUNKER_WINDOW bytes. For bytes
 * that were no chunk the answer means nothing. Any thread.
 */
bool chunker_predict(const struct chunker *c, const uint8_t *p, size_t len);

#endif
