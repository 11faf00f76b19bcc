/*
 * reader: the content of one file after another, as runs of bytes and holes.
 *
 * A reader reads the file as long as it was when it was opened and says at the
 * end whether it changed meanwhile; the caller then reads it once more, from
 * reader_open on. What procfs and sysfs show without a length has no content
 * here.
 *
 * The page cache is left as it was: what of a file was not in memory when it
 * was opened leaves it again behind the reading.
 *
 * Confined to one thread; several readers may have the same file open. What is
 * read counts for base/limit.h: whoever reads holds no lock.
 */
#ifndef SOURCE_READER_H
#define SOURCE_READER_H

#include "base/arena.h"
#include "base/entry.h"
#include "source/attrs.h"
#include "source/dirfd.h"
#include "source/owner.h"

enum {
    READER_HOLE_MIN = 256 << 10, /* shorter holes are data that is zero */
    READER_HOLES_MAX = 256       /* short ones that one run can report */
};

enum reader_kind {
    READER_DATA,  /* n bytes in the caller's buffer */
    READER_HOLE,  /* n >= READER_HOLE_MIN bytes that read as zeros */
    READER_PAUSE, /* nothing for now, ask again; n is 0; streams only */
    READER_END    /* nothing more; n is 0 */
};

struct reader_hole {
    uint64_t off; /* in the file */
    uint64_t n;
};

struct reader_run {
    enum reader_kind kind;
    uint64_t off; /* in the file */
    uint64_t n;
    /* DATA: the short holes in it; they are zeros in the buffer. Lent until
     * the next call. A run ends where it would hold more. */
    const struct reader_hole *hole;
    size_t hole_n;
};

struct reader_options {
    struct attrs_cache *attrs;  /* lent */
    struct owner_cache *owners; /* NULL: no names; lent */
};

struct reader;

/* reader_new: options are copied. Returns 0 or E_NOMEM. */
MUST_CHECK int reader_new(const struct reader_options *options,
                          struct reader **out);

/* reader_free: closes what is open. NULL is fine. */
void reader_free(struct reader *r);

/*
 * reader_open: open a file for reading from its start. What was open is
 * closed.
 *   dir       where it is; a reference is held while it is open
 *   name      NUL-terminated; copied
 *   e         in: as the walk yielded it; out: refreshed from the open file.
 *             Borrowed bytes stay as they are; names of owners are refreshed
 *   vanished  out: it is gone, or no longer a file: nothing is open
 * Returns 0; E_NOMEM; E_SOURCE when it cannot be opened, naming its path.
 */
MUST_CHECK int reader_open(struct reader *r, struct dirfd *dir,
                           struct bytes name, struct entry *e, bool *vanished);

/*
 * reader_attrs: complete the open file's entry; see attrs_of_fd. After
 * E_SOURCE the content can still be read.
 */
MUST_CHECK int reader_attrs(struct reader *r, struct entry *e,
                            struct arena *arena);

/*
 * reader_range: go on with the bytes [off, end) of the open file; end is cut
 * to its size. For several readers that share one large file.
 */
void reader_range(struct reader *r, uint64_t off, uint64_t end);

/*
 * reader_next: the next run. A DATA run fills the buffer unless a long hole or
 * the end comes first.
 *   buf, cap  for the bytes of DATA; cap > 0
 * Returns 0; E_SOURCE when reading fails: the file is still open, and
 * reader_close is all that may follow.
 */
MUST_CHECK int reader_next(struct reader *r, uint8_t *buf, size_t cap,
                           struct reader_run *run);

/*
 * reader_finish: the last look; closes the file.
 *   e        in: as reader_open left it; out: size is what was read, and
 *            unsettled is set as it must be
 *   changed  out: size, mtime or ctime are not what they were at reader_open,
 *            or the file ended early
 * Returns 0 or E_SOURCE; the file is closed in any case.
 */
MUST_CHECK int reader_finish(struct reader *r, struct entry *e, bool *changed);

/* reader_close: closes without a look; nothing open is fine. */
void reader_close(struct reader *r);

#endif
