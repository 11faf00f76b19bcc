#include "repo/job/restore_extra.h"

int restore_extra_load(struct restore_extra *x, struct jail_dir *dir)
{
    int rc = jail_names_load(dir, &x->names);

    if (rc < 0)
        jail_names_release(&x->names);
    return rc;
}

void restore_extra_release(struct restore_extra *x)
{
    jail_names_release(&x->names);
    *x = (struct restore_extra){.end = 0};
}

void restore_extra_pass(struct restore_extra *x, struct bytes name)
{
    while (x->seen < x->names.n) {
        int order = bytes_cmp(bytes_of_str(x->names.name[x->seen]), name);

        if (order < 0)
            x->names.name[x->end++] = x->names.name[x->seen];
        if (order <= 0)
            x->seen++;
        if (order >= 0)
            return;
    }
}

void restore_extra_end(struct restore_extra *x)
{
    while (x->seen < x->names.n)
        x->names.name[x->end++] = x->names.name[x->seen++];
}

void restore_extra_drop(struct restore_extra *x)
{
    x->seen = x->names.n;
    x->end = 0;
    x->told = 0;
}

const char *restore_extra_next(struct restore_extra *x)
{
    return x->told < x->end ? x->names.name[x->told++] : NULL;
}
