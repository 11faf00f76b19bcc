/*
 * diff_out: what differs, a line for each thing, for people or as JSON, and
 * what it comes to. Confined to the main thread.
 */
#ifndef CLI_DIFF_OUT_H
#define CLI_DIFF_OUT_H

#include "cli/cli.h"
#include "cli/message.h"
#include "repo/tree_diff.h"
#include "repo/tree_renames.h"

enum diff_out_kind {
    DIFF_OUT_ADDED,
    DIFF_OUT_REMOVED,
    DIFF_OUT_RENAMED,
    DIFF_OUT_CHANGED,
    DIFF_OUT_META,
    DIFF_OUT_KINDS
};

/* How many of a kind, and the bytes of their files. */
struct diff_out_sum {
    uint64_t n;
    uint64_t bytes;
    uint64_t before; /* CHANGED: what it was */
};

struct diff_out {
    struct cli *cli;
    struct bytes before; /* the path of what is compared, "srv/www"; lent */
    struct bytes after;  /* ... in the second tree; likewise */
    struct diff_out_sum sum[DIFF_OUT_KINDS];
    struct buf path;
    struct buf from;
    struct buf line;
    struct message_problems damage;
};

/*
 * diff_out_init: nothing has been told yet.
 *   before, after  where the two trees that are compared start, each in its
 *                  own snapshot: "srv/www"; empty: "/"; lent
 */
void diff_out_init(struct diff_out *d, struct cli *cli, struct bytes before,
                   struct bytes after);
void diff_out_release(struct diff_out *d);

/* diff_out_item: one difference, or where a directory is damaged. What went has
 * its path in the first tree, all else that in the second. Returns 0; E_NOMEM;
 * E_LIMIT. */
MUST_CHECK int diff_out_item(struct diff_out *d,
                             const struct tree_diff_item *item);

/*
 * diff_out_renamed: one thing that has another path now.
 *   item  what came; with JSON also what it was; its path is the new one
 *   was   the old one, and whether its metadata has changed too
 * Returns as diff_out_item().
 */
MUST_CHECK int diff_out_renamed(struct diff_out *d,
                                const struct tree_diff_item *item,
                                const struct tree_renames_mate *was);

/* diff_out_lost: the error record says why what went from `from`, below the
 * start of the first tree, cannot be told of. Returns as diff_out_item(). */
MUST_CHECK int diff_out_lost(struct diff_out *d, struct bytes from);

/*
 * diff_out_end: nothing more follows: what it comes to.
 *   renames  what of it was looked for; NULL: nothing was to be
 * Returns as diff_out_item(); E_CORRUPT: there was damage.
 */
MUST_CHECK int diff_out_end(struct diff_out *d,
                            const enum tree_renames_scope *renames);

#endif
