/*
 * label_change: other tags for a snapshot, and its protection, as records of
 * the log. Nothing of the snapshot itself changes. Confined to one thread;
 * nothing else may use the repository meanwhile.
 */
#ifndef REPO_LABEL_CHANGE_H
#define REPO_LABEL_CHANGE_H

#include "repo/repo.h"
#include "repo/snapshot_list.h"

enum { LABEL_CHANGE_TAGS_MAX = 1000 /* of one snapshot */ };

/* What becomes of the tags that a snapshot has. */
struct label_change_tags {
    bool set;                   /* those it has go first; then ... */
    const struct bytes *remove; /* ... these go, ... */
    size_t remove_n;
    const struct bytes *add; /* ... and these come, each once */
    size_t add_n;
};

/* label_change_tag_ok: 1 to RECORD_TAG_MAX bytes, none of them a space, a comma
 * or a control character. */
bool label_change_tag_ok(struct bytes tag);

/*
 * label_change_tag: change the tags of a snapshot, seen in the log as it is
 * when the record is put.
 *   item     of the list; its manifest's tags count where no record names any
 *   changed  out: false: it had them already
 * Returns 0; E_ROLE; E_NOTFOUND: it was forgotten meanwhile; E_LIMIT: too many
 * tags; as repo_log_append().
 */
MUST_CHECK int label_change_tag(struct repo *r,
                                const struct snapshot_item *item,
                                const struct label_change_tags *change,
                                bool *changed);

/* until of a protection that ends one. */
enum { LABEL_CHANGE_OFF = 1 };

/*
 * label_change_protect: keep a snapshot from being forgotten.
 *   until   seconds since 1970; 0: for ever; LABEL_CHANGE_OFF: no more
 *   reason  may be empty
 * Returns as label_change_tag().
 */
MUST_CHECK int label_change_protect(struct repo *r,
                                    const struct object_id *snapshot,
                                    int64_t until, struct bytes reason,
                                    bool *changed);

#endif
