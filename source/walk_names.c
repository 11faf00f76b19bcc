#include "source/walk_names.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fileop.h"
#include "base/mem.h"

enum {
    /* Beyond this the memory of a list is given back with it. */
    WALK_NAMES_KEEP = 4 << 20
};

void walk_names_init(struct walk_names *names)
{
    buf_init(&names->text, (size_t)1 << 40);
    buf_init(&names->order, (size_t)1 << 40);
}

size_t walk_names_bytes(const struct walk_names *names)
{
    return names->text.cap + names->order.cap;
}

void walk_names_release(struct walk_names *names)
{
    buf_release(&names->text);
    buf_release(&names->order);
}

struct walk_list walk_names_begin(const struct walk_names *names)
{
    return (struct walk_list){names->text.n, names->order.n, 0};
}

int walk_names_add(struct walk_names *names, struct walk_list *list,
                   struct bytes name)
{
    size_t at = names->text.n - list->text_start;
    uint32_t at32 = (uint32_t)at;
    int rc;

    if (at > UINT32_MAX)
        return err_set(E_LIMIT, "more than 4 GiB of names in one directory");
    buf_add_bytes(&names->text, name);
    buf_add(&names->text, "", 1);
    rc = buf_status(&names->text);
    if (rc == 0) {
        buf_add(&names->order, &at32, sizeof at32);
        rc = buf_status(&names->order);
    }
    list->n += rc == 0;
    return rc;
}

int walk_names_read(struct walk_names *names, struct walk_list *list, int fd,
                    uint8_t *dents, int *read_errno)
{
    *read_errno = 0;
    for (;;) {
        ssize_t n = fileop_getdents(fd, dents, WALK_DENTS_BYTES);
        struct fileop_dirent dent;
        size_t at = 0;

        if (n < 0)
            *read_errno = errno;
        if (n <= 0)
            return 0;
        while (fileop_dirent_next(dents, (size_t)n, &at, &dent)) {
            int rc = walk_names_add(names, list, bytes_of_str(dent.name));

            if (rc < 0)
                return rc;
        }
    }
}

int walk_names_copy(struct walk_names *names, struct walk_list *list,
                    const struct walk_names *from,
                    const struct walk_list *from_list)
{
    struct bytes text = buf_bytes(&from->text);
    struct bytes order = buf_bytes(&from->order);
    int rc;

    ASSERT(list->n == 0);
    if (from_list->n == 0)
        return 0;
    buf_add(&names->text, text.p + from_list->text_start,
            text.n - from_list->text_start);
    buf_add(&names->order, order.p + from_list->order_start,
            from_list->n * sizeof(uint32_t));
    rc = buf_status(&names->text);
    if (rc == 0)
        rc = buf_status(&names->order);
    list->n = rc == 0 ? from_list->n : 0;
    return rc;
}

static uint32_t *names_order(const struct walk_names *names,
                             const struct walk_list *list)
{
    /* malloc aligns, and only uint32_t are ever added */
    return (uint32_t *)(void *)(names->order.p + list->order_start);
}

static int name_cmp(const void *a, const void *b, void *text)
{
    const char *t = text;

    return strcmp(t + *(const uint32_t *)a, t + *(const uint32_t *)b);
}

void walk_names_sort(struct walk_names *names, struct walk_list *list)
{
    char *text;
    uint32_t *order;
    size_t kept = 0;

    if (list->n == 0)
        return;
    text = (char *)names->text.p + list->text_start;
    order = names_order(names, list);
    qsort_r(order, list->n, sizeof *order, name_cmp, text);
    /* A directory that changes while it is listed may name one twice. */
    for (size_t i = 0; i < list->n; i++) {
        if (i == 0 || strcmp(text + order[i], text + order[kept - 1]) != 0)
            order[kept++] = order[i];
    }
    list->n = kept;
    buf_truncate(&names->order, list->order_start + kept * sizeof(uint32_t));
}

const char *walk_names_get(const struct walk_names *names,
                           const struct walk_list *list, size_t i)
{
    return (const char *)names->text.p + list->text_start +
           names_order(names, list)[i];
}

bool walk_names_has(const struct walk_names *names,
                    const struct walk_list *list, struct bytes name)
{
    size_t low = 0;
    size_t high = list->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = bytes_cmp(bytes_of_str(walk_names_get(names, list, mid)), name);

        if (c == 0)
            return true;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

/* Gives back what a very large directory took. */
static void buf_shrink(struct buf *b)
{
    uint8_t *p;

    if (b->cap <= WALK_NAMES_KEEP || b->n > WALK_NAMES_KEEP / 2)
        return;
    p = mem_resize(b->p, WALK_NAMES_KEEP);
    if (!p)
        return;
    b->p = p;
    b->cap = WALK_NAMES_KEEP;
}

static void buf_empty(struct buf *b, size_t keep)
{
    size_t max = b->max;

    buf_reset(b);
    if (b->cap <= keep)
        return;
    buf_release(b);
    buf_init(b, max);
}

void walk_names_empty(struct walk_names *names, size_t keep)
{
    buf_empty(&names->text, keep);
    buf_empty(&names->order, keep);
}

void walk_names_drop(struct walk_names *names, const struct walk_list *list)
{
    buf_truncate(&names->text, list->text_start);
    buf_truncate(&names->order, list->order_start);
    buf_shrink(&names->text);
    buf_shrink(&names->order);
}
