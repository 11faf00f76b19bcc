#include "base/secret.h"

#include <sys/mman.h>
#include <unistd.h>

int secret_init(struct secret *s, size_t cap)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t mapped;
    void *p;

    *s = (struct secret){0};
    ASSERT(cap > 0);
    if (cap > SIZE_MAX - page)
        return err_set(E_NOMEM, "a secret of %zu bytes", cap);
    mapped = (cap + page - 1) / page * page;
    p = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
             -1, 0);
    if (p == MAP_FAILED)
        return err_set(E_NOMEM, "no memory for a secret of %zu bytes", cap);
    /* what an old kernel or a low limit refuses makes the secret no less
     * usable, and refusing to back up would not protect it better */
    (void)madvise(p, mapped, MADV_DONTDUMP);
    (void)madvise(p, mapped, MADV_WIPEONFORK);
    *s = (struct secret){
        .p = p, .cap = cap, .mapped = mapped, .locked = mlock(p, mapped) == 0};
    return 0;
}

void secret_release(struct secret *s)
{
    if (s->p) {
        explicit_bzero(s->p, s->mapped);
        (void)munmap(s->p, s->mapped); /* unlocks as well */
    }
    *s = (struct secret){0};
}

int secret_set(struct secret *s, struct bytes x)
{
    if (x.n > s->cap)
        return err_set(E_LIMIT, "a secret of more than %zu bytes", s->cap);
    if (x.n)
        memmove(s->p, x.p, x.n);
    if (s->n > x.n)
        explicit_bzero(s->p + x.n, s->n - x.n);
    s->n = x.n;
    return 0;
}

uint8_t *secret_extend(struct secret *s, size_t n)
{
    uint8_t *p;

    if (s->p == NULL || n > s->cap - s->n)
        return NULL;
    p = s->p + s->n;
    s->n += n;
    return p;
}

void secret_wipe(struct secret *s)
{
    if (s->p)
        explicit_bzero(s->p, s->n);
    s->n = 0;
}

bool secret_equal(struct bytes a, struct bytes b)
{
    volatile uint8_t differ = 0; /* keeps the compiler from stopping early */

    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        differ = (uint8_t)(differ | (a.p[i] ^ b.p[i]));
    return differ == 0;
}
