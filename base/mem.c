#include "base/mem.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { MEM_GROW_FIRST = 16 };

static atomic_uint_fast64_t mem_calls;
static atomic_uint_fast64_t mem_fail_at; /* value of mem_calls; 0: never */
static atomic_int mem_fail_on;

static int mem_refuse(void)
{
    uint64_t call =
        atomic_fetch_add_explicit(&mem_calls, 1, memory_order_relaxed) + 1;
    uint64_t at = atomic_load_explicit(&mem_fail_at, memory_order_relaxed);

    if (at == 0)
        return 0;
    return call == at || (call > at && atomic_load(&mem_fail_on));
}

void *mem_alloc(size_t n)
{
    return mem_refuse() ? NULL : calloc(1, n);
}

void *mem_raw(size_t n)
{
    return mem_refuse() ? NULL : malloc(n);
}

void *mem_array(size_t n, size_t size)
{
    if (mem_refuse())
        return NULL;
    return n ? calloc(n, size) : calloc(1, 1);
}

void *mem_resize(void *p, size_t n)
{
    return mem_refuse() ? NULL : realloc(p, n);
}

bool mem_grow(void *list, size_t n, size_t *cap, size_t size)
{
    size_t more = *cap ? *cap * 2 : MEM_GROW_FIRST;
    void *p;

    if (n < *cap)
        return true;
    if (*cap > SIZE_MAX / 2 || more > SIZE_MAX / size)
        return false;
    /* the array's own pointer type is not known here */
    memcpy(&p, list, sizeof p);
    p = mem_resize(p, more * size);
    if (!p)
        return false;
    memcpy(list, &p, sizeof p);
    *cap = more;
    return true;
}

void *mem_dup(struct bytes x)
{
    uint8_t *p;

    if (mem_refuse())
        return NULL;
    p = malloc(x.n + 1);
    if (!p)
        return NULL;
    if (x.n)
        memcpy(p, x.p, x.n);
    p[x.n] = 0;
    return p;
}

void mem_fail_after(uint64_t n, int persistent)
{
    atomic_store(&mem_fail_on, persistent);
    atomic_store(&mem_fail_at, n ? atomic_load(&mem_calls) + n : 0);
}

uint64_t mem_count(void)
{
    return atomic_load(&mem_calls);
}

void mem_return_large(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
}
