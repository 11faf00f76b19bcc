#include "repo/job/snap_stream.h"

#include <stdlib.h>

#include "base/mem.h"

struct snap_stream {
    struct stream *stream;
    struct cutter *cutter;
    size_t chunk_max;
    struct entry file; /* while is_reading: the file's; lent by the stream */
    bool is_reading;
    bool is_first; /* no part of it was made yet */
};

int snap_stream_new(const struct snap_stream_config *config,
                    struct snap_stream **out)
{
    struct snap_stream *s = mem_alloc(sizeof *s);
    int rc;

    *out = NULL;
    if (!s)
        return err_set(E_NOMEM, "out of memory");
    s->chunk_max = config->chunker->params.max;
    s->cutter = cutter_new(config->chunker);
    rc = s->cutter ? stream_new(config->path, &config->input, config->owners,
                                &s->stream)
                   : err_set(E_NOMEM, "out of memory");
    if (rc < 0) {
        snap_stream_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void snap_stream_free(struct snap_stream *s)
{
    if (!s)
        return;
    cutter_free(s->cutter);
    stream_free(s->stream);
    free(s);
}

static int snap_stream_run(void *ctx, uint8_t *buf, size_t cap,
                           struct reader_run *run)
{
    struct snap_stream *s = ctx;

    return stream_read(s->stream, buf, cap, run);
}

static int snap_stream_part(struct snap_stream *s, struct snap_unit *u)
{
    struct snap_item *it = snap_unit_add(u, SNAP_PART);
    bool end = false;
    int rc = cutter_fill(s->cutter, &u->buf, &u->pieces, &end);

    it->first = s->is_first;
    it->last = end;
    it->piece_n = u->pieces.n;
    s->is_first = false;
    if (rc < 0 || !end)
        return rc;
    s->is_reading = false;
    stream_finish(s->stream, &s->file);
    return snap_unit_entry(u, it, &s->file);
}

static int snap_stream_step(struct snap_stream *s, struct snap_unit *u,
                            bool *end)
{
    struct walk_item step;
    struct snap_item *it;
    int rc = stream_next(s->stream, &step);

    if (rc < 0)
        return rc;
    *end = step.kind == WALK_END;
    if (step.kind == WALK_LEAVE)
        (void)snap_unit_add(u, SNAP_LEAVE);
    if (step.kind == WALK_ENTRY) {
        s->file = step.entry;
        s->is_reading = s->is_first = true;
        cutter_start_at(s->cutter, snap_stream_run, s);
    }
    if (step.kind != WALK_ENTER)
        return 0;
    it = snap_unit_add(u, SNAP_ENTER);
    it->has_attrs = true; /* there is nothing to look them up in */
    return snap_unit_entry(u, it, &step.entry);
}

int snap_stream_next(struct snap_stream *s, struct snap_unit *u, bool *end)
{
    bool is_over = false;
    int rc = snap_unit_reset(u, s->chunk_max);

    while (rc == 0 && !is_over && !s->is_reading && u->n < SNAP_UNIT_ITEMS)
        rc = snap_stream_step(s, u, &is_over);
    if (rc == 0 && s->is_reading && u->n == 0)
        rc = snap_stream_part(s, u);
    *end = rc == 0 && u->n == 0;
    return rc;
}
