#include "repo/repo_unlock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blake3.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store.h"

enum { REPO_UNLOCK_LOOKS = 3 /* while slots are being replaced */ };

/* A slot of the secret's kind. Its bytes are kept: what is tried is what was
 * weighed, whatever the store shows the next time. */
struct repo_unlock_slot {
    char *name;
    uint8_t *file;
    size_t file_n;
    uint64_t cost; /* KiB times passes; 0 for a key file's */
};

struct repo_unlock {
    struct repo *r;
    const struct key_slot_secret *secret;
    const struct object_id *config; /* H(config) */
    struct repo_unlock_slot *slot;
    size_t n;
    size_t cap;
    uint64_t more;           /* slots beyond REPO_UNLOCK_SLOTS_MAX */
    struct err_record worst; /* of what could not be tried; code 0: none */
    bool opened;
    bool gone;    /* a slot was listed that was not there any more */
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

/* How much an error that kept a slot from being tried says. */
static int repo_unlock_weight(int rc)
{
    switch (rc) {
    case 0:
        return 0;
    case E_NOMEM:
        return 1;
    case E_USAGE: /* it is the secret's, not the slot's */
        return 3;
    default:
        return 2;
    }
}

/* What came of one slot, raised: another one may be sound. */
static void repo_unlock_note(struct repo_unlock *u, const char *name,
                             struct bytes file, int rc)
{
    bool newer;

    if (rc < 0)
        log_debug("%s: %s", name, err_text());
    if (rc < 0 && rc != E_CORRUPT && rc != E_UNSUPPORTED && rc != E_LIMIT) {
        if (repo_unlock_weight(rc) > repo_unlock_weight(u->worst.code))
            err_save(rc == E_USAGE ? rc : err_add(rc, "%s", name), &u->worst);
        return;
    }
    newer = rc == E_UNSUPPORTED && repo_unlock_is_whole(name, file) == 0;
    u->newer |= newer;
    u->damaged |= rc < 0 && !newer;
}

/* --- what slots there are --- */

static int repo_unlock_add(struct repo_unlock *u, const char *name,
                           struct bytes file, uint64_t cost)
{
    struct repo_unlock_slot *s;

    if (!MEM_GROW(u->slot, u->n, u->cap))
        return err_set(E_NOMEM, "out of memory");
    s = &u->slot[u->n];
    s->name = mem_dup(bytes_of_str(name));
    s->file = mem_dup(file);
    s->file_n = file.n;
    s->cost = cost;
    if (!s->name || !s->file) {
        free(s->name);
        free(s->file);
        return err_set(E_NOMEM, "out of memory");
    }
    u->n++;
    return 0;
}

static int repo_unlock_find(void *ctx, const char *name, uint64_t size)
{
    struct repo_unlock *u = ctx;
    struct key_slot_info info;
    struct buf file;
    bool found = false;
    int rc = 0;

    buf_init(&file, KEY_SLOT_BYTES_MAX);
    if (size > KEY_SLOT_BYTES_MAX)
        rc = err_set(E_CORRUPT, "too long for a key slot");
    else
        rc = store_get(u->r->store, name, &file, &found);
    u->gone |= rc == 0 && !found && size <= KEY_SLOT_BYTES_MAX;
    if (rc == 0 && found)
        rc = key_slot_info_get(buf_bytes(&file), &info);
    if (rc == 0 && found && info.kdf == u->secret->kind) {
        if (u->n == REPO_UNLOCK_SLOTS_MAX)
            u->more++;
        else
            rc = repo_unlock_add(u, name, buf_bytes(&file),
                                 info.kdf == KEY_SLOT_FILE
                                     ? 0
                                     : (uint64_t)info.passes * info.kib);
    }
    repo_unlock_note(u, name, buf_bytes(&file), rc);
    buf_release(&file);
    return 0;
}

static int repo_unlock_cheaper(const void *a, const void *b)
{
    const struct repo_unlock_slot *x = a;
    const struct repo_unlock_slot *y = b;

    return (x->cost > y->cost) - (x->cost < y->cost);
}

/* --- trying them --- */

/* Returns what trying s has cost. */
static uint64_t repo_unlock_try(struct repo_unlock *u,
                                const struct repo_unlock_slot *s)
{
    struct bytes file = bytes_of(s->file, s->file_n);
    int rc;

    /* what is out of bounds, or finds no memory, has cost nothing */
    rc = key_slot_open(file, u->secret, u->r->keys, &u->opened);
    if (rc < 0) {
        repo_unlock_note(u, s->name, file, rc);
        return rc == E_CORRUPT ? s->cost : 0;
    }
    if (u->opened)
        rc = key_slot_info_get(file, &u->r->slot);
    if (u->opened && (rc < 0 || !repo_unlock_fits(u->r, u->config))) {
        u->opened = false;
        u->foreign = true;
        u->any = true;
    } else if (u->opened) {
        blake3_hash(file, u->r->slot_id.b);
        u->r->slot_epochs = u->r->keys->held;
    } else {
        rc = repo_unlock_is_whole(s->name, file);
        repo_unlock_note(u, s->name, file, rc);
        u->any |= rc == 0;
    }
    return s->cost;
}

/* Returns how many of the slots were tried. */
static size_t repo_unlock_each(struct repo_unlock *u)
{
    const uint64_t budget =
        (uint64_t)REPO_UNLOCK_BUDGET * KEY_SLOT_PASSES * KEY_SLOT_KIB;
    uint64_t spent = 0;
    size_t i;

    if (u->n > 0)
        qsort(u->slot, u->n, sizeof *u->slot, repo_unlock_cheaper);
    for (i = 0; i < u->n && !u->opened; i++) {
        if (u->slot[i].cost > 0 && spent >= budget)
            break;
        spent += repo_unlock_try(u, &u->slot[i]);
    }
    return i;
}

/* --- what to say --- */

static int repo_unlock_untried(const struct repo_unlock *u, size_t tried)
{
    enum { NAMED = 3 };
    uint64_t left = u->n - tried + u->more;
    char names[NAMED * (STORE_NAME_MAX + 2) + 1] = "";
    size_t at = 0;

    for (size_t i = tried; i < u->n && i - tried < NAMED; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s",
                               at > 0 ? ", " : "", u->slot[i].name);
    for (size_t i = tried; i < u->n; i++)
        log_debug("%s: not tried", u->slot[i].name);
    return err_set(
        E_LIMIT,
        "%s: the %s opens none of the %zu cheapest key slots; %llu that would "
        "cost too much time were not tried (%s%s). Somebody who can write "
        "there may have added slots: move out of keys/ those that are not "
        "yours, and try again",
        store_place(u->r->store),
        u->secret->kind == KEY_SLOT_FILE ? "key file" : "passphrase", tried,
        (unsigned long long)left, at > 0 ? names : "more than are looked at",
        at > 0 && left > NAMED ? ", ..." : "");
}

/* Why no slot opened. */
static int repo_unlock_why(const struct repo_unlock *u, size_t tried)
{
    const char *place = store_place(u->r->store);

    if (u->worst.code < 0)
        return err_load(&u->worst);
    if (tried < u->n || u->more > 0)
        return repo_unlock_untried(u, tried);
    if (u->damaged && !u->any)
        return err_set(E_CORRUPT,
                       "%s: its key slots are damaged; restore what is below "
                       "keys/ from a copy",
                       place);
    if (u->newer && !u->any)
        return err_set(E_UNSUPPORTED,
                       "%s: a newer version made its key slots: use that",
                       place);
    if (u->foreign)
        return err_set(E_CORRUPT,
                       "%s: config and key slot are of two repositories; "
                       "restore the one that was exchanged from a copy",
                       place);
    return err_set(E_KEY, "%s: wrong %s%s", place,
                   u->secret->kind == KEY_SLOT_FILE ? "key file" : "passphrase",
                   u->damaged ? ", or that of a damaged key slot" : "");
}

static void repo_unlock_release(struct repo_unlock *u)
{
    for (size_t i = 0; i < u->n; i++) {
        free(u->slot[i].name);
        free(u->slot[i].file);
    }
    free(u->slot);
}

/* Lists the slots and tries them. Returns whether to do so once more: one may
 * have been replaced while the others were listed. */
static bool repo_unlock_once(struct repo_unlock *u, size_t *tried)
{
    int rc;

    repo_unlock_release(u);
    u->slot = NULL;
    u->n = u->cap = 0;
    u->gone = false;
    /* what was listed before a failure may hold the right one */
    rc = store_list(u->r->store, "keys", repo_unlock_find, u);
    if (rc < 0)
        err_save(rc, &u->worst);
    *tried = repo_unlock_each(u);
    return !u->opened && u->gone;
}

int repo_unlock(struct repo *r, const struct key_slot_secret *secret,
                const struct object_id *config)
{
    struct repo_unlock u = {.r = r, .secret = secret, .config = config};
    bool again = true;
    size_t tried = 0;
    int rc;

    r->keys = keyring_new();
    if (!r->keys)
        return err_set(E_NOMEM, "out of memory");
    for (int i = 0; i < REPO_UNLOCK_LOOKS && again; i++)
        again = repo_unlock_once(&u, &tried);
    rc = u.opened ? keyring_set_public(r->keys, &r->config.data_public,
                                       &r->config.meta_public)
                  : repo_unlock_why(&u, tried);
    repo_unlock_release(&u);
    return rc;
}
