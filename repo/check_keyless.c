#include "repo/check_keyless.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/blake3.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/pipe.h"
#include "repo/check_list.h"
#include "repo/check_records.h"
#include "repo/record_journal.h"
#include "repo/reserve.h"
#include "store/store.h"

enum {
    CHECK_KEYLESS_PIECE = 1 << 20, /* read and hashed at a time */
    CHECK_KEYLESS_UNITS = 4,       /* for each thread: they are small */
    CHECK_KEYLESS_NAME = 10 + 3 + ID_HEX_CHARS + 1,
    CHECK_KEYLESS_STRAYS = 100 /* named; more are counted */
};

/* The folders whose objects are named by the hash of their bytes. */
static const struct {
    const char *prefix;
    enum check_kind kind;
} check_keyless_folder[] = {{"packs/", CHECK_PACK},
                            {"index/", CHECK_SEGMENT},
                            {"snapshots/", CHECK_SNAPSHOT},
                            {"keys/", CHECK_KEY}};

enum {
    CHECK_KEYLESS_FOLDERS =
        sizeof check_keyless_folder / sizeof check_keyless_folder[0]
};

struct check_hashed {
    struct object_id id;
    uint64_t bytes;
    unsigned folder;
};

struct check_keyless {
    struct store *store;
    const struct check_options *opt;
    struct check_report report;
    struct check_hashed *object;
    size_t object_n;
    size_t object_cap;
    uint64_t byte_n;
    struct check_records records;
    uint64_t stray_n;
    size_t next; /* object to be given out */
};

static void check_keyless_name(const struct check_hashed *o,
                               char out[CHECK_KEYLESS_NAME])
{
    const char *prefix = check_keyless_folder[o->folder].prefix;
    char hex[ID_HEX_CHARS + 1];

    (void)id_hex(o->id.b, sizeof o->id.b, hex);
    if (check_keyless_folder[o->folder].kind == CHECK_PACK)
        (void)snprintf(out, CHECK_KEYLESS_NAME, "%s%.2s/%s", prefix, hex, hex);
    else
        (void)snprintf(out, CHECK_KEYLESS_NAME, "%s%s", prefix, hex);
}

/* --- what there is --- */

static int check_keyless_add(struct check_keyless *c, const char *name,
                             uint64_t size, bool *is)
{
    struct check_hashed o = {.bytes = size};

    *is = check_list_id(name, &o.id);
    if (!*is)
        return 0;
    while (strncmp(name, check_keyless_folder[o.folder].prefix,
                   strlen(check_keyless_folder[o.folder].prefix)) != 0)
        o.folder++;
    if (!MEM_GROW(c->object, c->object_n, c->object_cap))
        return err_set(E_NOMEM, "out of memory");
    c->object[c->object_n++] = o;
    c->byte_n += size;
    return 0;
}

static int check_keyless_listed(void *ctx, const char *name, uint64_t size)
{
    struct check_keyless *c = ctx;
    bool is = strcmp(name, "config") == 0 || strcmp(name, RESERVE_NAME) == 0;
    int rc = 0;

    if (!is)
        rc = check_keyless_add(c, name, size, &is);
    if (rc == 0 && !is)
        rc = check_records_add(&c->records, name, &is);
    if (rc < 0 || is || c->stray_n++ >= CHECK_KEYLESS_STRAYS)
        return rc;
    return check_report_note(&c->report, CHECK_NAME, name,
                             "is nothing that belongs to a repository");
}

/* --- numbers without a gap --- */

/* The name of a record. */
static void check_keyless_record(const struct check_record *r, uint64_t number,
                                 char out[RECORD_NAME_MAX])
{
    static const struct writer_id none = {{0}};

    if (memcmp(r->writer.b, none.b, sizeof none.b) == 0)
        record_log_name(number, out);
    else
        record_journal_name(&r->writer, number, out);
}

/* The numbers from `from` on should be there in front of record r. What was
 * put while the store was listed need not have been listed. */
static int check_keyless_gap(struct check_keyless *c,
                             const struct check_record *r, uint64_t from)
{
    static const struct writer_id none = {{0}};
    bool log = memcmp(r->writer.b, none.b, sizeof none.b) == 0;
    char name[RECORD_NAME_MAX];
    uint64_t size;
    enum check_kind kind = log ? CHECK_LOG : CHECK_JOURNAL;
    bool found = true;
    int rc = 0;

    for (; rc == 0 && found && from < r->number; from += found) {
        check_keyless_record(r, from, name);
        rc = store_size(c->store, name, &size, &found);
    }
    if (rc < 0 || found)
        return check_report_rc(&c->report, rc, kind, name);
    return check_report_damage(&c->report, kind, name,
                               "missing, up to number %" PRIu64, r->number - 1);
}

static int check_keyless_numbers(struct check_keyless *c)
{
    const struct check_records *l = &c->records;
    int rc = 0;

    check_records_sort(&c->records);
    for (size_t i = 0; i < l->n && rc == 0;) {
        size_t end = i + check_records_run(l, i);
        uint64_t next = 0;

        for (; i < end && rc == 0; i++) {
            if (l->item[i].number > next)
                rc = check_keyless_gap(c, &l->item[i], next);
            next = l->item[i].number + 1;
        }
    }
    return rc;
}

/* --- reading --- */

/* One object, and what was found. */
struct check_keyless_unit {
    size_t object;
    uint64_t bytes; /* read */
    struct err_record why;
};

struct check_keyless_thread {
    uint8_t *piece;
};

static int check_keyless_init(void *ctx, void *state)
{
    struct check_keyless_thread *t = state;

    (void)ctx;
    t->piece = mem_alloc(CHECK_KEYLESS_PIECE);
    return t->piece ? 0 : err_set(E_NOMEM, "out of memory");
}

static void check_keyless_free(void *ctx, void *state)
{
    struct check_keyless_thread *t = state;

    (void)ctx;
    free(t->piece);
}

static int check_keyless_produce(void *ctx, void *unit, bool *end)
{
    struct check_keyless *c = ctx;
    struct check_keyless_unit *u = unit;

    *end = c->next == c->object_n;
    if (*end)
        return 0;
    u->object = c->next++;
    u->bytes = 0;
    u->why.code = 0;
    return 0;
}

/* Reads and hashes an object; one that was deleted meanwhile is fine. */
static int check_keyless_hash(struct check_keyless *c, const char *name,
                              uint64_t bytes, uint8_t *piece,
                              struct object_id *real, bool *found)
{
    struct blake3 h;
    int rc = 0;

    *found = true;
    blake3_init(&h);
    for (uint64_t at = 0; at < bytes && rc == 0 && *found;) {
        size_t n = bytes - at < CHECK_KEYLESS_PIECE ? (size_t)(bytes - at)
                                                    : CHECK_KEYLESS_PIECE;

        limit_wait(LIMIT_READ);
        rc = store_get_range(c->store, name, at, piece, n, found);
        if (rc == 0)
            rc = cancel_check(c->opt->cancel);
        if (rc == 0 && *found)
            blake3_update(&h, bytes_of(piece, n));
        at += n;
    }
    blake3_final(&h, real->b);
    return rc;
}

static int check_keyless_work(void *ctx, void *state, void *unit)
{
    struct check_keyless *c = ctx;
    struct check_keyless_thread *t = state;
    struct check_keyless_unit *u = unit;
    const struct check_hashed *o = &c->object[u->object];
    char name[CHECK_KEYLESS_NAME];
    struct object_id real;
    bool found;
    int rc;

    check_keyless_name(o, name);
    rc = check_keyless_hash(c, name, o->bytes, t->piece, &real, &found);
    if (rc == 0 && found && !object_id_equal(&real, &o->id))
        rc = err_set(E_CORRUPT, "its bytes are not those it is named after");
    u->bytes = o->bytes;
    if (!check_report_is(rc))
        return rc;
    err_save(rc, &u->why);
    return 0;
}

static int check_keyless_consume(void *ctx, void *unit)
{
    struct check_keyless *c = ctx;
    const struct check_keyless_unit *u = unit;
    const struct check_hashed *o = &c->object[u->object];
    struct check_progress *progress = c->opt->progress;
    char name[CHECK_KEYLESS_NAME];

    c->report.sum->objects++;
    c->report.sum->read_bytes += u->bytes;
    if (progress) {
        atomic_fetch_add(&progress->objects, 1);
        atomic_fetch_add(&progress->bytes, u->bytes);
    }
    if (!u->why.code)
        return 0;
    check_keyless_name(o, name);
    return check_report_rc(&c->report, err_load(&u->why),
                           check_keyless_folder[o->folder].kind, name);
}

static int check_keyless_read(struct check_keyless *c)
{
    unsigned threads = check_threads(c->opt);
    struct pipe_config config = {
        .produce = check_keyless_produce,
        .work = check_keyless_work,
        .consume = check_keyless_consume,
        .state_init = check_keyless_init,
        .state_free = check_keyless_free,
        .ctx = c,
        .unit_bytes = sizeof(struct check_keyless_unit),
        .state_bytes = sizeof(struct check_keyless_thread),
        .threads = threads,
        .depth = threads * CHECK_KEYLESS_UNITS,
        .cancel = c->opt->cancel};

    if (c->opt->progress) {
        atomic_store(&c->opt->progress->object_total, c->object_n);
        atomic_store(&c->opt->progress->byte_total, c->byte_n);
    }
    return pipe_run(&config);
}

/* --- all of it --- */

int check_keyless_slot(struct store *s, const struct object_id *id,
                       struct check_report *report)
{
    char name[CHECK_KEYLESS_NAME];
    struct key_slot_info info;
    struct object_id real;
    struct buf file;
    bool found;
    int rc;

    check_keyless_name(&(struct check_hashed){.id = *id, .folder = 3}, name);
    buf_init(&file, KEY_SLOT_BYTES_MAX);
    rc = store_get(s, name, &file, &found);
    if (rc == 0 && found) {
        blake3_hash(buf_bytes(&file), real.b);
        if (!object_id_equal(&real, id))
            rc = err_set(E_CORRUPT, "its bytes are not those it is named "
                                    "after");
        else
            rc = key_slot_info_get(buf_bytes(&file), &info);
        /* one for newer programs */
        if (rc == E_UNSUPPORTED)
            rc = 0;
    }
    buf_release(&file);
    return check_report_rc(report, rc, CHECK_KEY, name);
}

static int check_keyless_config(struct check_keyless *c)
{
    struct config config;
    int rc = repo_probe(c->store, &config);

    return check_report_rc(&c->report, rc, CHECK_CONFIG, "config");
}

int check_keyless(struct store *s, const struct check_options *opt,
                  check_report_fn *fn, void *ctx, struct check_summary *sum)
{
    struct check_keyless c = {.store = s, .opt = opt};
    int rc;

    check_report_init(&c.report, fn, ctx, sum);
    rc = check_keyless_config(&c);
    if (rc == 0)
        rc = store_list(s, "", check_keyless_listed, &c);
    if (rc == 0 && c.stray_n > CHECK_KEYLESS_STRAYS)
        rc =
            check_report_note(&c.report, CHECK_NAME, "",
                              "%" PRIu64 " more names that do not belong there",
                              c.stray_n - CHECK_KEYLESS_STRAYS);
    if (rc == 0)
        rc = check_keyless_numbers(&c);
    if (rc == 0)
        rc = check_keyless_read(&c);
    if (rc == 0)
        rc = check_report_end(&c.report);
    free(c.object);
    check_records_release(&c.records);
    check_report_release(&c.report);
    return rc;
}
