/* Entries of directories in snapshots, and the numbers that the kernel knows
 * them by. */
#include "fuse/mount_impl.h"

#define ENTRY_IS_DIR UINT32_MAX /* in the low half of a number */

/* The kernel calls the top 1. */
uint64_t mount_number_dir(uint32_t slot)
{
    if (slot == DIR_SLOTS_ROOT)
        return 1;
    return ((uint64_t)slot + 1) << 32 | ENTRY_IS_DIR;
}

uint64_t mount_number_file(uint32_t slot, uint32_t at)
{
    return ((uint64_t)slot + 1) << 32 | at;
}

static uint32_t number_slot(uint64_t number)
{
    return number == 1 ? DIR_SLOTS_ROOT : (uint32_t)(number >> 32) - 1;
}

bool mount_node_of(struct mount *m, uint64_t number, struct mount_node *out)
{
    out->slot = number_slot(number);
    out->at = (uint32_t)number;
    out->is_dir = number == 1 || out->at == ENTRY_IS_DIR;
    return dir_slots_get(m->slots, out->slot, &out->dir);
}

void mount_forget(struct mount *m, uint64_t number, uint64_t n)
{
    dir_slots_forget(m->slots, number_slot(number), n);
}

int mount_entry_at(struct mount *m, struct lane *lane,
                   const struct dir_slot *in, uint32_t at,
                   struct node_kept **out)
{
    struct node_leaf leaf;
    int rc = node_cache_by_weight(m->nodes, &lane->nodes, NODE_PAGE, &in->root,
                                  at, &leaf);

    *out = leaf.node;
    if (rc == 0 && !leaf.node)
        rc = err_set(E_CORRUPT, "a directory has fewer entries than it had");
    if (rc == 0)
        rc = node_kept_entry(leaf.node, (size_t)(at - leaf.before), &lane->te);
    return rc;
}

void mount_entry_slot(const struct dir_slot *in, uint32_t in_slot, uint32_t at,
                      const struct tree_entry *te, struct dir_slot *out)
{
    *out = (struct dir_slot){.parent = in_slot,
                             .key = at,
                             .kind = TOP_SNAPSHOT,
                             .snap = in->snap,
                             .root = te->dir.root,
                             .ino = mount_attr_ino(in, te),
                             .mark = in->mark};
    if (te->e.starts_fs)
        out->mark = out->ino;
}

int mount_entry_tell(struct mount *m, const struct dir_slot *in,
                     uint32_t in_slot, uint32_t at, const struct tree_entry *te,
                     uint64_t *number, struct stat *st)
{
    struct dir_slot d;
    uint32_t slot = 0;
    int rc;

    mount_attr_entry(m, in, te, st);
    if (te->e.type != ENTRY_DIR) {
        dir_slots_hold(m->slots, in_slot);
        *number = mount_number_file(in_slot, at);
        return 0;
    }
    mount_entry_slot(in, in_slot, at, te, &d);
    rc = dir_slots_enter(m->slots, &d, &slot);
    *number = mount_number_dir(slot);
    return rc;
}
