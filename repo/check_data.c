#include "repo/check_data.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/pipe.h"
#include "repo/pack_claim.h"
#include "repo/pack_verify.h"

enum { CHECK_DATA_UNITS = 4 }; /* for each thread: they are small */

struct check_data {
    struct check_view *v;
    const struct check_options *opt;
    size_t next; /* pack to be given out */
};

/* One pack, and what was found. */
struct check_data_unit {
    size_t pack;
    uint64_t damages;
    char first[sizeof((struct pack_damage *)0)->text];
    bool missing;
    struct err_record unread; /* why it could not be read */
    bool foreign; /* its directory is not the one that its segment holds */
};

struct check_data_thread {
    struct frame_ctx *frame;
    struct buf file;
};

static int check_data_init(void *ctx, void *state)
{
    struct check_data_thread *t = state;

    (void)ctx;
    buf_init(&t->file, PACK_FULL_BYTES);
    return frame_ctx_new(&t->frame);
}

static void check_data_free(void *ctx, void *state)
{
    struct check_data_thread *t = state;

    (void)ctx;
    frame_ctx_free(t->frame);
    buf_release(&t->file);
}

static int check_data_produce(void *ctx, void *unit, bool *end)
{
    struct check_data *d = ctx;
    struct check_data_unit *u = unit;
    const struct check_view *v = d->v;

    while (d->next < v->pack_n &&
           (v->pack[d->next].state == CHECK_PACK_MISSING ||
            v->pack[d->next].state == CHECK_PACK_DOOMED))
        d->next++;
    *end = d->next == v->pack_n;
    if (!*end)
        *u = (struct check_data_unit){.pack = d->next++};
    return 0;
}

static int check_data_damage(void *ctx, const struct pack_damage *damage)
{
    struct check_data_unit *u = ctx;

    if (u->damages++ == 0)
        memcpy(u->first, damage->text, sizeof u->first);
    return 0;
}

static int check_data_work(void *ctx, void *state, void *unit)
{
    const struct check_data *d = ctx;
    struct check_data_thread *t = state;
    struct check_data_unit *u = unit;
    const struct check_pack *p = &d->v->pack[u->pack];
    struct check_chains *c = d->v->chains;
    struct object_id dir;
    struct pack_info info;
    int rc = pack_verify(c->store, c->keys, t->frame, &p->id, &t->file, &info,
                         check_data_damage, u);

    u->missing = rc == E_CORRUPT && t->file.n == 0;
    if (rc == 0)
        pack_claim_dir(buf_bytes(&info.dir), &dir);
    if (rc == 0)
        u->foreign =
            !object_id_equal(&dir, &p->dir) ||
            memcmp(info.writer.b, p->writer.b, sizeof p->writer.b) != 0 ||
            info.kind != p->kind;
    pack_info_release(&info);
    if (rc == E_STORE)
        err_save(rc, &u->unread);
    return check_report_is(rc) ? 0 : rc;
}

static int check_data_report(struct check_data *d, struct check_pack *p,
                             const struct check_data_unit *u)
{
    char name[PACK_LAYOUT_NAME_MAX];

    p->state = CHECK_PACK_DOUBTED;
    pack_layout_name(&p->id, name);
    if (u->unread.code)
        return check_report_rc(d->v->report, err_load(&u->unread), CHECK_PACK,
                               name);
    if (u->foreign)
        return check_report_damage(d->v->report, CHECK_PACK, name,
                                   "is not what its segment says of it");
    if (u->damages == 1)
        return check_report_damage(d->v->report, CHECK_PACK, name, "%s",
                                   u->first);
    return check_report_damage(d->v->report, CHECK_PACK, name,
                               "%s (and %" PRIu64 " things more)", u->first,
                               u->damages - 1);
}

static int check_data_consume(void *ctx, void *unit)
{
    struct check_data *d = ctx;
    const struct check_data_unit *u = unit;
    struct check_pack *p = &d->v->pack[u->pack];
    struct check_progress *progress = d->opt->progress;

    d->v->report->sum->read_bytes += p->bytes;
    if (progress) {
        atomic_fetch_add(&progress->objects, 1);
        atomic_fetch_add(&progress->bytes, p->bytes);
    }
    p->read = !u->missing && !u->unread.code;
    p->spoilt = p->read && (u->damages || u->foreign);
    if (u->missing)
        return check_view_lose(d->v, p);
    return u->damages || u->foreign || u->unread.code
               ? check_data_report(d, p, u)
               : 0;
}

int check_data_run(struct check_view *v, const struct check_options *opt,
                   unsigned threads)
{
    struct check_data d = {.v = v, .opt = opt};
    struct pipe_config config = {.produce = check_data_produce,
                                 .work = check_data_work,
                                 .consume = check_data_consume,
                                 .state_init = check_data_init,
                                 .state_free = check_data_free,
                                 .ctx = &d,
                                 .unit_bytes = sizeof(struct check_data_unit),
                                 .state_bytes =
                                     sizeof(struct check_data_thread),
                                 .threads = threads,
                                 .depth = threads * CHECK_DATA_UNITS,
                                 .cancel = opt->cancel};

    if (opt->progress) {
        atomic_store(&opt->progress->object_total, v->report->sum->packs);
        atomic_store(&opt->progress->byte_total, v->report->sum->pack_bytes);
    }
    return pipe_run(&config);
}
