#include "repo/record_journal.h"

#include <inttypes.h>
#include <stdio.h>

#include "repo/manifest.h"

enum {
    RECORD_JOURNAL_DIGITS = 8,
    RECORD_WRITER_HEX = 2 * sizeof(struct writer_id)
};

void record_journal_name(const struct writer_id *w, uint64_t k,
                         char out[RECORD_NAME_MAX])
{
    char hex[RECORD_WRITER_HEX + 1];

    (void)snprintf(out, RECORD_NAME_MAX, "w/%s/%0*" PRIu64,
                   id_hex(w->b, sizeof w->b, hex), RECORD_JOURNAL_DIGITS, k);
}

bool record_journal_number(const char *name, struct writer_id *w, uint64_t *k)
{
    char hex[RECORD_WRITER_HEX + 1];
    char again[RECORD_NAME_MAX];
    uint64_t v = 0;
    const char *p = name + 2;

    if (strncmp(name, "w/", 2) != 0 || strlen(p) <= RECORD_WRITER_HEX ||
        strlen(name) >= RECORD_NAME_MAX)
        return false;
    memcpy(hex, p, RECORD_WRITER_HEX);
    hex[RECORD_WRITER_HEX] = 0;
    if (!id_from_hex(hex, w->b, sizeof w->b))
        return false;
    for (p += RECORD_WRITER_HEX + 1; *p >= '0' && *p <= '9'; p++) {
        if (v > UINT32_MAX)
            return false;
        v = v * 10 + (uint64_t)(*p - '0');
    }
    record_journal_name(w, v, again);
    *k = v;
    return strcmp(name, again) == 0;
}

static void record_journal_get_text(struct fields *f, struct bytes value,
                                    struct bytes *to)
{
    if (value.n > RECORD_TEXT_MAX)
        fields_fail(f);
    *to = value;
}

static void record_journal_get_process(struct fields *f, uint64_t tag,
                                       struct bytes value,
                                       struct record_process *p)
{
    switch (tag) {
    case 6:
        record_journal_get_text(f, value, &p->host);
        break;
    case 8:
        p->pid = fields_get_varint(f, value, UINT64_MAX);
        break;
    case 10:
        p->start = fields_get_varint(f, value, UINT64_MAX);
        break;
    case 12:
        record_journal_get_text(f, value, &p->boot_id);
        break;
    case 14:
        p->pid_namespace = fields_get_varint(f, value, UINT64_MAX);
        break;
    case 16:
        record_journal_get_text(f, value, &p->series);
        break;
    default:
        fields_skip(f, tag, value);
    }
}

/* What the snapshot says itself to those who may open it. */
static void record_journal_get_commit(struct fields *f, uint64_t tag,
                                      struct bytes value,
                                      struct record_journal *j)
{
    uint8_t complete = 0;

    switch (tag) {
    case 1:
        fields_get_fixed(f, value, j->id.b, sizeof j->id.b);
        break;
    case 3:
        j->series = value;
        if (!manifest_series_ok(value))
            fields_fail(f);
        break;
    case 5:
        j->in_series = fields_get_varint(f, value, UINT64_MAX);
        if (j->in_series == 0)
            fields_fail(f);
        break;
    case 7:
        fields_get_fixed(f, value, &complete, 1);
        if (complete > 1)
            fields_fail(f);
        j->complete = complete != 0;
        break;
    default:
        fields_skip(f, tag, value);
    }
}

static void record_journal_get_field(struct fields *f, uint32_t type,
                                     uint64_t tag, struct bytes value,
                                     struct record_journal *j)
{
    bool opens = type == RECORD_OPEN || type == RECORD_RENEW;

    if (opens && tag == 1)
        j->generation = fields_get_varint(f, value, UINT64_MAX);
    else if (opens && tag == 3)
        fields_get_fixed(f, value, j->log_id.b, sizeof j->log_id.b);
    else if (type == RECORD_OPEN)
        record_journal_get_process(f, tag, value, &j->process);
    else if (type == RECORD_COMMIT)
        record_journal_get_commit(f, tag, value, j);
    else if (type == RECORD_SEGMENT && tag == 1)
        fields_get_fixed(f, value, j->id.b, sizeof j->id.b);
    else if (type == RECORD_SEGMENT && tag == 3)
        j->ids = record_get_ids(f, value);
    else if (type == RECORD_PIN && tag == 1)
        j->ids = record_get_ids(f, value);
    else if (type == RECORD_PIN && tag == 3)
        j->until = record_get_time(f, value);
    else if (type == RECORD_FENCE && tag == 1)
        j->seen = fields_get_varint(f, value, UINT64_MAX);
    else
        fields_skip(f, tag, value);
}

/* The critical fields that a type must have, bit by tag. */
static unsigned record_journal_want(uint32_t type)
{
    switch ((enum record_journal_type)type) {
    case RECORD_OPEN:
    case RECORD_RENEW:
    case RECORD_PIN:
        return 1 << 1 | 1 << 3;
    case RECORD_SEGMENT:
    case RECORD_FENCE:
        return 1 << 1;
    case RECORD_COMMIT:
        return 1 << 1 | 1 << 3 | 1 << 5 | 1 << 7;
    case RECORD_END:
        return 0;
    }
    return 0;
}

int record_journal_get(const struct record *r, struct record_journal *out)
{
    struct fields f;
    struct bytes value;
    uint64_t tag;
    unsigned seen = 0;
    unsigned want = record_journal_want(r->type);

    *out = (struct record_journal){.generation = 0};
    if (r->type < RECORD_OPEN || r->type > RECORD_FENCE)
        return err_set(E_UNSUPPORTED,
                       "journal record of type %u: a newer version wrote it",
                       r->type);
    fields_init(&f, r->body, NULL);
    while (fields_next(&f, &tag, &value)) {
        record_journal_get_field(&f, r->type, tag, value, out);
        if (tag < 8)
            seen |= 1U << tag;
    }
    if ((seen & want) != want)
        fields_fail(&f);
    return fields_end(&f, "journal record");
}

static void record_journal_put_process(struct fields_out *o,
                                       const struct record_process *p)
{
    if (p->host.n > 0)
        fields_put(o, 6, p->host);
    if (p->pid > 0)
        fields_put_varint(o, 8, p->pid);
    if (p->start > 0)
        fields_put_varint(o, 10, p->start);
    if (p->boot_id.n > 0)
        fields_put(o, 12, p->boot_id);
    if (p->pid_namespace > 0)
        fields_put_varint(o, 14, p->pid_namespace);
    if (p->series.n > 0)
        fields_put(o, 16, p->series);
}

void record_journal_put(enum record_journal_type type,
                        const struct record_journal *j, struct buf *b)
{
    uint8_t complete = j->complete;
    struct fields_out o;

    fields_begin(&o, b, bytes_of(NULL, 0));
    switch (type) {
    case RECORD_OPEN:
    case RECORD_RENEW:
        fields_put_varint(&o, 1, j->generation);
        fields_put(&o, 3, bytes_of(j->log_id.b, sizeof j->log_id.b));
        if (type == RECORD_OPEN)
            record_journal_put_process(&o, &j->process);
        break;
    case RECORD_SEGMENT:
        fields_put(&o, 1, bytes_of(j->id.b, sizeof j->id.b));
        if (j->ids.n > 0)
            record_put_ids(&o, 3, &j->ids);
        break;
    case RECORD_COMMIT:
        fields_put(&o, 1, bytes_of(j->id.b, sizeof j->id.b));
        fields_put(&o, 3, j->series);
        fields_put_varint(&o, 5, j->in_series);
        fields_put(&o, 7, bytes_of(&complete, 1));
        break;
    case RECORD_PIN:
        record_put_ids(&o, 1, &j->ids);
        record_put_time(&o, 3, j->until);
        break;
    case RECORD_END:
        break;
    case RECORD_FENCE:
        fields_put_varint(&o, 1, j->seen);
        break;
    }
    fields_finish(&o);
}
