#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/corpus.h"

enum {
    PLACES_MAX = 4,    /* of one file */
    PIECE_MAX = 200,   /* bytes inserted, deleted or replaced at one place */
    ADDED_MAX = 16384, /* bytes of a new file */
    LATEST_DAY = 700   /* of version 0: later than all other time stamps */
};

struct list {
    char **path;
    size_t n;
    size_t room;
};

struct editor {
    struct list files;
    struct list dirs; /* two levels or more below the root */
    struct prng r;
    uint64_t version;
    int64_t now; /* the time of whatever this version touches */
};

struct place {
    uint64_t at;
    size_t gone;  /* bytes deleted there */
    size_t added; /* bytes put in their place */
};

static void list_add(struct list *l, const char *path)
{
    if (l->n == l->room) {
        l->room = l->room ? l->room * 2 : 1024;
        l->path = reallocarray(l->path, l->room, sizeof *l->path);
    }
    if (!l->path || !(l->path[l->n] = strdup(path)))
        corpus_die("memory");
    l->n++;
}

static void list_release(struct list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->path[i]);
    free(l->path);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Sorted, so that the order of a file system's directories does not matter. */
static void walk(struct editor *e, char *dir)
{
    char *roots[] = {dir, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    FTSENT *f;

    if (!fts)
        corpus_die(dir);
    while ((f = fts_read(fts))) {
        if (f->fts_info == FTS_F && f->fts_statp->st_nlink == 1)
            list_add(&e->files, f->fts_path);
        else if (f->fts_info == FTS_D && f->fts_level >= 2)
            list_add(&e->dirs, f->fts_path);
    }
    (void)fts_close(fts);
}

/* Moves n random paths of the rest to from..from+n-1: each is used once. */
static void draw(struct editor *e, size_t from, size_t n)
{
    for (size_t i = from; i < from + n; i++) {
        size_t other = i + (size_t)prng_below(&e->r, e->files.n - i);
        char *p = e->files.path[i];

        e->files.path[i] = e->files.path[other];
        e->files.path[other] = p;
    }
}

/* The directory part of path, to be freed. */
static char *parent(const char *path)
{
    char *p = strndup(path, (size_t)(strrchr(path, '/') - path));

    if (!p)
        corpus_die("memory");
    return p;
}

static void stamp_parent(const struct editor *e, const char *path)
{
    char *dir = parent(path);

    corpus_stamp(dir, e->now);
    free(dir);
}

static int by_place(const void *a, const void *b)
{
    uint64_t x = ((const struct place *)a)->at;
    uint64_t y = ((const struct place *)b)->at;

    return (x > y) - (x < y);
}

static size_t choose_places(struct prng *r, uint64_t size, struct place *p)
{
    size_t n = 1 + (size_t)prng_below(r, PLACES_MAX);

    for (size_t i = 0; i < n; i++) {
        uint64_t kind = prng_below(r, 3);
        size_t len = 1 + (size_t)prng_below(r, PIECE_MAX);

        p[i].at = prng_below(r, size + 1);
        p[i].gone = kind == 0 ? 0 : len;
        p[i].added = kind == 1 ? 0 : len;
    }
    qsort(p, n, sizeof *p, by_place);
    return n;
}

static void copy(FILE *from, FILE *to, uint64_t n, const char *path)
{
    static char buf[1 << 20];

    while (n > 0) {
        size_t want = n < sizeof buf ? (size_t)n : sizeof buf;
        size_t got = fread(buf, 1, want, from);

        if (got == 0 || fwrite(buf, 1, got, to) != got)
            corpus_die(path);
        n -= got;
    }
}

static void copy_edited(struct editor *e, FILE *from, FILE *to, uint64_t size,
                        const char *path)
{
    struct place p[PLACES_MAX];
    size_t n = choose_places(&e->r, size, p);
    uint64_t at = 0; /* bytes of from that are dealt with */

    for (size_t i = 0; i < n; i++) {
        char text[PIECE_MAX];

        if (p[i].at > at) {
            copy(from, to, p[i].at - at, path);
            at = p[i].at;
        }
        corpus_text(&e->r, text, p[i].added);
        if (fwrite(text, 1, p[i].added, to) != p[i].added)
            corpus_die(path);
        at += p[i].gone < size - at ? p[i].gone : size - at;
        if (fseeko(from, (off_t)at, SEEK_SET) < 0)
            corpus_die(path);
    }
    copy(from, to, size - at, path);
}

/* As editors do: a new file beside it, then renamed over it. */
static void edit_file(struct editor *e, const char *path)
{
    char *temp;
    FILE *from = fopen(path, "re");
    FILE *to;
    struct stat st;

    if (asprintf(&temp, "%s.edit", path) < 0)
        corpus_die("memory");
    to = fopen(temp, "wxe");
    if (!from || !to || fstat(fileno(from), &st) < 0 ||
        fchmod(fileno(to), st.st_mode & 07777) < 0 ||
        fchown(fileno(to), st.st_uid, st.st_gid) < 0)
        corpus_die(path);
    copy_edited(e, from, to, (uint64_t)st.st_size, path);
    if (fclose(to) != 0 || fclose(from) != 0 || rename(temp, path) < 0)
        corpus_die(path);
    corpus_stamp(path, e->now);
    stamp_parent(e, path);
    free(temp);
}

/* Into the directory of a random file, under a name nobody has. */
static char *new_name(struct editor *e, const char *kind, size_t i)
{
    char *dir = parent(e->files.path[prng_below(&e->r, e->files.n)]);
    char *path;

    if (asprintf(&path, "%s/%s-%llu-%zu", dir, kind,
                 (unsigned long long)e->version, i) < 0)
        corpus_die("memory");
    free(dir);
    return path;
}

static void move_file(struct editor *e, const char *path, size_t i)
{
    char *to = new_name(e, "moved", i);

    if (rename(path, to) < 0)
        corpus_die(path);
    stamp_parent(e, path);
    stamp_parent(e, to);
    free(to);
}

static void add_file(struct editor *e, size_t i)
{
    static char data[ADDED_MAX];
    size_t n = (size_t)prng_below(&e->r, sizeof data + 1);
    char *path = new_name(e, "added", i);

    corpus_text(&e->r, data, n);
    corpus_write(path, data, n, 0644, e->now);
    stamp_parent(e, path);
    free(path);
}

static void remove_file(struct editor *e, const char *path)
{
    if (unlink(path) < 0)
        corpus_die(path);
    stamp_parent(e, path);
}

static void move_dir(struct editor *e)
{
    const char *dir = e->dirs.path[prng_below(&e->r, e->dirs.n)];
    char *to;

    if (asprintf(&to, "%s-%llu", dir, (unsigned long long)e->version) < 0)
        corpus_die("memory");
    if (rename(dir, to) < 0)
        corpus_die(dir);
    stamp_parent(e, dir);
    free(to);
}

void corpus_edit(const char *dir, uint64_t seed, uint64_t version)
{
    struct editor e = {.version = version};
    char *root = strdup(dir);
    size_t few;
    size_t edited;
    size_t moved;

    if (!root)
        corpus_die("memory");
    prng_init(&e.r, seed ^ version << 32);
    e.now = CORPUS_BEGIN + (int64_t)(LATEST_DAY + version) * CORPUS_DAY;
    walk(&e, root);
    if (e.files.n == 0) {
        errno = ENOENT;
        corpus_die("a file to edit");
    }
    few = e.files.n / 1000 + 1;
    edited = e.files.n < 5 * few ? e.files.n : 5 * few;
    moved = e.files.n - edited < 2 * few ? 0 : few; /* and as many removed */
    draw(&e, 0, edited + 2 * moved);
    for (size_t i = 0; i < edited; i++)
        edit_file(&e, e.files.path[i]);
    for (size_t i = 0; i < few; i++)
        add_file(&e, i);
    for (size_t i = edited; i < edited + moved; i++)
        move_file(&e, e.files.path[i], i);
    for (size_t i = edited + moved; i < edited + 2 * moved; i++)
        remove_file(&e, e.files.path[i]);
    if (e.dirs.n > 0)
        move_dir(&e);
    (void)printf("version %llu edited %zu added %zu moved %zu removed %zu "
                 "directories-moved %d\n",
                 (unsigned long long)version, edited, few, moved, moved,
                 e.dirs.n > 0);
    list_release(&e.files);
    list_release(&e.dirs);
    free(root);
}
