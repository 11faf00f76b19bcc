#include "repo/pack_claim.h"

#include "base/blake3.h"
#include "base/log.h"
#include "repo/pack_reader.h"

void pack_claim_dir(struct bytes content, struct object_id *out)
{
    blake3_hash(content, out->b);
}

bool pack_claim_same(const struct index_pack *a, const struct index_pack *b)
{
    return memcmp(a->member.b, b->member.b, sizeof a->member.b) == 0 &&
           object_id_equal(&a->dir, &b->dir);
}

/* Whose word is taken where the pack does not tell. */
static int pack_claim_weight(const struct keyring *k, const struct members *m,
                             const struct index_pack *p)
{
    const struct members_one *one = members_find(m, &p->member);

    if (memcmp(p->member.b, k->member.b, sizeof p->member.b) == 0)
        return 2;
    return one && one->role == KEYRING_FULL;
}

int pack_claim_settle(struct store *s, const struct keyring *k,
                      const struct members *m, const struct index_pack *had,
                      const struct index_pack *next, bool *take)
{
    struct pack_info info = {.bytes = 0};
    struct pack_reader *r = NULL;
    int rc = pack_reader_new(s, k, &r);

    *take = false;
    if (rc == 0)
        rc = pack_reader_dir(r, &next->id, &info);
    if (rc == 0) {
        struct index_pack is = {.member = info.writer};

        pack_claim_dir(buf_bytes(&info.dir), &is.dir);
        *take = pack_claim_same(next, &is) && !pack_claim_same(had, &is);
    } else if (rc != E_NOMEM) {
        log_debug("two segments disagree on a pack: %s", err_text());
        *take = pack_claim_weight(k, m, next) > pack_claim_weight(k, m, had);
        rc = 0;
    }
    pack_info_release(&info);
    pack_reader_free(r);
    return rc;
}
