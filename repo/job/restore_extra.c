#include "repo/job/restore_extra.h"

/* Whether path, "srv/www/x", is top, "/srv/www", or below it. */
static bool restore_extra_within(struct bytes path, struct bytes top)
{
    while (top.n > 0 && top.p[0] == '/') {
        top.p++;
        top.n--;
    }
    if (top.n == 0)
        return true;
    return path.n >= top.n && memcmp(path.p, top.p, top.n) == 0 &&
           (path.n == top.n || path.p[top.n] == '/');
}

bool restore_extra_stays(const struct restore_delete *d, struct bytes path,
                         bool is_dir)
{
    if (path.n > 0 && d->left && pattern_set_excluded(d->left, path, is_dir))
        return true;
    for (size_t i = 0; i < d->unread_n; i++) {
        if (restore_extra_within(path, d->unread[i]))
            return true;
    }
    return false;
}

bool restore_extra_mirrors(const struct restore_delete *d, struct bytes path,
                           const struct tree_entry *te)
{
    bool in_root = false;

    for (size_t i = 0; i < d->root_n && !in_root; i++)
        in_root = restore_extra_within(path, d->root[i]);
    /* an empty root of a file system: one that the backup did not enter */
    if (!in_root || (te->e.starts_fs && te->dir.entries == 0))
        return false;
    return !restore_extra_stays(d, path, true);
}

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
