/*
 * key_list: the keys of a repository for people and for JSON: its members, in
 * the order in which they came, and slots that belong to none of them.
 * Confined to the main thread.
 */
#ifndef CLI_KEY_LIST_H
#define CLI_KEY_LIST_H

#include "cli/cli.h"
#include "repo/slot_list.h"

struct repo;

/* key_list_show: print them. Returns 0, or what the store or output did. */
MUST_CHECK int key_list_show(struct cli *cli, const struct repo *r);

/* What a name of the command line means. */
struct key_list_pick {
    struct member_id member;
    bool is_member; /* else slots of somebody who never came */
    bool removed;   /* already */
    char label[KEY_SLOT_LABEL_MAX + 1];
};

/*
 * key_list_find: the key with that label, or whose id begins with that (4 hex
 * digits and up). A label of a key that is not removed goes first.
 * Returns 0; E_USAGE: there is none, or several; what the store did.
 */
MUST_CHECK int key_list_find(const struct repo *r, const char *name,
                             struct key_list_pick *out);

#endif
