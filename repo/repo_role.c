#include "repo/repo_role.h"

#include "store/store.h"

enum {
    REPO_ROLE_F = 1 << KEYRING_FULL,
    REPO_ROLE_R = 1 << KEYRING_READ,
    REPO_ROLE_W = 1 << KEYRING_WRITE,
    REPO_ROLE_M = 1 << KEYRING_MAINTAIN
};

static const struct repo_role_rule {
    unsigned roles;
    bool writes;      /* ... active ones only */
    const char *what; /* is done */
    const char *need;
} repo_role_rules[] = {
    [REPO_ACT_SNAPSHOTS] = {REPO_ROLE_F | REPO_ROLE_R | REPO_ROLE_W |
                                REPO_ROLE_M,
                            false, "list snapshots", "any"},
    [REPO_ACT_LIST] = {REPO_ROLE_F | REPO_ROLE_R | REPO_ROLE_M, false,
                       "list what is stored", "full, read or maintain"},
    [REPO_ACT_CONTENT] = {REPO_ROLE_F | REPO_ROLE_R, false,
                          "read what is stored", "full or read"},
    [REPO_ACT_BACKUP] = {REPO_ROLE_F | REPO_ROLE_W, true, "back up",
                         "full or write"},
    /* a write key's check sees no tree, and says so */
    [REPO_ACT_CHECK] = {REPO_ROLE_F | REPO_ROLE_R | REPO_ROLE_W | REPO_ROLE_M,
                        false, "check", "any"},
    [REPO_ACT_CHECK_DATA] = {REPO_ROLE_F | REPO_ROLE_R, false,
                             "check what is stored", "full or read"},
    [REPO_ACT_LABEL] = {REPO_ROLE_F | REPO_ROLE_M, true,
                        "tag or protect snapshots", "full or maintain"},
    [REPO_ACT_FORGET] = {REPO_ROLE_F | REPO_ROLE_M, true, "forget snapshots",
                         "full or maintain"},
    [REPO_ACT_COLLECT] = {REPO_ROLE_F | REPO_ROLE_M, true, "prune",
                          "full or maintain"},
    [REPO_ACT_KEYS] = {REPO_ROLE_F, true, "change who has a key", "full"},
    [REPO_ACT_OWN_KEY] = {REPO_ROLE_F | REPO_ROLE_R | REPO_ROLE_W | REPO_ROLE_M,
                          true, "change its secret", "any"},
};

static const struct {
    enum keyring_role role;
    const char *name;
} repo_role_names[] = {{KEYRING_FULL, "full"},
                       {KEYRING_READ, "read"},
                       {KEYRING_WRITE, "write"},
                       {KEYRING_MAINTAIN, "maintain"}};

enum { REPO_ROLE_N = sizeof repo_role_names / sizeof repo_role_names[0] };

const char *repo_role_name(enum keyring_role role)
{
    for (size_t i = 0; i < REPO_ROLE_N; i++) {
        if (repo_role_names[i].role == role)
            return repo_role_names[i].name;
    }
    return "unknown";
}

bool repo_role_named(const char *name, enum keyring_role *role)
{
    for (size_t i = 0; i < REPO_ROLE_N; i++) {
        *role = repo_role_names[i].role;
        if (strcmp(repo_role_names[i].name, name) == 0)
            return true;
    }
    return false;
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

int repo_role_allows(const struct repo *r, enum repo_act act)
{
    const struct repo_role_rule *rule = &repo_role_rules[act];

    if (!(rule->roles & 1U << r->keys->role))
        return err_set(E_ROLE,
                       "%s: this key may not %s: its role is '%s', and that "
                       "needs a key whose role is %s",
                       store_place(r->store), rule->what,
                       repo_role_name(r->keys->role), rule->need);
    return rule->writes ? repo_role_active(r) : 0;
}
