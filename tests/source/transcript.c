#include "tests/source/transcript.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/walk_prime.h"
#include "tests/support/scratch.h"

static void transcript_add(struct transcript *t, const char *mark,
                           struct bytes path, const char *arrow,
                           struct bytes target)
{
    int n = snprintf(t->text + t->n, sizeof t->text - t->n, "%s%.*s%s%.*s\n",
                     mark, (int)path.n, (const char *)path.p, arrow,
                     (int)target.n, (const char *)target.p);

    assert_in_range(n, 1, sizeof t->text - t->n - 1);
    t->n += (size_t)n;
}

static void transcript_path(const struct walk_item *item, struct buf *path)
{
    if (item->kind == WALK_PROBLEM && item->problem == WALK_MISSING_ROOT) {
        buf_add(path, "/", 1);
        buf_add_bytes(path, item->entry.name);
    } else if (item->kind == WALK_ENTER || item->kind == WALK_LEAVE) {
        dirfd_path(item->dir, (struct bytes){0}, path);
    } else {
        dirfd_path(item->dir, item->entry.name, path);
    }
}

static const char *transcript_mark(const struct walk_item *item)
{
    static const char *const enter[] = {"> ", ">o ", ">k ", ">f "};
    static const char *const problem[] = {"?bad ", "?gone ", "?root "};

    switch (item->kind) {
    case WALK_ENTER:
        return item->path_only ? ">p " : enter[item->skip];
    case WALK_LEAVE:
        return item->incomplete ? "<! " : "< ";
    case WALK_PROBLEM:
        return problem[item->problem];
    case WALK_ENTRY:
    case WALK_END:
        break;
    }
    return "";
}

void transcript_of(struct walk *w, const char *below, struct transcript *t)
{
    struct walk_item item;
    struct buf path;
    size_t skip = strlen(below) + 1;

    *t = (struct transcript){0};
    buf_init(&path, 1 << 20);
    for (;;) {
        t->rc = walk_next(w, &item);
        if (t->rc < 0 || item.kind == WALK_END)
            break;
        buf_reset(&path);
        transcript_path(&item, &path);
        if (path.n < skip - 1 || memcmp(path.p, below, skip - 1) != 0)
            continue;
        if (path.n == skip - 1)
            buf_add(&path, "/", 1);
        transcript_add(t, transcript_mark(&item),
                       bytes_of(path.p + skip, path.n - skip),
                       item.entry.target.n ? " -> " : "", item.entry.target);
    }
    buf_release(&path);
}

/* nap_us: NULL: the walk is not begun with */
static void transcript_walk(const char *dir, const char *roots,
                            const struct walk_options *options,
                            const unsigned *nap_us, struct transcript *t)
{
    char copy[1024];
    char path[8][SCRATCH_PATH];
    struct bytes root[8];
    struct walk *w = NULL;
    size_t n = 0;
    char *rest = NULL;

    assert_in_range(snprintf(copy, sizeof copy, "%s", roots), 0,
                    sizeof copy - 1);
    for (char *word = strtok_r(copy, " ", &rest); word;
         word = strtok_r(NULL, " ", &rest)) {
        assert_in_range(snprintf(path[n], SCRATCH_PATH, "%s%s%s", dir,
                                 strcmp(word, ".") ? "/" : "",
                                 strcmp(word, ".") ? word : ""),
                        1, SCRATCH_PATH - 1);
        root[n] = bytes_of_str(path[n]);
        n++;
    }
    *t = (struct transcript){0};
    t->rc = walk_new(root, n, options, &w);
    if (t->rc == 0 && nap_us) {
        t->rc = walk_prime_begin(w);
        (void)usleep(*nap_us);
        walk_prime_end(w, options);
    }
    if (t->rc == 0)
        transcript_of(w, dir, t);
    walk_free(w);
}

void transcript_words(const char *dir, const char *roots,
                      const struct walk_options *options, struct transcript *t)
{
    transcript_walk(dir, roots, options, NULL, t);
}

void transcript_primed(const char *dir, const char *roots,
                       const struct walk_options *options, unsigned nap_us,
                       struct transcript *t)
{
    struct walk_options o = *options;

    o.ahead = true;
    transcript_walk(dir, roots, &o, &nap_us, t);
}

void transcript_expect(const char *dir, const char *roots,
                       const struct walk_options *options, const char *expected)
{
    struct transcript *t = calloc(1, sizeof *t);
    struct walk_options o = *options;

    assert_non_null(t);
    for (int ahead = 0; ahead < 2; ahead++) {
        o.ahead = ahead;
        transcript_words(dir, roots, &o, t);
        assert_int_equal(t->rc, 0);
        assert_string_equal(t->text, expected);
    }
    for (unsigned nap_us = 0; !o.from && nap_us < 4000; nap_us += 1300) {
        transcript_primed(dir, roots, &o, nap_us, t);
        assert_int_equal(t->rc, 0);
        assert_string_equal(t->text, expected);
    }
    free(t);
}
