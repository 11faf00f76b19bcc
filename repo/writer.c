#include "repo/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/blake3.h"
#include "base/clock.h"
#include "base/fileop.h"
#include "base/log.h"
#include "base/mem.h"
#include "repo/catchup_marks.h"
#include "repo/catchup_packs.h"
#include "repo/envelope.h"
#include "repo/journal_list.h"
#include "repo/record_journal.h"
#include "repo/segment_file.h"
#include "repo/segment_list.h"
#include "repo/segment_merge.h"
#include "repo/snapshot_list.h"

enum { WRITER_UPDATE_WAIT_MS = 60000, WRITER_TEXT_MAX = 256 };

struct writer {
    struct repo *r;
    struct chain chain; /* our journal */
    struct chain_tip tip;
    struct chain_tip generation; /* the log record whose state we rely on */
    int64_t spoke_at;            /* monotonic ns of our last record */
    bool closed;                 /* ended or fenced */
    bool behind;                 /* the index lacks what our journal names */
    struct segment_list fresh;   /* segments that the index was not told of */
};

/* --- who we are --- */

/* The first line of a small file, without its newline; empty when there is
 * none. */
static void writer_read_line(const char *path, char out[WRITER_TEXT_MAX])
{
    int fd = fileop_openat(AT_FDCWD, path, O_RDONLY, 0);
    ssize_t n = fd < 0 ? -1 : fileop_read_full(fd, out, WRITER_TEXT_MAX - 1);

    out[n < 0 ? 0 : n] = 0;
    out[strcspn(out, "\n")] = 0;
    (void)fileop_close(fd);
}

/* Field 22 of /proc/self/stat, counted behind the name in parentheses. */
static uint64_t writer_start_time(void)
{
    char line[WRITER_TEXT_MAX];
    const char *p;

    writer_read_line("/proc/self/stat", line);
    p = strrchr(line, ')');
    for (int field = 2; p && field < 22; field++)
        p = strchr(p + 1, ' ');
    return p ? strtoull(p, NULL, 10) : 0;
}

static uint64_t writer_pid_namespace(void)
{
    struct stat st;

    if (fileop_fstatat(AT_FDCWD, "/proc/self/ns/pid", &st, 0) < 0)
        return 0;
    return (uint64_t)st.st_ino;
}

/* --- records --- */

static int writer_fenced(struct writer *w)
{
    w->closed = true;
    return err_set(E_FENCED,
                   "this run was silent for too long and was ended by a "
                   "collector; run it again");
}

static int writer_put(struct writer *w, enum record_journal_type type,
                      const struct record_journal *j)
{
    struct buf body;
    bool mine = false;
    int rc;

    if (w->closed)
        return err_set(E_FENCED, "this run was ended; run it again");
    buf_init(&body, 1 << 20);
    record_journal_put(type, j, &body);
    rc = buf_status(&body);
    if (rc == 0)
        rc = chain_put(&w->chain, &w->tip, type, buf_bytes(&body), &mine);
    buf_release(&body);
    if (rc == 0 && !mine)
        return writer_fenced(w);
    w->spoke_at = clock_monotonic_ns();
    return rc;
}

static int writer_put_generation(struct writer *w,
                                 enum record_journal_type type,
                                 const struct record_process *process)
{
    struct record_journal j = {.generation = w->generation.number,
                               .log_id = w->generation.id};

    if (process)
        j.process = *process;
    return writer_put(w, type, &j);
}

static int writer_put_open(struct writer *w, struct bytes series)
{
    char host[WRITER_TEXT_MAX] = "";
    char boot[WRITER_TEXT_MAX];
    struct record_process p = {.series = series};

    if (gethostname(host, sizeof host - 1) < 0)
        host[0] = 0;
    writer_read_line("/proc/sys/kernel/random/boot_id", boot);
    p.host = bytes_of_str(host);
    p.boot_id = bytes_of_str(boot);
    p.pid = (uint64_t)getpid();
    p.start = writer_start_time();
    p.pid_namespace = writer_pid_namespace();
    return writer_put_generation(w, RECORD_OPEN, &p);
}

/* Remembers in the index how far our own journal goes, and which segments it
 * names. Once the index lacks what a record names it must not be told of later
 * ones: the next catch-up reads on from its mark (I5). */
static int writer_note(struct writer *w, struct index_update *u)
{
    struct catchup_mark m = {
        .number = w->tip.number, .id = w->tip.id, .closed = w->closed};
    int rc = 0;

    if (w->behind)
        return 0;
    for (size_t i = 0; i < w->fresh.n && rc == 0; i++)
        rc = segment_list_note(u, &w->fresh.item[i]);
    return rc < 0 ? rc : catchup_marks_put_journal(u, &w->chain.writer, &m);
}

/* R4: the tip that was read is what we act on, so it must last: a number lost
 * in a power cut is given out again, to a condemn that we never saw. */
static int writer_settle_tip(const struct repo *r)
{
    char name[RECORD_NAME_MAX];

    record_log_name(r->state.tip.number, name);
    return store_make_durable(r->store, name, NULL);
}

int writer_open(struct repo *r, struct bytes series, struct writer **out)
{
    struct writer *w = mem_alloc(sizeof *w);
    int rc = state_allows(&r->state, RECORD_CLASS_WRITE);

    *out = NULL;
    if (!w)
        return err_set(E_NOMEM, "out of memory");
    w->r = r;
    w->chain = (struct chain){
        .store = r->store, .keys = r->keys, .kind = ENVELOPE_JOURNAL};
    crypto_random(w->chain.writer.b, sizeof w->chain.writer.b);
    w->generation = r->state.tip;
    if (rc == 0)
        rc = writer_settle_tip(r);
    if (rc == 0)
        rc = writer_put_open(w, series);
    /* W1: whoever condemns after this sees us; what was condemned before, we
     * see now */
    if (rc == 0)
        rc = repo_refresh(r);
    if (rc == 0)
        rc = state_allows(&r->state, RECORD_CLASS_WRITE);
    if (rc == 0)
        rc = writer_settle_tip(r);
    if (rc == 0 && r->state.tip.number != w->generation.number) {
        w->generation = r->state.tip;
        rc = writer_put_generation(w, RECORD_RENEW, NULL);
    }
    if (rc < 0) {
        free(w);
        return rc;
    }
    *out = w;
    return 0;
}

void writer_free(struct writer *w)
{
    if (w)
        segment_list_release(&w->fresh);
    free(w);
}

void writer_log_tip(const struct writer *w, uint64_t *number,
                    struct object_id *id)
{
    *number = w->generation.number;
    *id = w->generation.id;
}

/* --- publishing --- */

/* The record that names a durable segment. */
static int writer_name_segment(struct writer *w, struct segment_list_item *item,
                               const struct record_ids *replaced)
{
    struct record_journal j = {.id = item->id, .ids = *replaced};
    int rc = writer_put(w, RECORD_SEGMENT, &j);

    item->writer = w->chain.writer;
    return rc < 0 ? rc : segment_list_add(&w->fresh, item);
}

/* Puts one segment for some packs and the record that names it. */
static int writer_put_segment(struct writer *w, struct segment_pack *pack,
                              size_t n)
{
    const struct record_ids none = {NULL, 0};
    struct segment_list_item item = {.level = 0};
    int rc = segment_file_write(w->r->store, w->r->keys, 0, NULL, 0, pack, n,
                                &item.id);

    for (size_t i = 0; i < n; i++)
        item.bytes += segment_pack_bytes(pack[i].dir.n);
    return rc < 0 ? rc : writer_name_segment(w, &item, &none);
}

static int writer_put_segments(struct writer *w, const struct pack_info *info,
                               size_t n)
{
    struct segment_pack *pack = mem_array(n, sizeof *pack);
    size_t bytes = 0;
    size_t from = 0;
    int rc = 0;

    if (!pack)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < n && rc == 0; i++) {
        size_t more = segment_pack_bytes(info[i].dir.n);

        if (i > from && bytes + more > SEGMENT_CONTENT_MAX - 1024) {
            rc = writer_put_segment(w, pack + from, i - from);
            from = i;
            bytes = 0;
        }
        bytes += more;
        pack[i].id = info[i].id;
        pack[i].kind = info[i].kind;
        pack[i].bytes = info[i].bytes;
        pack[i].writer = info[i].writer;
        pack[i].dir = buf_bytes(&info[i].dir);
    }
    if (rc == 0)
        rc = writer_put_segment(w, pack + from, n - from);
    free(pack);
    return rc;
}

static int writer_index_packs(struct writer *w, const struct pack_info *info,
                              size_t n)
{
    struct index_update *u = NULL;
    int rc = index_update_begin(w->r->index, WRITER_UPDATE_WAIT_MS, &u);

    for (size_t i = 0; i < n && rc == 0; i++) {
        struct index_pack pack = {.id = info[i].id,
                                  .kind = (enum index_kind)info[i].kind,
                                  .trusted = true,
                                  .size_bytes = info[i].bytes,
                                  .writer = w->chain.writer,
                                  .member = info[i].writer};
        bool added;

        rc = catchup_packs_add(u, &w->r->state, &pack, buf_bytes(&info[i].dir),
                               &added);
    }
    if (rc == 0)
        rc = writer_note(w, u);
    if (rc < 0) {
        index_update_abort(u);
        return rc;
    }
    rc = index_update_commit(u);
    if (rc == 0)
        w->fresh.n = 0;
    return rc;
}

int writer_publish(struct writer *w, struct pack_info *pack, size_t n,
                   bool *indexed)
{
    int rc = writer_put_segments(w, pack, n);

    *indexed = rc == 0 && !w->behind && writer_index_packs(w, pack, n) == 0;
    if (rc == 0 && !*indexed && !w->behind) {
        log_debug("published, not indexed: %s", err_text());
        w->behind = true;
    }
    for (size_t i = 0; i < n; i++)
        pack_info_release(&pack[i]);
    return rc;
}

/* --- merging segments --- */

/* What may be merged: segments of journals that have come to their end. */
static int writer_merge_candidates(struct writer *w, struct segment_list *l)
{
    struct index_reader *r = NULL;
    size_t n = 0;
    int rc = index_reader_new(w->r->index, &r);

    if (rc == 0)
        rc = segment_list_load(r, l);
    for (size_t i = 0; i < l->n && rc == 0; i++) {
        bool closed;

        rc = catchup_marks_closed(r, &l->item[i].writer, &closed);
        if (rc == 0 && closed)
            l->item[n++] = l->item[i];
    }
    l->n = n;
    index_reader_free(r);
    return rc;
}

/* Tells the index of the merged segment and of those it replaces. */
static int writer_note_merged(struct writer *w,
                              const struct segment_list_item *old, size_t n)
{
    struct index_update *u = NULL;
    int rc = index_update_begin(w->r->index, WRITER_UPDATE_WAIT_MS, &u);

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = segment_list_note_replaced(u, &old[i].id);
    if (rc == 0)
        rc = writer_note(w, u);
    if (rc < 0) {
        index_update_abort(u);
        return rc;
    }
    rc = index_update_commit(u);
    if (rc == 0)
        w->fresh.n = 0;
    return rc;
}

int writer_merge(struct writer *w, bool *merged)
{
    struct segment_list_item old[SEGMENT_MERGE_FAN];
    struct object_id id[SEGMENT_MERGE_FAN] = {{{0}}};
    struct segment_list_item item = {.level = 0};
    struct segment_list l = {.item = NULL};
    struct record_ids ids = record_ids_of(id, SEGMENT_MERGE_FAN);
    unsigned level = 0;
    int rc = w->behind ? 0 : writer_merge_candidates(w, &l);

    *merged = rc == 0 && segment_merge_pick(&l, old, &level);
    segment_list_release(&l);
    if (!*merged)
        return rc;
    for (size_t i = 0; i < SEGMENT_MERGE_FAN; i++)
        id[i] = old[i].id;
    rc = segment_merge_write(w->r->store, w->r->keys, &w->r->state, level, old,
                             SEGMENT_MERGE_FAN, &item);
    if (rc == 0)
        rc = writer_name_segment(w, &item, &ids);
    if (rc == 0 && writer_note_merged(w, old, SEGMENT_MERGE_FAN) < 0) {
        log_debug("merged, not indexed: %s", err_text());
        w->behind = true;
    }
    return rc;
}

/* --- renewing --- */

/* Whether one pack is no longer what the run took it for. */
static bool writer_lost_pack(const struct writer *w,
                             const struct writer_reliance *on,
                             const struct index_pack *pack)
{
    bool own =
        memcmp(pack->writer.b, w->chain.writer.b, sizeof pack->writer.b) == 0;

    /* a doom is a loss whenever it came: a pack that was live when we last
     * looked, or not known, carries the number of no condemn record */
    if (pack->state == INDEX_LIVE ||
        (pack->state == INDEX_CONDEMNED &&
         pack->condemned_by <= w->generation.number))
        return false;
    return own || on->on_pack(on->ctx, pack->no);
}

/* Whether anything that the run counts on was condemned since its generation,
 * or is taken over from a parent that no longer passes I6. */
static int writer_hurt(struct writer *w, const struct writer_reliance *on,
                       bool *hurt)
{
    struct index_reader *r = NULL;
    struct index_pack pack[64];
    uint32_t next = 0;
    size_t n = 1;
    int rc = index_reader_new(w->r->index, &r);

    *hurt = on->parent && !state_trusts_tree(&w->r->state, on->parent);
    while (rc == 0 && n > 0 && !*hurt) {
        rc = index_reader_packs(r, &next, pack, 64, &n);
        for (size_t i = 0; i < n && rc == 0; i++)
            *hurt |= writer_lost_pack(w, on, &pack[i]);
    }
    index_reader_free(r);
    return rc;
}

int writer_renew(struct writer *w, const struct writer_reliance *on)
{
    bool hurt = false;
    int rc;

    if (clock_monotonic_ns() - w->spoke_at < WRITER_SILENCE_NS / 3)
        return 0;
    rc = repo_refresh_in_use(w->r);
    /* a look-up in a view older than the generation that we are about to name
     * could find what was condemned before it */
    if (rc == 0 && on->moved)
        on->moved(on->ctx);
    if (rc == 0)
        rc = writer_settle_tip(w->r);
    if (rc == 0)
        rc = writer_hurt(w, on, &hurt);
    if (rc == E_ROLLBACK || rc == E_NOMEM || rc == E_STORE)
        return rc;
    /* the old generation is always right: it costs collectors some waiting */
    if (rc == 0 && !hurt)
        w->generation = w->r->state.tip;
    return writer_put_generation(w, RECORD_RENEW, NULL);
}

/* --- committing --- */

/*
 * I10: what others published may be visible and not yet durable, and our
 * snapshot may rely on it. Of a writer that is still at it, that can be true of
 * its last record only: each of its puts had returned before the next began.
 * Of one that has ended, of nothing that we rely on.
 */
static int writer_settle_journal(struct writer *w, struct index_reader *r,
                                 const struct journal_list_item *it)
{
    char name[RECORD_NAME_MAX];
    bool closed = false;

    if (r && catchup_marks_closed(r, &it->writer, &closed) == 0 && closed)
        return 0;
    record_journal_name(&it->writer, it->last, name);
    return store_make_durable(w->r->store, name, NULL);
}

static int writer_settle(struct writer *w)
{
    struct journal_list list = {.item = NULL};
    struct index_reader *r = NULL;
    int rc;

    /* without the index we do not know which have ended: all are settled */
    if (index_reader_new(w->r->index, &r) < 0)
        r = NULL;
    rc = journal_list_load(w->r->store, &list);
    for (size_t i = 0; i < list.n && rc == 0; i++)
        rc = writer_settle_journal(w, r, &list.item[i]);
    index_reader_free(r);
    journal_list_release(&list);
    if (rc < 0)
        return rc;
    return writer_settle_tip(w->r);
}

static int writer_put_snapshot(struct writer *w, const struct manifest *m,
                               struct object_id *id)
{
    char name[SNAPSHOT_LIST_NAME_MAX];
    enum store_outcome outcome;
    struct manifest_copy back;
    struct buf content;
    struct buf file;
    int rc;

    buf_init(&content, envelope_content_max(ENVELOPE_SNAPSHOT));
    buf_init(&file, envelope_max_bytes(ENVELOPE_SNAPSHOT));
    manifest_put(m, &content);
    rc = buf_status(&content);
    /* once committed it is too late to find that no reader takes it */
    if (rc == 0)
        rc = manifest_get(buf_bytes(&content), &back);
    if (rc == 0)
        manifest_release(&back);
    else if (rc == E_CORRUPT)
        rc = err_set(E_LIMIT, "the snapshot's description is too long: fewer "
                              "roots or tags are needed");
    if (rc == 0)
        rc = envelope_seal(w->r->keys, ENVELOPE_SNAPSHOT, bytes_of(NULL, 0),
                           buf_bytes(&content), &file);
    if (rc == 0) {
        blake3_hash(buf_bytes(&file), id->b);
        snapshot_list_name(id, name);
        rc = store_put(w->r->store, name, buf_bytes(&file), &outcome);
    }
    buf_release(&content);
    buf_release(&file);
    return rc;
}

/*
 * Tells the index how far our journal goes, and of the snapshot m, if there is
 * one. The records are there: what the index misses now the next catch-up
 * reads. It may be held by a process that was stopped: one wait is enough.
 */
static void writer_tell(struct writer *w, const struct object_id *id,
                        const struct manifest *m)
{
    struct index_update *u = NULL;
    int rc;

    if (w->behind)
        return;
    rc = index_update_begin(w->r->index, WRITER_UPDATE_WAIT_MS, &u);
    if (rc == 0 && m)
        rc = snapshot_list_note(u, id, m);
    if (rc == 0)
        rc = writer_note(w, u);
    if (rc == 0)
        rc = index_update_commit(u);
    else
        index_update_abort(u);
    w->behind = rc < 0;
}

int writer_commit(struct writer *w, const struct manifest *m,
                  struct object_id *id)
{
    struct record_journal j = {.generation = 0};
    int rc = writer_put_snapshot(w, m, id);

    if (rc == 0)
        rc = writer_settle(w);
    if (rc < 0)
        return rc;
    j.id = *id;
    rc = writer_put(w, RECORD_COMMIT, &j);
    if (rc == 0)
        writer_tell(w, id, m);
    return rc;
}

int writer_end(struct writer *w)
{
    struct record_journal j = {.generation = 0};
    int rc = writer_put(w, RECORD_END, &j);

    w->closed = true;
    if (rc == 0)
        writer_tell(w, NULL, NULL);
    return rc;
}
