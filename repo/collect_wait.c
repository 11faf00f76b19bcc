/* C3: every writer that may not know of a condemn record has ended, is ended
 * by us, or is at work. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/mem.h"
#include "base/process.h"
#include "repo/catchup_marks.h"
#include "repo/collect_step.h"
#include "repo/journal.h"
#include "repo/journal_list.h"
#include "repo/record_journal.h"

enum {
    COLLECT_WAIT_SEEN = 'o',   /* + writer: when its last record was met */
    COLLECT_WAIT_CLOSED = 'z', /* + writer: closed, and that lasts */
    COLLECT_WAIT_KEY = 1 + sizeof(struct writer_id),
    COLLECT_WAIT_TRIES = 100,  /* a writer that is faster each time */
    COLLECT_WAIT_NOTES = 1000, /* in one update */
    COLLECT_WAIT_MS = 60000
};

struct collect_wait_key {
    uint8_t b[COLLECT_WAIT_KEY];
};

/* A mark of the index. */
struct collect_wait_note {
    struct collect_wait_key key;
    uint8_t value[2 * 8 + PROCESS_BOOT_MAX];
    size_t value_n;
};

/* What is remembered from one run to the next. */
struct collect_wait {
    struct collect *c;
    uint64_t condemn;
    struct index_reader *reader;
    struct collect_wait_note *note; /* note_n, to be written */
    size_t note_n;
    size_t note_cap;
    char boot[PROCESS_BOOT_MAX];
    int64_t now; /* since the machine's boot, while it was awake */
    bool all;
};

static struct collect_wait_key collect_wait_key(uint8_t what,
                                                const struct writer_id *w)
{
    struct collect_wait_key k = {{what}};

    memcpy(k.b + 1, w->b, sizeof w->b);
    return k;
}

/* Writes what is to be remembered. The index is not held for longer: reading
 * journals can take minutes. */
static int collect_wait_write(struct collect_wait *x)
{
    struct index_update *u = NULL;
    int rc = 0;

    if (x->note_n == 0)
        return 0;
    rc = index_update_begin(x->c->r->index, COLLECT_WAIT_MS, &u);
    for (size_t i = 0; i < x->note_n && rc == 0; i++) {
        const struct collect_wait_note *n = &x->note[i];

        rc = index_update_put_mark(u, bytes_of(n->key.b, sizeof n->key.b),
                                   bytes_of(n->value, n->value_n));
    }
    x->note_n = 0;
    if (rc == 0)
        return index_update_commit(u);
    index_update_abort(u);
    return rc;
}

static int collect_wait_note(struct collect_wait *x, uint8_t what,
                             const struct writer_id *w, struct bytes value)
{
    struct collect_wait_note *n;

    if (!MEM_GROW(x->note, x->note_n, x->note_cap))
        return err_set(E_NOMEM, "out of memory");
    ASSERT(value.n <= sizeof n->value);
    n = &x->note[x->note_n++];
    n->key = collect_wait_key(what, w);
    n->value_n = value.n;
    if (value.n)
        memcpy(n->value, value.p, value.n);
    return x->note_n < COLLECT_WAIT_NOTES ? 0 : collect_wait_write(x);
}

/* ---- silence ------------------------------------------------------------- */

/* Whether the journal has ended with that record for so long, as far as this
 * machine has watched it since it was started. */
static int collect_wait_is_silent(struct collect_wait *x,
                                  const struct journal *j, bool *silent)
{
    struct collect_wait_key key =
        collect_wait_key(COLLECT_WAIT_SEEN, &j->writer);
    struct buf b;
    struct codec c;
    bool found, same;
    int64_t since;
    int rc;

    *silent = false;
    buf_init(&b, INDEX_MARK_VALUE_MAX);
    rc =
        index_reader_mark(x->reader, bytes_of(key.b, sizeof key.b), &b, &found);
    codec_init(&c, buf_bytes(&b));
    same = codec_u64(&c) == j->tip.number;
    since = (int64_t)codec_u64(&c);
    same = bytes_equal(codec_take(&c, codec_left(&c)), bytes_of_str(x->boot)) &&
           same && found && !c.failed && since <= x->now;
    if (rc == 0 && same) {
        *silent = x->now - since >= x->c->silence_ns;
    } else if (rc == 0) {
        buf_reset(&b);
        codec_put_u64(&b, j->tip.number);
        codec_put_u64(&b, (uint64_t)x->now);
        buf_add_bytes(&b, bytes_of_str(x->boot));
        rc = buf_status(&b);
        if (rc == 0)
            rc = collect_wait_note(x, COLLECT_WAIT_SEEN, &j->writer,
                                   buf_bytes(&b));
    }
    buf_release(&b);
    return rc;
}

/* ---- one journal --------------------------------------------------------- */

/* Closed, by that record: a power cut must not take that back. */
static int collect_wait_closed(struct collect_wait *x,
                               const struct writer_id *w, uint64_t number)
{
    char name[RECORD_NAME_MAX];
    int rc;

    record_journal_name(w, number, name);
    rc = store_make_durable(x->c->r->store, name, NULL);
    return rc < 0 ? rc
                  : collect_wait_note(x, COLLECT_WAIT_CLOSED, w,
                                      bytes_of(NULL, 0));
}

static int collect_wait_open(struct collect_wait *x, struct journal *j,
                             bool *again)
{
    bool silent = x->c->silence_ns < 0;
    bool done;
    int rc = 0;

    if (!j->tip.any || j->generation >= x->condemn)
        return 0;
    if (!j->dead && !silent)
        rc = collect_wait_is_silent(x, j, &silent);
    if (rc < 0)
        return rc;
    if (!j->dead && !silent && j->pin_n > 0)
        return 0; /* a reader at work: it commits nothing (P1) */
    if (!j->dead && !silent) {
        x->c->done->waiting++;
        x->all = false;
        return 0;
    }
    rc = journal_fence(j, x->c->r, &done);
    *again = rc == 0; /* its end, whoever put it, is read and settled */
    x->c->done->fenced += rc == 0 && done;
    return rc;
}

static int collect_wait_journal(struct collect_wait *x,
                                const struct writer_id *w)
{
    struct journal j;
    bool again = true;
    int rc = 0;

    journal_init(&j, w);
    for (int i = 0; i < COLLECT_WAIT_TRIES && rc == 0 && again; i++) {
        again = false;
        rc = journal_read(&j, x->c->r, NULL);
        if (rc == 0 && (j.ended || j.fenced))
            rc = collect_wait_closed(x, w, j.tip.number);
        else if (rc == 0)
            rc = collect_wait_open(x, &j, &again);
    }
    journal_release(&j);
    if (rc == E_LATER) {
        /* of nobody who is a member: whoever becomes one later knows of the
         * condemn record by then */
        err_ignore(rc, "what it says does not count");
        return 0;
    }
    if (rc < 0 || !again)
        return rc;
    x->c->done->waiting++; /* faster than we can read: it is at work */
    x->all = false;
    return 0;
}

/* What the cache read to its end need not be read again. */
static int collect_wait_one(struct collect_wait *x, const struct writer_id *w)
{
    struct collect_wait_key key = collect_wait_key(COLLECT_WAIT_CLOSED, w);
    struct catchup_mark mark = {.closed = false};
    struct buf value;
    bool known, met = false;
    int rc;

    buf_init(&value, INDEX_MARK_VALUE_MAX);
    rc = index_reader_mark(x->reader, bytes_of(key.b, sizeof key.b), &value,
                           &known);
    buf_release(&value);
    if (rc < 0 || known)
        return rc;
    rc = catchup_marks_journal(x->reader, w, &mark, &met);
    if (rc < 0)
        return rc;
    return met && mark.closed ? collect_wait_closed(x, w, mark.number)
                              : collect_wait_journal(x, w);
}

/* The log's record is there: all journals are listed after it. */
int collect_wait(struct collect *c, uint64_t condemn, bool *all)
{
    struct collect_wait x = {
        .c = c, .condemn = condemn, .now = clock_monotonic_ns(), .all = true};
    struct journal_list list = {.item = NULL};
    int rc = index_reader_new(c->r->index, &x.reader);

    c->done->waiting = 0;
    process_boot_id(x.boot);
    if (rc == 0)
        rc = journal_list_load(c->r->store, &list);
    for (size_t i = 0; i < list.n && rc == 0; i++)
        rc = collect_wait_one(&x, &list.item[i].writer);
    if (rc == 0)
        rc = collect_wait_write(&x);
    free(x.note);
    journal_list_release(&list);
    index_reader_free(x.reader);
    *all = rc == 0 && x.all;
    return rc;
}
