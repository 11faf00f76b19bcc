#include "repo/reserve.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/random.h"
#include "store/store.h"

enum { RESERVE_SPARE = 16 /* times its size must be free for it to be made */ };

/* Random, so that it takes its room also where what is stored is compressed. */
static int reserve_put(struct store *s)
{
    uint8_t *p = mem_alloc(RESERVE_BYTES);
    enum store_outcome outcome;
    int rc =
        p ? random_bytes(p, RESERVE_BYTES) : err_set(E_NOMEM, "out of memory");

    if (rc == 0)
        rc = store_put(s, RESERVE_NAME, bytes_of(p, RESERVE_BYTES), &outcome);
    free(p);
    return rc;
}

int reserve_make(struct store *s)
{
    uint64_t size, room = 0;
    bool there;
    int rc = store_size(s, RESERVE_NAME, &size, &there);

    if (rc == 0)
        rc = store_free_space(s, &room);
    if (rc < 0 || there || room / RESERVE_SPARE < RESERVE_BYTES)
        return rc;
    return reserve_put(s);
}

int reserve_spend(struct store *s, bool *spent)
{
    uint64_t size;
    int rc = store_size(s, RESERVE_NAME, &size, spent);

    if (rc < 0 || !*spent)
        return rc;
    return store_delete(s, RESERVE_NAME);
}

int reserve_spend_if_full(struct store *s)
{
    uint64_t room;
    bool spent;
    int rc = store_free_space(s, &room);

    return rc < 0 || room >= RESERVE_BYTES ? rc : reserve_spend(s, &spent);
}
