/*
 * backup_rules: what of the roots a snapshot leaves out, as the options say it.
 * Confined to one thread while it is made.
 */
#ifndef CLI_BACKUP_RULES_H
#define CLI_BACKUP_RULES_H

#include "base/arena.h"
#include "base/buf.h"
#include "cli/opt.h"
#include "source/pattern.h"
#include "source/walk_rules.h"

/* Zeroed: everything is kept. */
struct backup_rules {
    struct pattern_set *patterns;
    struct buf said; /* the patterns, "--exclude=*.o" and so on, one a line,
                        those of files too; as far as a snapshot keeps them */
    struct walk_marker *marker;
    size_t marker_n;
    struct arena text; /* of the markers */
    uint64_t larger;   /* leave out files of more bytes; 0: none */
    bool ignore_files;
    bool one_fs;
};

/*
 * backup_rules_make: read them from the options, and from the files that these
 * name.
 *   r  out: zeroed first; release it whatever is returned
 * Returns 0; E_USAGE; E_NOMEM.
 */
MUST_CHECK int backup_rules_make(const struct opt_set *o,
                                 struct backup_rules *r);
void backup_rules_release(struct backup_rules *r);

/* backup_rules_read: all of a file, or of standard input ("-"), into text.
 * Returns 0; E_USAGE, also when it is longer than text may be; E_NOMEM. */
MUST_CHECK int backup_rules_read(const char *path, struct buf *text);

#endif
