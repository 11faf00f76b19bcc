/* The cache against its own rules, through the same reads as everyone's. */
#include "index/index.h"

#include <stdlib.h>

#include "base/mem.h"

enum { INDEX_CHECK_PACKS = 32, INDEX_CHECK_CHUNKS = 1024 };

/* named: how many ids there are. */
static int index_check_packs(struct index_reader *r, uint64_t named)
{
    struct index_pack pack[INDEX_CHECK_PACKS];
    uint32_t next = 0;
    uint32_t expect = 0;
    size_t n;

    do {
        int rc = index_reader_packs(r, &next, pack, INDEX_CHECK_PACKS, &n);

        if (rc < 0)
            return rc;
        for (size_t i = 0; i < n; i++, expect++) {
            static const struct object_id none = {{0}};
            struct index_pack same;
            bool found;

            rc = index_reader_pack_by_id(r, &pack[i].id, &same, &found);
            if (rc < 0)
                return rc;
            /* retracted */
            if (pack[i].no == expect && pack[i].state == INDEX_DOOMED &&
                object_id_equal(&pack[i].id, &none))
                continue;
            named--;
            if (pack[i].no != expect || !found || same.no != expect)
                return err_set(E_CORRUPT, "index cache: pack number %u",
                               expect);
        }
    } while (n > 0);
    return named == 0 ? 0
                      : err_set(E_CORRUPT, "index cache: ids without a pack");
}

static int index_check_chunks(struct index_reader *r, struct index_chunk *c)
{
    struct index_place place = {.started = false};
    struct index_chunk last;
    bool first = true;
    size_t n;

    memset(&last, 0, sizeof last);
    do {
        int rc = index_reader_chunks(r, &place, c, INDEX_CHECK_CHUNKS, &n);

        if (rc < 0)
            return rc;
        for (size_t i = 0; i < n; i++) {
            int order = memcmp(last.id.b, c[i].id.b, sizeof last.id.b);

            if (!first &&
                (order > 0 || (order == 0 && last.loc.pack >= c[i].loc.pack)))
                return err_set(E_CORRUPT, "index cache: chunks out of order");
            last = c[i];
            first = false;
        }
    } while (n > 0);
    return 0;
}

static int index_check_marks(struct index_reader *r)
{
    struct buf key;
    struct buf value;
    bool found = true;
    int rc = 0;

    buf_init(&key, INDEX_MARK_KEY_MAX);
    buf_init(&value, INDEX_MARK_VALUE_MAX);
    while (rc == 0 && found)
        rc = index_reader_next_mark(r, &key, &value, &found);
    buf_release(&key);
    buf_release(&value);
    return rc;
}

int index_check(struct index_reader *r)
{
    struct index_stats stats;
    struct index_chunk *c = mem_array(INDEX_CHECK_CHUNKS, sizeof *c);
    int rc;

    if (!c)
        return err_set(E_NOMEM, "index cache: check");
    rc = index_reader_stats(r, &stats);
    if (rc == 0)
        rc = index_check_packs(r, stats.named_n);
    if (rc == 0)
        rc = index_check_chunks(r, c);
    if (rc == 0)
        rc = index_check_marks(r);
    free(c);
    return rc;
}
