#include "tests/faults/key_rig.h"

#include <stdio.h>
#include <string.h>

#include "repo/check.h"
#include "repo/journal_list.h"
#include "repo/key_change.h"
#include "repo/key_remove.h"
#include "repo/repo_log.h"
#include "repo/repo_role.h"
#include "repo/rotate.h"
#include "repo/slot_list.h"
#include "repo/writer.h"
#include "store/local.h"

static struct fault_kit *kit;
static struct store *shared;
enum { SPOILED = 9 };   /* the number of a record that is none */
static uint32_t others; /* epochs that key_rig_other() has begun */

/* Of 32 bytes each: no Argon2 in a loop of hundreds of runs. */
static const struct key_slot_secret founder = {
    KEY_SLOT_FILE, {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32}};
static const struct key_slot_secret second = {
    KEY_SLOT_FILE, {(const uint8_t *)"a second one that may do as much", 32}};
static const struct key_slot_secret host = {
    KEY_SLOT_FILE, {(const uint8_t *)"the host has this one, of 32 b ..", 32}};
static const struct key_slot_secret fresh = {
    KEY_SLOT_FILE, {(const uint8_t *)"and this one is what comes new ..", 32}};
static const struct key_slot_secret phrase = {KEY_SLOT_PASSPHRASE,
                                              {(const uint8_t *)"a phrase", 8}};

void key_rig_use(struct fault_kit *k, struct store *s)
{
    kit = k;
    shared = s;
}

/* --- keys --- */

static int open_at(const struct key_slot_secret *secret, const char *cache,
                   bool no_index, struct store **s, struct repo **r)
{
    struct repo_open_options opt = {
        .secret = secret, .cache_root = cache, .no_index = no_index};
    int rc = 0;

    *s = NULL;
    *r = NULL;
    if (!shared)
        rc = local_open(kit->repo, s);
    return rc < 0 ? rc : repo_open(shared ? shared : *s, &opt, r);
}

int key_rig_open(const struct key_slot_secret *secret, struct store **s,
                 struct repo **r)
{
    return open_at(secret, kit->cache, false, s, r);
}

void key_rig_close(struct store *s, struct repo *r)
{
    repo_close(r);
    store_close(s);
}

/* What working with a secret returns: E_KEY where no slot opens, E_ROLE where
 * it is no active member's. */
static int works(const struct key_slot_secret *secret)
{
    struct writer *w = NULL;
    struct store *s;
    struct repo *r;
    int rc = key_rig_open(secret, &s, &r);
    bool writes =
        r && (r->keys->role == KEYRING_FULL || r->keys->role == KEYRING_WRITE);

    if (rc == 0)
        rc = repo_role_active(r);
    if (rc == 0 && writes)
        rc = writer_open(r, bytes_of_str("probe@x"), &w);
    if (rc == 0 && writes)
        rc = writer_end(w);
    writer_free(w);
    key_rig_close(s, r);
    return rc;
}

static const struct members_one *called(const struct repo *r, const char *label)
{
    const struct members *m = &r->state.members;

    for (size_t i = m->n; i-- > 0;) {
        if (strcmp(m->one[i].label, label) == 0)
            return &m->one[i];
    }
    return NULL;
}

/* How many slots say that label. */
static size_t slots_of(struct store *s, const char *label)
{
    struct slot_list l = {.item = NULL};
    size_t n = 0;

    if (slot_list_load(s, &l) < 0)
        return SIZE_MAX;
    for (size_t i = 0; i < l.n; i++)
        n += strcmp(l.item[i].info.label, label) == 0;
    slot_list_release(&l);
    return n;
}

/* What the founder sees. */
struct seen {
    int rc;
    bool is_member; /* the label is somebody's ... */
    enum record_standing standing;
    size_t slots; /* of that label */
    uint32_t epochs;
    enum record_trust trust;
    uint64_t vouched;
};

static struct seen see(const struct key_slot_secret *by, const char *label)
{
    const struct members_one *one;
    struct store *s;
    struct repo *r;
    struct seen x = {.rc = key_rig_open(by, &s, &r)};

    if (x.rc == 0) {
        one = called(r, label);
        x.is_member = one != NULL;
        x.standing = one ? one->standing : RECORD_ACTIVE;
        x.slots = slots_of(r->store, label);
        x.epochs = r->state.epochs;
        x.trust = r->state.members.trust;
        x.vouched = r->state.vouched.n;
    }
    key_rig_close(s, r);
    return x;
}

/* --- what is done --- */

static int add(struct repo *r, const struct key_rig_change *c)
{
    struct key_change_new n = {
        .role = c->role, .label = "fresh", .secret = c->to};
    struct member_id id;

    return key_change_add(r, &n, &id);
}

static int remove_host(struct repo *r, const struct key_rig_change *c)
{
    const struct members_one *one = called(r, "host");
    struct key_remove_result done;

    (void)c;
    return one ? key_remove(r, &one->id, false, &done)
               : err_set(E_INTERNAL, "the host is no member");
}

/* Puts what nobody can read into a journal of that member, some records behind
 * its last: doing it again finds it there. */
static int spoil(struct repo *r, const struct member_id *id)
{
    struct journal_list list = {.item = NULL};
    enum store_outcome outcome;
    char name[RECORD_NAME_MAX];
    int rc = journal_list_load(r->store, &list);
    size_t i = 0;

    while (rc == 0 && i < list.n && !members_owns(id, &list.item[i].writer))
        i++;
    if (rc == 0 && i == list.n)
        rc = err_set(E_INTERNAL, "the host has no journal");
    if (rc == 0) {
        record_journal_name(&list.item[i].writer, SPOILED, name);
        rc = store_put(r->store, name, bytes_of_str("no record"), &outcome);
    }
    journal_list_release(&list);
    return rc;
}

/* What it did before is void from the damage on. */
static int remove_forced(struct repo *r, const struct key_rig_change *c)
{
    const struct members_one *one = called(r, "host");
    struct key_remove_result done;
    struct member_id id;
    int rc;

    (void)c;
    if (!one)
        return err_set(E_INTERNAL, "the host is no member");
    id = one->id;
    rc = spoil(r, &id);
    if (rc == 0 && one->standing == RECORD_ACTIVE) {
        rc = key_remove(r, &id, false, &done);
        if (rc == 0)
            return err_set(E_INTERNAL, "damage was passed over unasked");
        if (rc == E_REFUSED)
            err_ignore(rc, "as it has to be");
        rc = rc == E_REFUSED ? 0 : rc;
    }
    return rc < 0 ? rc : key_remove(r, &id, true, &done);
}

/* Its own key, as far as that goes; whoever else has a full one finishes. */
static int leave(struct repo *r, const struct key_rig_change *c)
{
    const struct members_one *one = called(r, "second");
    struct key_remove_result done;

    (void)c;
    return one ? key_remove(r, &one->id, true, &done)
               : err_set(E_INTERNAL, "the second is no member");
}

static int passwd(struct repo *r, const struct key_rig_change *c)
{
    return key_change_secret(r, c->to);
}

static int rotate(struct repo *r, const struct key_rig_change *c)
{
    struct rotate_result res;

    return rotate_run(r, c->by, &res);
}

static int trust(struct repo *r, const struct key_rig_change *c)
{
    (void)c;
    return key_change_trust(r, RECORD_TRUST_SHARED);
}

static int no_finding(void *ctx, const struct check_finding *f)
{
    (void)ctx;
    if (f->damage && !kit->report->problem[0])
        (void)snprintf(kit->report->problem, sizeof kit->report->problem,
                       "%s %s: %s", check_kind_name(f->kind), f->object,
                       f->text);
    return 0;
}

/* A vouch that cannot be put is a note: for this rig it has failed. */
static int vouch(struct repo *r, const struct key_rig_change *c)
{
    struct check_options opt = {.read_data = true, .threads = 1};
    struct check_summary sum = {.vouched = 0};
    bool before = r->state.vouched.n > 0;
    int rc = check_run(r, &opt, no_finding, NULL, &sum);

    (void)c;
    if (rc == E_CORRUPT)
        return err_set(E_INTERNAL, "a failure was taken for damage: %s",
                       kit->report->problem);
    if (rc == 0 && sum.vouched == 0 && !before)
        return err_set(E_STORE, "nothing is vouched for");
    return rc;
}

/* --- what must hold --- */

static const char *holds_added(const struct key_rig_change *c, bool reported,
                               bool again)
{
    int rc = works(c->to);
    struct seen x;

    if (rc < 0 && reported)
        return "a key that was added does not work";
    if (rc < 0 && rc != E_KEY && rc != E_ROLE)
        return "a key that was not added is neither absent nor no member";
    if (works(&host) < 0)
        return "another key does not work any more";
    x = see(&founder, "fresh");
    if (x.rc < 0)
        return "the founder's key does not open";
    if (x.is_member && (rc < 0 || x.slots == 0))
        return "there is a member that no slot opens";
    if (again && x.slots != 1)
        return "slots of attempts that failed are left";
    if (x.trust != RECORD_TRUST_OWN)
        return "trust has changed";
    return NULL;
}

static const char *holds_passwd(const struct key_rig_change *c, bool reported,
                                bool again)
{
    int old = works(&host);
    int new = works(c->to);

    if (old < 0 && new < 0)
        return "neither secret works";
    if ((reported || again) && (new < 0 || old != E_KEY))
        return "the new secret is not the only one";
    if ((old < 0 && old != E_KEY) || (new < 0 && new != E_KEY))
        return "a secret opens something that does not write";
    if (again && see(&founder, "host").slots != 1)
        return "slots of attempts that failed are left";
    return NULL;
}

/* The holder has a copy of the slot. */
static bool bring_slots_back(void)
{
    return scratch_run("cp -n '%s'/slots/* '%s'/keys/", kit->dir, kit->repo);
}

static const char *holds_removed(const struct key_rig_change *c, bool reported,
                                 bool again)
{
    struct seen x;
    int rc = works(&host);

    (void)c;
    if ((reported || again) && rc != E_KEY)
        return "its slot is left";
    /* a store in memory has no such thief */
    if (!shared && !bring_slots_back())
        return "cp";
    if (!shared)
        rc = works(&host);
    if ((reported || again) && rc != (shared ? E_KEY : E_ROLE))
        return "a key that was removed writes";
    if (rc < 0 && rc != E_ROLE && rc != E_KEY)
        return "the key neither works nor is removed";
    x = see(&founder, "host");
    if (x.rc < 0)
        return "the founder's key does not open";
    if (rc == E_KEY && x.standing != RECORD_REMOVED)
        return "its slot was deleted before it was removed";
    if ((reported || again) && x.standing != RECORD_REMOVED)
        return "it is not removed";
    return NULL;
}

static const char *holds_left(const struct key_rig_change *c, bool reported,
                              bool again)
{
    int rc = works(&second);
    struct seen x = see(&founder, "second");

    (void)c;
    if (x.rc < 0)
        return "the founder's key does not open";
    if (reported && (rc != E_KEY || x.standing == RECORD_ACTIVE))
        return "a key that has left works";
    if (again && (rc != E_KEY || x.standing != RECORD_REMOVED || x.slots > 0))
        return "it is not removed";
    if (rc < 0 && rc != E_KEY && rc != E_ROLE)
        return "the key neither works nor has left";
    return NULL;
}

/* The slot alone, without a look at the log, holds all keys but those that
 * others have begun since. */
static bool slot_holds(uint32_t epochs)
{
    struct store *s;
    struct repo *r;
    int rc = open_at(&founder, NULL, true, &s, &r);
    bool yes = rc == 0 && r->keys->held + others >= epochs;

    key_rig_close(s, r);
    return yes;
}

static const char *holds_rotated(const struct key_rig_change *c, bool reported,
                                 bool again)
{
    struct seen x = see(&founder, ""); /* the first has no label */

    (void)c;
    if (x.rc < 0)
        return "the founder's key does not open";
    if (works(&founder) < 0 || works(&second) < 0 || works(&host) < 0)
        return "a key does not work any more";
    if (x.epochs < 1 || x.epochs > others + (again ? 3 : 2))
        return "there are other epochs than were begun";
    if ((reported || again) && x.epochs < 2)
        return "no epoch has begun";
    if ((reported || again) && !slot_holds(x.epochs))
        return "the slot lacks keys";
    if ((reported || again) && x.slots != 1)
        return "older slots of the key are left";
    return NULL;
}

static const char *holds_trusted(const struct key_rig_change *c, bool reported,
                                 bool again)
{
    struct seen x = see(&founder, "host");

    (void)c;
    if (x.rc < 0 || works(&host) < 0)
        return "a key does not work any more";
    if ((reported || again) && x.trust != RECORD_TRUST_SHARED)
        return "trust is what it was";
    return NULL;
}

static const char *holds_vouched(const struct key_rig_change *c, bool reported,
                                 bool again)
{
    struct seen x = see(&founder, "host");

    (void)c;
    if (x.rc < 0 || works(&host) < 0)
        return "a key does not work any more";
    if ((reported || again) && x.vouched == 0)
        return "nothing is vouched for";
    return NULL;
}

const struct key_rig_change key_rig_changes[] = {
    {"add write", add, &founder, &fresh, KEYRING_WRITE, holds_added, 1},
    {"add full", add, &founder, &fresh, KEYRING_FULL, holds_added, 3},
    {"add read", add, &founder, &fresh, KEYRING_READ, holds_added, 3},
    {"add maintain", add, &founder, &fresh, KEYRING_MAINTAIN, holds_added, 3},
    {"add phrase", add, &founder, &phrase, KEYRING_WRITE, holds_added, 7},
    {"passwd", passwd, &host, &fresh, KEYRING_WRITE, holds_passwd, 1},
    {"passwd phrase", passwd, &host, &phrase, KEYRING_WRITE, holds_passwd, 7},
    {"remove", remove_host, &founder, NULL, KEYRING_WRITE, holds_removed, 1},
    {"remove forced", remove_forced, &founder, NULL, KEYRING_WRITE,
     holds_removed, 2},
    {"leave", leave, &second, NULL, KEYRING_FULL, holds_left, 1},
    {"rotate", rotate, &founder, NULL, KEYRING_FULL, holds_rotated, 1},
    {"trust", trust, &founder, NULL, KEYRING_FULL, holds_trusted, 1},
    {"vouch", vouch, &founder, NULL, KEYRING_FULL, holds_vouched, 1},
};
const size_t key_rig_n = sizeof key_rig_changes / sizeof key_rig_changes[0];

const struct key_rig_change *key_rig_find(const char *name)
{
    for (size_t i = 0; i < key_rig_n; i++) {
        if (strcmp(key_rig_changes[i].name, name) == 0)
            return &key_rig_changes[i];
    }
    return NULL;
}

/* --- steps --- */

static int add_member(struct repo *r, enum keyring_role role, const char *label,
                      const struct key_slot_secret *secret)
{
    struct key_change_new n = {.role = role, .label = label, .secret = secret};
    struct member_id id;

    return key_change_add(r, &n, &id);
}

int key_rig_prepare(uint64_t *snapshots)
{
    struct writer *w = NULL;
    struct store *s;
    struct repo *r;
    int rc = key_rig_open(&founder, &s, &r);

    if (rc == 0)
        rc = add_member(r, KEYRING_FULL, "second", &second);
    if (rc == 0)
        rc = add_member(r, KEYRING_WRITE, "host", &host);
    key_rig_close(s, r);
    if (rc < 0)
        return rc;
    rc = key_rig_open(&host, &s, &r);
    if (rc == 0)
        rc = fault_kit_back_up(kit, r, kit->source);
    if (rc == 0)
        rc = repo_refresh(r);
    if (rc == 0)
        rc = fault_kit_count(r, snapshots, NULL);
    if (rc == 0)
        rc = writer_open(r, bytes_of_str("dies@x"), &w);
    writer_free(w);
    key_rig_close(s, r);
    return rc;
}

int key_rig_run(const struct key_rig_change *c, void (*opened)(void *ctx),
                void *ctx)
{
    struct store *s;
    struct repo *r;
    int rc = key_rig_open(c->by, &s, &r);

    if (rc == 0 && opened)
        opened(ctx);
    if (rc == 0)
        rc = c->run(r, c);
    key_rig_close(s, r);
    return rc;
}

int key_rig_again(const struct key_rig_change *c)
{
    struct store *s;
    struct repo *r;
    int rc = key_rig_open(c->run == leave ? &founder : c->by, &s, &r);

    if (rc == E_KEY && c->run == passwd) {
        key_rig_close(s, r);
        rc = key_rig_open(c->to, &s, &r);
    }
    if (rc == 0)
        rc = c->run(r, c);
    if (rc == E_REFUSED && c->run == add && called(r, "fresh"))
        rc = 0; /* it came, and nobody heard */
    key_rig_close(s, r);
    return rc;
}

int key_rig_look(const struct key_rig_change *c, bool reported, bool again,
                 uint64_t snapshots)
{
    const char *wrong = c->holds(c, reported, again);
    struct store *s;
    struct repo *r;
    uint64_t n = 0;
    int rc;

    if (wrong)
        return err_set(E_INTERNAL, "%s: %s", c->name, wrong);
    rc = key_rig_open(&founder, &s, &r);
    /* until it is removed, its damage is damage */
    if (rc == 0 && (c->run != remove_forced || reported || again))
        rc = fault_kit_check(kit, r);
    if (rc == 0)
        rc = fault_kit_count(r, &n, NULL);
    if (rc == 0 && n != snapshots)
        rc = err_set(E_INTERNAL, "%lu snapshots", (unsigned long)n);
    key_rig_close(s, r);
    return rc;
}

static int say_policy(void *ctx, const struct repo *r, struct repo_log_draft *d)
{
    (void)ctx;
    (void)r;
    d->type = RECORD_POLICY;
    d->says.text = bytes_of_str("keep all");
    return 0;
}

int key_rig_other(const struct key_rig_change *c, bool rotates)
{
    const struct key_slot_secret *by = c->by == &second ? &founder : &second;
    char cache[FAULT_KIT_PATH + 8];
    struct rotate_result res;
    struct store *s;
    struct repo *r;
    int rc;

    (void)snprintf(cache, sizeof cache, "%s-other", kit->cache);
    rc = open_at(by, cache, false, &s, &r);
    if (rc == 0)
        rc = rotates ? rotate_run(r, by, &res)
                     : repo_log_append(r, say_policy, NULL, NULL);
    others += rc == 0 && rotates;
    key_rig_close(s, r);
    if (rc == E_REFUSED && rotates) {
        err_ignore(rc, "a key is leaving just now");
        rc = 0;
    }
    return rc;
}
