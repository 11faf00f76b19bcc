/* W3: durable packs become known. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "repo/catchup_packs.h"
#include "repo/segment_file.h"
#include "repo/writer_journal.h"

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
    return rc < 0 ? rc : writer_journal_name_segment(w, &item, &none);
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

static int writer_index_pack(struct writer *w, struct catchup_packs_to *to,
                             const struct pack_info *info)
{
    struct index_pack pack = {.id = info->id,
                              .kind = (enum index_kind)info->kind,
                              .size_bytes = info->bytes,
                              .writer = w->chain.writer,
                              .member = info->writer};
    bool added;

    return catchup_packs_add(to, &pack, buf_bytes(&info->dir), &added);
}

/* In updates of bounded size; the mark comes with the last. */
static int writer_index_packs(struct writer *w, const struct pack_info *info,
                              size_t n)
{
    struct catchup_packs_to to = {
        .store = w->r->store, .keys = w->r->keys, .state = &w->r->state};
    size_t load = 0;
    int rc = index_update_begin(w->r->index, WRITER_JOURNAL_WAIT_MS, &to.u);

    for (size_t i = 0; i < n && rc == 0; i++) {
        if (load > 0 && load + info[i].chunk_n > CATCHUP_PACKS_LOAD) {
            rc = index_update_commit(to.u);
            to.u = NULL;
            load = 0;
        }
        if (rc == 0 && !to.u)
            rc = index_update_begin(w->r->index, WRITER_JOURNAL_WAIT_MS, &to.u);
        if (rc == 0)
            rc = writer_index_pack(w, &to, &info[i]);
        load += info[i].chunk_n;
    }
    return writer_journal_commit(w, to.u, rc);
}

int writer_publish(struct writer *w, struct pack_info *pack, size_t n,
                   bool *indexed)
{
    int rc = writer_put_segments(w, pack, n);
    /* M7: other processes that have our index count on what it is told */
    int looked = rc == 0 ? writer_journal_look(w) : 0;

    if (looked == E_ROLE)
        rc = looked;
    *indexed = rc == 0 && looked == 0 && !w->behind &&
               writer_index_packs(w, pack, n) == 0;
    if (rc == 0 && !*indexed && !w->behind) {
        log_debug("published, not indexed: %s", err_text());
        w->behind = true;
    }
    for (size_t i = 0; i < n; i++)
        pack_info_release(&pack[i]);
    return rc;
}
