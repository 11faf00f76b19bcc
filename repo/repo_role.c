#include "repo/repo_role.h"

#include "store/store.h"

const char *repo_role_name(enum keyring_role role)
{
    switch (role) {
    case KEYRING_FULL:
        return "full";
    case KEYRING_READ:
        return "read";
    case KEYRING_WRITE:
        return "write";
    case KEYRING_MAINTAIN:
        return "maintain";
    }
    return "unknown";
}

int repo_role_active(const struct repo *r)
{
    const struct members_one *me =
        members_find(&r->state.members, &r->keys->member);

    if (!me)
        return err_set(E_ROLE,
                       "%s: this key is no member of the repository: the 'key "
                       "add' that made it did not finish; repeat that",
                       store_place(r->store));
    if (me->standing == RECORD_ACTIVE)
        return 0;
    return err_set(E_ROLE,
                   "%s: this key was removed: nothing that it writes counts; "
                   "ask for another one ('dedup key add')",
                   store_place(r->store));
}
