#include "repo/job/current.h"

#include <string.h>

void current_enter(struct current *c, struct bytes name)
{
    if (name.n == 0)
        return;
    if (c->deep > 0 || 1 + name.n > CURRENT_MAX - c->dir_n) {
        c->deep++;
        return;
    }
    c->dir[c->dir_n] = '/';
    memcpy(c->dir + c->dir_n + 1, name.p, name.n);
    c->dir_n += 1 + name.n;
}

void current_leave(struct current *c)
{
    if (c->deep > 0) {
        c->deep--;
        return;
    }
    while (c->dir_n > 0 && c->dir[c->dir_n - 1] != '/')
        c->dir_n--;
    c->dir_n -= c->dir_n > 0;
}

void current_at(struct current *c, struct bytes name)
{
    size_t n = name.n < CURRENT_MAX - 1 ? name.n : CURRENT_MAX - 1;
    size_t dir = c->dir_n;

    if (atomic_exchange(&c->held, true))
        return;
    if (dir > CURRENT_MAX - 1 - n)
        dir = CURRENT_MAX - 1 - n;
    memcpy(c->path, c->dir, dir);
    c->path[dir] = '/';
    if (n)
        memcpy(c->path + dir + 1, name.p, n);
    c->path_n = dir + 1 + n;
    atomic_store(&c->held, false);
}

size_t current_path(struct current *c, uint8_t path[CURRENT_MAX])
{
    size_t n;

    if (atomic_exchange(&c->held, true))
        return 0;
    n = c->path_n;
    memcpy(path, c->path, n);
    atomic_store(&c->held, false);
    return n;
}
