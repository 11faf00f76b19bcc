#include "repo/check_records.h"

#include <stdlib.h>

#include "base/mem.h"
#include "repo/check_report.h"
#include "repo/record_journal.h"
#include "repo/record_log.h"
#include "store/store.h"

void check_records_release(struct check_records *l)
{
    free(l->item);
    *l = (struct check_records){.item = NULL};
}

int check_records_add(struct check_records *l, const char *name, bool *is)
{
    struct check_record it = {.number = 0};

    *is = record_log_number(name, &it.number) ||
          record_journal_number(name, &it.writer, &it.number);
    if (!*is)
        return 0;
    if (!MEM_GROW(l->item, l->n, l->cap))
        return err_set(E_NOMEM, "out of memory");
    l->item[l->n++] = it;
    return 0;
}

static int check_records_order(const void *a, const void *b)
{
    const struct check_record *x = a;
    const struct check_record *y = b;
    int c = memcmp(x->writer.b, y->writer.b, sizeof x->writer.b);

    return c ? c : (x->number > y->number) - (x->number < y->number);
}

void check_records_sort(struct check_records *l)
{
    if (l->n > 0)
        qsort(l->item, l->n, sizeof *l->item, check_records_order);
}

static int check_records_listed(void *ctx, const char *name, uint64_t size)
{
    bool is;

    (void)size;
    return check_records_add(ctx, name, &is);
}

int check_records_load(struct store *s, const char *prefix,
                       struct check_records *l)
{
    int rc = store_list(s, prefix, check_records_listed, l);

    check_records_sort(l);
    return rc;
}

size_t check_records_run(const struct check_records *l, size_t from)
{
    size_t n = 0;

    while (from + n < l->n &&
           memcmp(l->item[from].writer.b, l->item[from + n].writer.b,
                  sizeof l->item[from].writer.b) == 0)
        n++;
    return n;
}
