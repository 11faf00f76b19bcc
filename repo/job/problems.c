#include "repo/job/problems.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"

struct problems {
    pthread_mutex_t lock;
    struct arena arena;
    struct manifest_problem list[MANIFEST_PROBLEM_MAX];
    size_t n;
    uint64_t count[PROBLEMS_KINDS];
};

struct problems *problems_new(void)
{
    struct problems *p = mem_alloc(sizeof *p);

    if (p)
        (void)pthread_mutex_init(&p->lock, NULL);
    return p;
}

void problems_free(struct problems *p)
{
    if (!p)
        return;
    (void)pthread_mutex_destroy(&p->lock);
    arena_release(&p->arena);
    free(p);
}

void problems_add(struct problems *p, enum manifest_problem_kind kind,
                  struct bytes path, struct bytes text)
{
    struct manifest_problem *to;

    (void)pthread_mutex_lock(&p->lock);
    p->count[kind]++;
    if (p->n < MANIFEST_PROBLEM_MAX) {
        to = &p->list[p->n];
        to->kind = kind;
        if (arena_dup(&p->arena, path, &to->path) == 0 &&
            arena_dup(&p->arena, text, &to->text) == 0)
            p->n++;
    }
    (void)pthread_mutex_unlock(&p->lock);
}

uint64_t problems_count(struct problems *p, enum manifest_problem_kind kind)
{
    uint64_t n;

    (void)pthread_mutex_lock(&p->lock);
    n = p->count[kind];
    (void)pthread_mutex_unlock(&p->lock);
    return n;
}

uint64_t problems_total(struct problems *p)
{
    uint64_t n = 0;

    (void)pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < PROBLEMS_KINDS; i++)
        n += p->count[i];
    (void)pthread_mutex_unlock(&p->lock);
    return n;
}

const struct manifest_problem *problems_list(struct problems *p, size_t *n)
{
    *n = p->n;
    return p->list;
}
