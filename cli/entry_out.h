/*
 * entry_out: one entry of a snapshot, as a line for people or as a line of
 * JSON. Confined to one thread.
 */
#ifndef CLI_ENTRY_OUT_H
#define CLI_ENTRY_OUT_H

#include "cli/json_out.h"
#include "repo/fetch.h"
#include "repo/tree_entry.h"

enum { ENTRY_OUT_LINE_MAX = 8 << 20 /* bytes: the longest path, escaped */ };

/* entry_out_type: "file", "dir", "symlink", "char", "block", "fifo",
 * "socket". */
const char *entry_out_type(enum entry_type type);

/*
 * entry_out_line: append the escaped path and a newline; with details, before
 * it mode, owner, group, size (or device numbers) and time, and behind it
 * where a symbolic link points.
 *   path  in the snapshot, without the first '/'
 */
void entry_out_line(struct buf *out, struct bytes path,
                    const struct tree_entry *te, bool details);

/* entry_out_json_brief: what it is, in the object at hand: "kind", of a file
 * "size", "mode" as entry_out_json() has it ("0644"), "mtime". */
void entry_out_json_brief(struct json_out *j, const struct tree_entry *te);

/*
 * entry_out_json: all that the entry says. Values of attributes are read
 * through lane where they are stored apart.
 * Returns 0; E_CORRUPT (nothing is written), and as fetch_get().
 */
MUST_CHECK int entry_out_json(struct json_out *j, struct fetch_lane *lane,
                              struct bytes path, const struct tree_entry *te);

#endif
