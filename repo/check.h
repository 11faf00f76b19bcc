/*
 * check: proves that a repository is whole, or names what is not: the object,
 * and each path of each snapshot that is hurt by it. Changes nothing in the
 * repository, but that a full key that has read all data vouches for what
 * others wrote (check_vouch.h).
 *
 * Nothing is taken from the cache: the log, the journals and the segments are
 * read again, and a view of them is built in a private directory below TMPDIR
 * (some 100 bytes for each chunk of the repository; removed at the end). So a
 * check also works where the log or a journal is damaged and a repository can
 * only be opened with no_index.
 *
 * Memory, besides what threads need: 170 bytes for each pack, 24 for each log
 * and journal record, some 50 for each directory page and list node that is
 * found sound (shared ones count once: they are walked once), and some 100 for
 * each chunk in a damaged pack that a snapshot reaches.
 *
 * Others may write, forget and collect meanwhile: what is looked at is what
 * was committed when the check began and is not forgotten when it ends.
 */
#ifndef REPO_CHECK_H
#define REPO_CHECK_H

#include <stdatomic.h>

#include "base/cancel.h"
#include "repo/repo.h"

/* What a finding is about. */
enum check_kind {
    CHECK_CONFIG,
    CHECK_KEY,     /* a key slot */
    CHECK_LOG,     /* a log record, or the log as a whole */
    CHECK_JOURNAL, /* a journal record */
    CHECK_SEGMENT, /* of the index */
    CHECK_PACK,
    CHECK_SNAPSHOT, /* its object, or its root */
    CHECK_PATH,     /* something below its root */
    CHECK_CACHE,    /* this host's cache: never damage */
    CHECK_NAME      /* an object that does not belong there: never damage */
};

/* check_kind_name: "config", "key", "log", "journal", "segment", "pack",
 * "snapshot", "path", "cache", "name": for people and for JSON. */
const char *check_kind_name(enum check_kind kind);

/* Everything is lent for the call. Paths and texts hold untrusted bytes. */
struct check_finding {
    enum check_kind kind;
    bool damage;        /* something is wrong */
    bool unread;        /* the store failed to give what it needs: nothing is
                           known of it. Neither: a note: worth saying */
    const char *object; /* name in the store; "" where there is none */
    const char *text;   /* what is the matter */
    /* CHECK_SNAPSHOT, CHECK_PATH, and what belongs to a snapshot: */
    bool has_snapshot;
    struct object_id snapshot;
    struct bytes series; /* empty: its manifest cannot be read */
    struct entry_time begin;
    struct bytes path; /* CHECK_PATH: "a/b/c" below `/`; empty: `/` itself */
    bool is_dir;       /* CHECK_PATH: a directory, of which a part is lost */
    uint64_t more;     /* CHECK_PATH: not 0: this many further paths of the
                          snapshot are hurt and were not listed; no path then */
};

/* Called for each finding, one call at a time, on any thread. What it returns
 * other than 0, a raised E_*, ends the check. */
typedef int check_report_fn(void *ctx, const struct check_finding *f);

/* Counters that run while the check does; any thread may read them. */
struct check_progress {
    _Atomic uint64_t objects; /* read in full: packs, or with keyless all */
    _Atomic uint64_t object_total;
    _Atomic uint64_t bytes; /* of those */
    _Atomic uint64_t byte_total;
    _Atomic uint64_t snapshots; /* walked */
    _Atomic uint64_t snapshot_total;
    _Atomic uint64_t entries; /* looked at; shared ones once */
};

struct check_options {
    bool read_data;                  /* every pack, each byte of it */
    unsigned threads;                /* 0: one for each core */
    uint64_t path_max;               /* paths listed of a snapshot; 0: 100 */
    const struct cancel *cancel;     /* may be NULL */
    struct check_progress *progress; /* zeroed; may be NULL */
};

/* What was looked at. */
struct check_summary {
    uint64_t damages; /* findings that are damage */
    uint64_t unread;  /* ... of what could not be read */
    uint64_t notes;
    uint64_t log_records;
    uint64_t journals;
    uint64_t segments;
    uint64_t packs; /* that the segments name, without doomed ones */
    uint64_t pack_bytes;
    uint64_t read_bytes; /* of packs (keyless: of objects) read in full */
    uint64_t snapshots;  /* committed, not forgotten */
    uint64_t snapshots_hurt;
    uint64_t snapshots_unreadable; /* ... of those: nothing of them is known */
    uint64_t snapshots_sealed;     /* the key may not read them: they are what
                                      their names say, no more is known */
    uint64_t snapshots_unlisted;   /* not among snapshots: nothing that could
                                      be read commits them */
    uint64_t paths_hurt;           /* of all snapshots, also those not listed */
    uint64_t entries;              /* looked at; shared ones once */
    uint64_t chunks;               /* references to content looked up */
    uint64_t objects;              /* keyless: whose name was compared */
    uint64_t vouched;              /* packs that were vouched for */
};

/*
 * check_run: check a repository with its keys. Where they open no metadata, the
 * snapshots are proved by their names and signatures, and a note says that what
 * is in them was not looked at. An object that the store fails
 * to give is reported, and the check goes on; what then seems to be missing is
 * unread too, since what could not be read may have told why.
 *   r    open; with an index, that is compared with the segments too. Where
 *        repo_open() fails with E_CORRUPT, one that was opened with no_index
 *        does: the check says what is wrong
 *   opt  see above
 *   sum  out: filled whatever is returned
 * Returns 0: no damage (there may be notes); E_CORRUPT: damage, all of which
 * was reported; E_STORE: no damage was seen, but sum->unread things could not
 * be read, all reported; or, with that zero, the store cannot even list its
 * objects; E_UNSUPPORTED (a newer format, or a feature that a check must
 * know); E_CANCELED; E_NOMEM; E_NOSPACE
 * or E_IO (the private view); what else the store or fn returned.
 */
MUST_CHECK int check_run(struct repo *r, const struct check_options *opt,
                         check_report_fn *fn, void *ctx,
                         struct check_summary *sum);

/*
 * check_keyless: check without a key, as the host of a store can: each object
 * whose name is the hash of its bytes (packs, segments, snapshots, key slots)
 * is read and compared, the config's own checksum too, and log and journals
 * must be numbered without a gap. It cannot see that an object is missing, nor
 * damage to log and journals.
 *   opt  read_data and path_max do not matter
 * Memory: 48 bytes for each object, 24 for each record, 1 MiB for each thread.
 * Returns 0; E_CORRUPT and E_STORE as check_run(); E_NOREPO; E_UNSUPPORTED
 * (newer config); E_CANCELED; E_NOMEM; what else the store or fn returned.
 */
MUST_CHECK int check_keyless(struct store *s, const struct check_options *opt,
                             check_report_fn *fn, void *ctx,
                             struct check_summary *sum);

#endif
