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
    struct bytes top; /* the path of what is compared, "srv/www"; lent */
    struct diff_out_sum sum[DIFF_OUT_KINDS];
    struct buf path;
    struct buf from;
    struct buf line;
    struct message_problems damage;
};

void diff_out_init(struct diff_out *d, struct cli *cli, struct bytes top);
void diff_out_release(struct diff_out *d);

/* diff_out_item: one difference, or where a directory is damaged. Returns 0;
 * E_NOMEM; E_LIMIT. */
MUST_CHECK int diff_out_item(struct diff_out *d,
                             const struct tree_diff_item *item);

/*
 * diff_out_renamed: one thing that has another path now.
 *   item  what came; with JSON also what it was; its path is the new one
 *   from  the old one, below the same start
 * Returns as diff_out_item().
 */
MUST_CHECK int diff_out_renamed(struct diff_out *d,
                                const struct tree_diff_item *item,
                                struct bytes from);

/*
 * diff_out_end: nothing more follows: what it comes to.
 *   renames  what of it was looked for; NULL: nothing was to be
 * Returns as diff_out_item(); E_CORRUPT: there was damage.
 */
MUST_CHECK int diff_out_end(struct diff_out *d,
                            const enum tree_renames_scope *renames);

#endif
