#include "repo/repo_unlock.h"

#include <string.h>

#include "base/blake3.h"
#include "base/log.h"
#include "store/store.h"

struct repo_unlock_slots {
    struct repo *r;
    const struct key_slot_secret *secret;
    const struct object_id *config; /* H(config) */
    bool opened;
    bool any;     /* a sound slot of this kind was there */
    bool foreign; /* one was opened, but belongs to another config */
    bool damaged; /* a slot could not be read */
    bool newer;   /* ... since only a newer program can */
};

static bool repo_unlock_fits(const struct repo *r,
                             const struct object_id *config)
{
    return object_id_equal(&r->keys->config, config) &&
           memcmp(r->keys->repo.b, r->config.repo.b, sizeof r->config.repo.b) ==
               0;
}

/* A damaged slot must not be taken for one with another passphrase. */
static int repo_unlock_is_whole(const char *name, struct bytes file)
{
    const char *slash = strrchr(name, '/');
    struct object_id id;
    struct object_id real;

    blake3_hash(file, real.b);
    if (slash && id_from_hex(slash + 1, id.b, sizeof id.b) &&
        object_id_equal(&id, &real))
        return 0;
    return err_set(E_CORRUPT, "its bytes are not those it is named after");
}

static int repo_unlock_try(void *ctx, const char *name, uint64_t size)
{
    struct repo_unlock_slots *slots = ctx;
    struct key_slot_info info;
    struct buf file;
    bool newer;
    bool found;
    int rc;

    if (slots->opened)
        return 0;
    if (size > KEY_SLOT_BYTES_MAX) {
        slots->damaged = true;
        return 0;
    }
    buf_init(&file, KEY_SLOT_BYTES_MAX);
    rc = store_get(slots->r->store, name, &file, &found);
    if (rc == 0 && found)
        rc = key_slot_info_get(buf_bytes(&file), &info);
    if (rc == 0 && found && info.kdf == slots->secret->kind) {
        rc = key_slot_open(buf_bytes(&file), slots->secret, slots->r->keys,
                           &slots->opened);
        if (rc == 0 && !slots->opened)
            rc = repo_unlock_is_whole(name, buf_bytes(&file));
        slots->any |= rc == 0;
    }
    if (slots->opened && !repo_unlock_fits(slots->r, slots->config)) {
        slots->opened = false;
        slots->foreign = true;
    }
    newer = rc == E_UNSUPPORTED &&
            repo_unlock_is_whole(name, buf_bytes(&file)) == 0;
    buf_release(&file);
    if (rc != E_CORRUPT && rc != E_UNSUPPORTED && rc != E_LIMIT)
        return rc;
    /* another slot may be sound */
    log_debug("%s: %s", name, err_text());
    if (newer)
        slots->newer = true;
    else
        slots->damaged = true;
    return 0;
}

int repo_unlock(struct repo *r, const struct key_slot_secret *secret,
                const struct object_id *config)
{
    struct repo_unlock_slots slots = {
        .r = r, .secret = secret, .config = config};
    int rc;

    r->keys = keyring_new();
    if (!r->keys)
        return err_set(E_NOMEM, "out of memory");
    rc = store_list(r->store, "keys", repo_unlock_try, &slots);
    if (rc < 0)
        return rc;
    if (!slots.opened && slots.damaged && !slots.any)
        return err_set(E_CORRUPT,
                       "%s: its key slots are damaged; restore what is below "
                       "keys/ from a copy",
                       store_place(r->store));
    if (!slots.opened && slots.newer && !slots.any)
        return err_set(E_UNSUPPORTED,
                       "%s: a newer version made its key slots: use that",
                       store_place(r->store));
    if (!slots.opened && slots.foreign)
        return err_set(E_CORRUPT,
                       "%s: config and key slot are of two repositories; "
                       "restore the one that was exchanged from a copy",
                       store_place(r->store));
    if (!slots.opened)
        return err_set(E_KEY, "%s: wrong %s%s", store_place(r->store),
                       secret->kind == KEY_SLOT_FILE ? "key file"
                                                     : "passphrase",
                       slots.damaged ? ", or that of a damaged key slot" : "");
    return keyring_set_public(r->keys, &r->config.data_public,
                              &r->config.meta_public);
}
