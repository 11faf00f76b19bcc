/* Records of the log and of journals: what is accepted says the same when it
 * is written anew. */
#include <stdint.h>
#include <stdlib.h>

#include "repo/record_journal.h"
#include "repo/record_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Two lists whose elements have that many bytes each. */
#define SAME_LIST(a, b, each)                                                  \
    ((a).n == (b).n && bytes_equal(bytes_of((a).p, (a).n * (each)),            \
                                   bytes_of((b).p, (b).n * (each))))

static void check_epoch(const struct record_epoch *e,
                        const struct record_epoch *back)
{
    struct record_shares l = e->shares;
    struct record_share s;

    while (record_epoch_next(&l, &s))
        ASSERT(s.share.n > 0 && s.share.n <= RECORD_EPOCH_SHARE_MAX);
    ASSERT(back->number == e->number && back->shares.n == e->shares.n &&
           bytes_equal(back->shares.encoded, e->shares.encoded) &&
           memcmp(&back->data_public, &e->data_public, 32) == 0 &&
           memcmp(&back->meta_public, &e->meta_public, 32) == 0 &&
           memcmp(&back->proof, &e->proof, 32) == 0);
}

static void check_lists(const struct record *r, const struct record_log *l)
{
    struct record_strings tags = l->tags;
    struct record_members members = l->members;
    struct record_cuts cuts = l->cuts;
    struct record_member m;
    struct record_cut cut;
    size_t hashes = 0;
    struct bytes s;

    while (record_string_next(&tags, &s))
        ASSERT(s.n > 0 && s.n <= RECORD_TAG_MAX);
    while (record_member_next(&members, &m))
        ASSERT(m.role >= 1 && m.role <= 4 && m.standing <= RECORD_REMOVED);
    while (record_member_cut_next(&cuts, &cut)) {
        ASSERT(cut.n > 0 && cut.first + cut.n > cut.first);
        hashes += cut.n;
    }
    ASSERT(hashes <= r->body.n / ID_BYTES);
}

static bool same_features(const struct record_log *a,
                          const struct record_log *b)
{
    for (size_t i = 0; i < RECORD_CLASS_N; i++) {
        if (!bytes_equal(a->features[i].encoded, b->features[i].encoded))
            return false;
    }
    return true;
}

static void check_log(const struct record *r)
{
    struct record again = *r;
    struct record_log l;
    struct record_log back;
    struct buf b;

    if (record_log_get(r, &l) < 0)
        return;
    check_lists(r, &l);
    buf_init(&b, 1 << 20);
    record_log_put((enum record_log_type)r->type, &l, &b);
    ASSERT(buf_status(&b) == 0);
    again.body = buf_bytes(&b);
    ASSERT(record_log_get(&again, &back) == 0);
    ASSERT(
        SAME_LIST(back.ids, l.ids, ID_BYTES) &&
        SAME_LIST(back.marked, l.marked, ID_BYTES) &&
        SAME_LIST(back.rescued, l.rescued, ID_BYTES) &&
        back.decides == l.decides && back.until == l.until &&
        SAME_LIST(back.suspects, l.suspects, sizeof(struct record_suspect)) &&
        SAME_LIST(back.vouches, l.vouches, sizeof(struct record_vouch)) &&
        bytes_equal(back.tags.encoded, l.tags.encoded) &&
        bytes_equal(back.members.encoded, l.members.encoded) &&
        same_features(&back, &l) && back.trust == l.trust &&
        bytes_equal(back.cuts.encoded, l.cuts.encoded) &&
        bytes_equal(back.text, l.text) && bytes_equal(back.base, l.base));
    check_epoch(&l.epoch, &back.epoch);
    buf_release(&b);
}

static void check_journal(const struct record *r)
{
    struct record again = *r;
    struct record_journal j;
    struct record_journal back;
    struct buf b;

    if (record_journal_get(r, &j) < 0)
        return;
    buf_init(&b, 1 << 20);
    record_journal_put((enum record_journal_type)r->type, &j, &b);
    ASSERT(buf_status(&b) == 0);
    again.body = buf_bytes(&b);
    ASSERT(record_journal_get(&again, &back) == 0);
    ASSERT(back.generation == j.generation &&
           SAME_LIST(back.ids, j.ids, ID_BYTES) && back.until == j.until &&
           back.seen == j.seen && object_id_equal(&back.id, &j.id) &&
           object_id_equal(&back.log_id, &j.log_id) &&
           bytes_equal(back.series, j.series) &&
           back.in_series == j.in_series && back.complete == j.complete &&
           bytes_equal(back.process.host, j.process.host) &&
           back.process.pid == j.process.pid &&
           back.process.start == j.process.start &&
           bytes_equal(back.process.boot_id, j.process.boot_id) &&
           back.process.pid_namespace == j.process.pid_namespace &&
           bytes_equal(back.process.series, j.process.series));
    buf_release(&b);
}

static void check_name(const uint8_t *data, size_t n)
{
    struct writer_id w;
    uint64_t number;
    char name[200];
    char again[RECORD_NAME_MAX];

    if (n >= sizeof name)
        return;
    memcpy(name, data, n);
    name[n] = 0;
    if (record_log_number(name, &number)) {
        record_log_name(number, again);
        ASSERT(strcmp(name, again) == 0);
    }
    if (record_journal_number(name, &w, &number)) {
        record_journal_name(&w, number, again);
        ASSERT(strcmp(name, again) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct record r;
    struct buf b;

    check_name(data, n);
    if (record_get(bytes_of(data, n), &r) < 0)
        return 0;
    buf_init(&b, n + 100);
    record_put(&r, &b);
    ASSERT(bytes_equal(buf_bytes(&b), bytes_of(data, n)));
    buf_release(&b);
    check_log(&r);
    check_journal(&r);
    return 0;
}
