#include "repo/manifest.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/fields.h"

enum {
    MANIFEST_LIST_MAX = 100000, /* roots, tags */
    MANIFEST_UTC_MAX = 86400
};

bool manifest_series_ok(struct bytes series)
{
    if (series.n == 0 || series.n > MANIFEST_SERIES_MAX)
        return false;
    for (size_t i = 0; i < series.n; i++) {
        uint8_t c = series.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!letter && !(c >= '0' && c <= '9') &&
            (c == 0 || !strchr("._@+-", c)))
            return false;
    }
    return true;
}

/* --- writing: composite values are made in tmp first --- */

static void manifest_put_tmp(struct fields_out *o, uint64_t tag,
                             struct buf *tmp)
{
    if (tmp->rc < 0)
        o->to->rc = tmp->rc;
    fields_put(o, tag, buf_bytes(tmp));
    buf_reset(tmp);
}

static void manifest_put_time(struct buf *b, struct entry_time t)
{
    codec_put_svarint(b, t.s);
    codec_put_varint(b, t.ns);
}

static void manifest_put_strings(struct fields_out *o, uint64_t tag,
                                 const struct bytes *s, size_t n,
                                 struct buf *tmp)
{
    codec_put_varint(tmp, n);
    for (size_t i = 0; i < n; i++)
        codec_put_string(tmp, s[i]);
    manifest_put_tmp(o, tag, tmp);
}

static void manifest_put_stats(struct fields_out *o,
                               const struct manifest_stats *s, struct buf *tmp)
{
    codec_put_varint(tmp, s->files);
    codec_put_varint(tmp, s->directories);
    codec_put_varint(tmp, s->others);
    codec_put_varint(tmp, s->bytes);
    codec_put_varint(tmp, s->new_chunks);
    codec_put_varint(tmp, s->new_bytes);
    codec_put_varint(tmp, s->stored_bytes);
    manifest_put_tmp(o, 24, tmp);
}

/* What is only for people to read is shortened: a path that somebody made
 * endless must neither fail a run nor make a manifest that no reader takes. */
static struct bytes manifest_cut(struct bytes text, size_t max)
{
    return bytes_of(text.p, text.n < max ? text.n : max);
}

static void manifest_put_problems(struct fields_out *o,
                                  const struct manifest *m, struct buf *tmp)
{
    ASSERT(m->problem_n <= MANIFEST_PROBLEM_MAX);
    codec_put_varint(tmp, m->problem_total);
    codec_put_varint(tmp, m->problem_n);
    for (size_t i = 0; i < m->problem_n; i++) {
        codec_put_u8(tmp, (uint8_t)m->problems[i].kind);
        codec_put_string(
            tmp, manifest_cut(m->problems[i].path, MANIFEST_PROBLEM_TEXT_MAX));
        codec_put_string(
            tmp, manifest_cut(m->problems[i].text, MANIFEST_PROBLEM_TEXT_MAX));
    }
    manifest_put_tmp(o, 26, tmp);
}

static void manifest_put_optional(struct fields_out *o, uint64_t tag,
                                  struct bytes value)
{
    if (value.n > 0)
        fields_put(o, tag, manifest_cut(value, MANIFEST_TEXT_MAX));
}

static void manifest_put_head(struct fields_out *o, const struct manifest *m,
                              struct buf *tmp)
{
    uint8_t complete = m->complete;

    fields_put(o, 1, m->series);
    fields_put_varint(o, 3, m->number);
    if (m->has_previous)
        fields_put(o, 5, bytes_of(m->previous.b, sizeof m->previous.b));
    fields_put(o, 7, m->root);
    manifest_put_time(tmp, m->begin);
    manifest_put_time(tmp, m->end);
    codec_put_svarint(tmp, m->utc_offset);
    manifest_put_tmp(o, 9, tmp);
    codec_put_varint(tmp, m->log_number);
    buf_add(tmp, m->log_id.b, sizeof m->log_id.b);
    manifest_put_tmp(o, 11, tmp);
    fields_put(o, 13, bytes_of(&complete, 1));
}

void manifest_put(const struct manifest *m, struct buf *b)
{
    struct fields_out o;
    struct buf tmp;

    ASSERT(manifest_series_ok(m->series) && m->number > 0);
    buf_init(&tmp, MANIFEST_BYTES_MAX);
    fields_begin(&o, b, m->unknown);
    manifest_put_head(&o, m, &tmp);
    if (m->path_n > 0)
        manifest_put_strings(&o, 14, m->paths, m->path_n, &tmp);
    manifest_put_optional(&o, 16, m->host);
    manifest_put_optional(&o, 18, m->user);
    manifest_put_optional(&o, 20, m->program);
    manifest_put_optional(&o, 22, m->options);
    manifest_put_stats(&o, &m->stats, &tmp);
    if (m->problem_total > 0)
        manifest_put_problems(&o, m, &tmp);
    if (m->tag_n > 0)
        manifest_put_strings(&o, 28, m->tags, m->tag_n, &tmp);
    fields_finish(&o);
    buf_release(&tmp);
}

/* --- reading --- */

/* A decoded manifest, and what it lends. */
struct manifest_lists {
    struct bytes *paths;
    struct bytes *tags;
    struct manifest_problem *problems;
    struct buf unknown;
};

static struct entry_time manifest_get_time(struct codec *c)
{
    struct entry_time t;

    t.s = codec_svarint(c);
    t.ns = (uint32_t)codec_varint_max(c, 999999999);
    return t;
}

static void manifest_get_end(struct fields *f, const struct codec *c)
{
    if (c->failed || codec_left(c) > 0)
        fields_fail(f);
}

static void manifest_get_times(struct fields *f, struct bytes value,
                               struct manifest *m)
{
    struct codec c;
    int64_t offset;

    codec_init(&c, value);
    m->begin = manifest_get_time(&c);
    m->end = manifest_get_time(&c);
    offset = codec_svarint(&c);
    if (offset < -MANIFEST_UTC_MAX || offset > MANIFEST_UTC_MAX)
        codec_fail(&c);
    else
        m->utc_offset = (int32_t)offset;
    manifest_get_end(f, &c);
}

static void manifest_get_log(struct fields *f, struct bytes value,
                             struct manifest *m)
{
    struct codec c;

    codec_init(&c, value);
    m->log_number = codec_varint(&c);
    codec_copy(&c, m->log_id.b, sizeof m->log_id.b);
    manifest_get_end(f, &c);
}

static void manifest_get_stats(struct fields *f, struct bytes value,
                               struct manifest_stats *s)
{
    struct codec c;

    codec_init(&c, value);
    s->files = codec_varint(&c);
    s->directories = codec_varint(&c);
    s->others = codec_varint(&c);
    s->bytes = codec_varint(&c);
    s->new_chunks = codec_varint(&c);
    s->new_bytes = codec_varint(&c);
    s->stored_bytes = codec_varint(&c);
    manifest_get_end(f, &c);
}

/* Returns 0 or E_NOMEM; a malformed list fails f. */
static int manifest_get_strings(struct fields *f, struct bytes value,
                                struct bytes **list, size_t *n)
{
    struct codec c;

    codec_init(&c, value);
    *n = codec_count(&c, 1);
    if (*n > MANIFEST_LIST_MAX) {
        codec_fail(&c);
        *n = 0;
    }
    *list = mem_array(*n, sizeof **list);
    if (!*list)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < *n; i++)
        (*list)[i] = codec_string(&c, MANIFEST_TEXT_MAX);
    manifest_get_end(f, &c);
    return 0;
}

static int manifest_get_problems(struct fields *f, struct bytes value,
                                 struct manifest *m,
                                 struct manifest_problem **list)
{
    struct codec c;
    size_t n;

    codec_init(&c, value);
    m->problem_total = codec_varint(&c);
    n = codec_count(&c, 3);
    if (n > MANIFEST_PROBLEM_MAX || n > m->problem_total) {
        codec_fail(&c);
        n = 0;
    }
    *list = mem_array(n, sizeof **list);
    if (!*list)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        struct manifest_problem *p = *list + i;

        p->kind = (enum manifest_problem_kind)codec_u8(&c);
        p->path = codec_string(&c, MANIFEST_TEXT_MAX);
        p->text = codec_string(&c, MANIFEST_TEXT_MAX);
    }
    m->problem_n = n;
    manifest_get_end(f, &c);
    return 0;
}

/* The fields that are plain values. */
static void manifest_get_plain(struct fields *f, uint64_t tag,
                               struct bytes value, struct manifest *m)
{
    uint8_t flag = 0;

    switch (tag) {
    case 1:
        m->series = value;
        if (!manifest_series_ok(value))
            fields_fail(f);
        break;
    case 3:
        m->number = fields_get_varint(f, value, UINT64_MAX);
        if (m->number == 0)
            fields_fail(f);
        break;
    case 5:
        fields_get_fixed(f, value, m->previous.b, sizeof m->previous.b);
        m->has_previous = true;
        break;
    case 7:
        m->root = value;
        break;
    case 13:
        fields_get_fixed(f, value, &flag, 1);
        if (flag > 1)
            fields_fail(f);
        m->complete = flag == 1;
        break;
    default:
        fields_skip(f, tag, value);
    }
}

static void manifest_get_text(struct fields *f, struct bytes value,
                              struct bytes *to)
{
    if (value.n > MANIFEST_TEXT_MAX)
        fields_fail(f);
    *to = value;
}

static int manifest_get_field(struct fields *f, uint64_t tag,
                              struct bytes value, struct manifest *m,
                              struct manifest_lists *l)
{
    switch (tag) {
    case 9:
        manifest_get_times(f, value, m);
        return 0;
    case 11:
        manifest_get_log(f, value, m);
        return 0;
    case 14:
        return manifest_get_strings(f, value, &l->paths, &m->path_n);
    case 16:
        manifest_get_text(f, value, &m->host);
        return 0;
    case 18:
        manifest_get_text(f, value, &m->user);
        return 0;
    case 20:
        manifest_get_text(f, value, &m->program);
        return 0;
    case 22:
        manifest_get_text(f, value, &m->options);
        return 0;
    case 24:
        manifest_get_stats(f, value, &m->stats);
        return 0;
    case 26:
        return manifest_get_problems(f, value, m, &l->problems);
    case 28:
        return manifest_get_strings(f, value, &l->tags, &m->tag_n);
    default:
        manifest_get_plain(f, tag, value, m);
        return 0;
    }
}

static int manifest_get_all(struct bytes in, struct manifest *m,
                            struct manifest_lists *l)
{
    const unsigned want = 1 << 1 | 1 << 3 | 1 << 7 | 1 << 9 | 1 << 11 | 1 << 13;
    struct fields f;
    struct bytes value;
    uint64_t tag;
    unsigned seen = 0;
    int rc = 0;

    fields_init(&f, in, &l->unknown);
    while (rc == 0 && fields_next(&f, &tag, &value)) {
        rc = manifest_get_field(&f, tag, value, m, l);
        if (tag < 32)
            seen |= 1U << tag;
    }
    if (rc == 0)
        rc = fields_end(&f, "snapshot");
    if (rc == 0 && (seen & want) != want)
        rc = err_set(E_CORRUPT, "snapshot: a field is missing");
    return rc;
}

int manifest_get(struct bytes in, struct manifest_copy *out)
{
    struct manifest_lists *l = mem_alloc(sizeof *l);
    int rc;

    *out = (struct manifest_copy){.lists = l};
    if (!l)
        return err_set(E_NOMEM, "out of memory");
    buf_init(&l->unknown, MANIFEST_BYTES_MAX);
    rc = manifest_get_all(in, &out->m, l);
    if (rc < 0) {
        manifest_release(out);
        return rc;
    }
    out->m.paths = l->paths;
    out->m.tags = l->tags;
    out->m.problems = l->problems;
    out->m.unknown = buf_bytes(&l->unknown);
    return 0;
}

void manifest_release(struct manifest_copy *c)
{
    struct manifest_lists *l = c->lists;

    if (l) {
        free(l->paths);
        free(l->tags);
        free(l->problems);
        buf_release(&l->unknown);
    }
    free(l);
    *c = (struct manifest_copy){.lists = NULL};
}
