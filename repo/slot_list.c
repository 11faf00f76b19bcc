#include "repo/slot_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blake3.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store.h"

enum { SLOT_LIST_ROUNDS = 10 /* whoever goes on putting them wins */ };

void slot_list_name(const struct object_id *id, char out[SLOT_LIST_NAME_MAX])
{
    char hex[ID_HEX_CHARS + 1];

    (void)snprintf(out, SLOT_LIST_NAME_MAX, "keys/%s",
                   id_hex(id->b, sizeof id->b, hex));
}

struct slot_list_load {
    struct store *store;
    struct slot_list *l;
};

static int slot_list_add(void *ctx, const char *name, uint64_t size)
{
    struct slot_list_load *load = ctx;
    struct slot_list *l = load->l;
    struct slot_list_item it = {.id = {{0}}};
    struct buf file;
    bool found = false;
    int rc = size > KEY_SLOT_BYTES_MAX
                 ? err_set(E_CORRUPT, "too long for a key slot")
                 : 0;

    buf_init(&file, KEY_SLOT_BYTES_MAX);
    if (rc == 0 && !id_from_hex(name + sizeof "keys/" - 1, it.id.b, ID_BYTES))
        rc = err_set(E_CORRUPT, "not the name of a key slot");
    if (rc == 0)
        rc = store_get(load->store, name, &file, &found);
    if (rc == 0 && found)
        rc = key_slot_info_get(buf_bytes(&file), &it.info);
    buf_release(&file);
    if (rc == E_CORRUPT || rc == E_UNSUPPORTED || rc == E_LIMIT) {
        log_debug("%s: %s", name, err_text());
        l->unread++;
        return 0;
    }
    if (rc < 0 || !found)
        return rc;
    if (!MEM_GROW(l->item, l->n, l->cap))
        return err_set(E_NOMEM, "out of memory");
    l->item[l->n++] = it;
    return 0;
}

int slot_list_load(struct store *s, struct slot_list *l)
{
    struct slot_list_load load = {s, l};

    return store_list(s, "keys", slot_list_add, &load);
}

void slot_list_release(struct slot_list *l)
{
    free(l->item);
    *l = (struct slot_list){.item = NULL};
}

int slot_list_delete(struct store *s, const struct object_id *id)
{
    char name[SLOT_LIST_NAME_MAX];
    int rc;

    slot_list_name(id, name);
    rc = store_delete(s, name);
    return rc < 0 ? rc : store_make_durable(s, name, NULL);
}

/* What was put is a key, or not there any more: nobody has heard of it yet. */
static int slot_list_prove(struct store *s, const struct object_id *id,
                           const struct keyring *k,
                           const struct key_slot_secret *secret)
{
    char name[SLOT_LIST_NAME_MAX];
    struct err_record why;
    struct buf file;
    bool found = false;
    int rc;

    slot_list_name(id, name);
    buf_init(&file, KEY_SLOT_BYTES_MAX);
    rc = store_get(s, name, &file, &found);
    if (rc == 0 && !found)
        rc = err_set(E_LATER,
                     "%s: %s was removed while it was written: somebody "
                     "else changes this key; try again",
                     store_place(s), name);
    if (rc == 0)
        rc = key_slot_prove(buf_bytes(&file), secret, k);
    buf_release(&file);
    if (rc == 0 || rc == E_NOMEM || rc == E_STORE || rc == E_LATER)
        return rc;
    rc = err_add(rc,
                 "%s: %s was written and does not open again, so it was "
                 "removed: memory or storage that errs; test both before you "
                 "try again",
                 store_place(s), name);
    err_save(rc, &why);
    err_ignore(slot_list_delete(s, id), "what failed says more");
    return err_load(&why);
}

int slot_list_put(struct store *s, const struct keyring *k, const char *label,
                  const struct key_slot_secret *secret, struct object_id *id)
{
    bool pass = secret->kind == KEY_SLOT_PASSPHRASE;
    struct key_slot_info info = {.kdf = secret->kind,
                                 .passes = pass ? KEY_SLOT_PASSES : 0,
                                 .kib = pass ? KEY_SLOT_KIB : 0,
                                 .role = k->role};
    enum store_outcome outcome;
    char name[SLOT_LIST_NAME_MAX];
    struct buf file;
    int rc;

    (void)snprintf(info.label, sizeof info.label, "%s", label);
    buf_init(&file, KEY_SLOT_BYTES_MAX);
    rc = key_slot_seal(k, &info, secret, &file);
    if (rc == 0) {
        blake3_hash(buf_bytes(&file), id->b);
        slot_list_name(id, name);
        /* one of that name holds the same bytes */
        rc = store_put(s, name, buf_bytes(&file), &outcome);
    }
    buf_release(&file);
    return rc < 0 ? rc : slot_list_prove(s, id, k, secret);
}

int slot_list_has(struct store *s, const struct object_id *id, bool *there)
{
    char name[SLOT_LIST_NAME_MAX];
    uint64_t size;

    slot_list_name(id, name);
    return store_size(s, name, &size, there);
}

/* any: out: whether there was one. */
static int slot_list_drop_once(struct store *s, const struct member_id *member,
                               const struct object_id *keep, bool *any)
{
    struct slot_list l = {.item = NULL};
    int rc = slot_list_load(s, &l);

    *any = false;
    for (size_t i = 0; i < l.n && rc == 0; i++) {
        const struct slot_list_item *it = &l.item[i];

        if (memcmp(it->info.member.b, member->b, sizeof member->b) != 0 ||
            (keep && object_id_equal(&it->id, keep)))
            continue;
        rc = slot_list_delete(s, &it->id);
        *any = true;
    }
    slot_list_release(&l);
    return rc;
}

int slot_list_drop(struct store *s, const struct member_id *member,
                   const struct object_id *keep)
{
    bool any = true;
    int rc = 0;

    for (int i = 0; i < SLOT_LIST_ROUNDS && any && rc == 0; i++)
        rc = slot_list_drop_once(s, member, keep, &any);
    return rc;
}

int slot_list_try(struct store *s, const struct object_id *id,
                  const struct key_slot_secret *secret,
                  const struct member_id *member, uint32_t *held, bool *opens)
{
    struct keyring *k = keyring_new();
    char name[SLOT_LIST_NAME_MAX];
    struct buf file;
    bool opened = false;
    bool found = false;
    int rc = k ? 0 : err_set(E_NOMEM, "out of memory");

    *opens = false;
    slot_list_name(id, name);
    buf_init(&file, KEY_SLOT_BYTES_MAX);
    if (rc == 0)
        rc = store_get(s, name, &file, &found);
    if (rc == 0 && found)
        rc = key_slot_open(buf_bytes(&file), secret, k, &opened);
    if (rc == 0 && opened &&
        memcmp(k->member.b, member->b, sizeof member->b) == 0) {
        *opens = true;
        *held = k->held;
    }
    buf_release(&file);
    keyring_free(k);
    if (rc == E_CORRUPT || rc == E_UNSUPPORTED || rc == E_LIMIT) {
        log_debug("%s: %s", name, err_text());
        return 0;
    }
    return rc;
}

/* --- older ones of the same secret --- */

enum { SLOT_LIST_OLDER_MAX = 16 };

/* Worth opening, as far as it says. */
static bool slot_list_may_be_older(const struct slot_list_item *it,
                                   const struct keyring *k,
                                   const struct key_slot_secret *secret)
{
    bool pass = secret->kind == KEY_SLOT_PASSPHRASE;

    return memcmp(it->info.member.b, k->member.b, sizeof k->member.b) == 0 &&
           it->info.kdf == secret->kind && it->info.role == k->role &&
           it->info.passes == (pass ? KEY_SLOT_PASSES : 0) &&
           it->info.kib == (pass ? KEY_SLOT_KIB : 0);
}

int slot_list_drop_older(struct store *s, const struct keyring *k,
                         const struct key_slot_secret *secret,
                         const struct object_id *keep)
{
    struct slot_list l = {.item = NULL};
    int rc = slot_list_load(s, &l);
    unsigned looks = 0;

    for (size_t i = 0; i < l.n && rc == 0; i++) {
        uint32_t held = 0;
        bool opens = false;

        if (object_id_equal(&l.item[i].id, keep) ||
            !slot_list_may_be_older(&l.item[i], k, secret) ||
            ++looks > SLOT_LIST_OLDER_MAX)
            continue;
        rc = slot_list_try(s, &l.item[i].id, secret, &k->member, &held, &opens);
        if (rc == 0 && opens && held < k->held)
            rc = slot_list_delete(s, &l.item[i].id);
    }
    slot_list_release(&l);
    return rc;
}
