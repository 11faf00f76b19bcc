/* What was renamed, by what it holds, and what is taken for that and is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "repo/dir_writer.h"
#include "repo/tree_renames.h"
#include "tests/repo/node_store.h"

enum { BYTES_MAX = 1 << 20 };

static const struct node_key key = {{4}};

struct world {
    struct node_store store;
    struct node_source source;
    struct dir_writer *w;
};

static void world_init(struct world *w)
{
    struct node_sink sink = node_store_sink(&w->store);

    *w = (struct world){.store = {.n = 0}};
    w->source = node_store_source(&w->store);
    w->w = dir_writer_new(&key, &sink);
}

static void world_release(struct world *w)
{
    dir_writer_free(w->w);
    node_store_release(&w->store);
}

static void add(struct world *w, struct tree_entry *te, const char *name)
{
    te->e.name = bytes_of_str(name);
    assert_int_equal(dir_writer_add(w->w, te), 0);
}

/* A file of n bytes of the chunk `id`; 0: empty. */
static void file(struct world *w, const char *name, uint8_t id, uint64_t n,
                 unsigned mode)
{
    struct extent x = {.kind = EXTENT_CHUNK, .length = n, .id = {{id}}};
    struct tree_entry te = {.e = {.type = ENTRY_FILE, .mode = mode, .size = n}};
    struct buf b;

    buf_init(&b, 100);
    if (n > 0) {
        extent_put(&b, &x);
        te.content.extent_n = 1;
    }
    te.content.extents = buf_bytes(&b);
    add(w, &te, name);
    buf_release(&b);
}

/* A file with a list of extents. */
static void listed(struct world *w, const char *name, uint8_t root, uint64_t n)
{
    struct tree_entry te = {.e = {.type = ENTRY_FILE, .size = n},
                            .content = {.is_list = true, .root = {{root}}}};

    add(w, &te, name);
}

static void dir(struct world *w, const char *name, unsigned mode,
                const struct tree_dir *d)
{
    struct tree_entry te = {.e = {.type = ENTRY_DIR, .mode = mode}, .dir = *d};

    add(w, &te, name);
}

static void link_to(struct world *w, const char *name, const char *target)
{
    struct tree_entry te = {
        .e = {.type = ENTRY_SYMLINK, .target = bytes_of_str(target)}};

    add(w, &te, name);
}

static struct tree_dir done(struct world *w)
{
    struct tree_dir d;

    assert_int_equal(dir_writer_finish(w->w, &d), 0);
    dir_writer_reset(w->w);
    return d;
}

static enum tree_renames_scope reach; /* of the last comparison */

static size_t say(char *text, size_t size, char sign, struct bytes from,
                  struct bytes path)
{
    return (size_t)snprintf(text, size, "%c%.*s%s%.*s ", sign, (int)from.n,
                            from.n ? (const char *)from.p : "",
                            from.n ? ">" : "", (int)path.n,
                            path.n ? (const char *)path.p : "");
}

/* "+" added, "-" removed, "M", "m"; "R" old>new, "r" when its metadata differs
 * too, with "-" and "+" left out. */
static const char *diff_within(struct world *w, const struct tree_dir *a,
                               const struct tree_dir *b, size_t bytes_max)
{
    static const char sign[] = "+-Mm!";
    static char text[4096];
    const struct tree_entry ta = {.e = {.type = ENTRY_DIR}, .dir = *a};
    const struct tree_entry tb = {.e = {.type = ENTRY_DIR}, .dir = *b};
    struct tree_renames *r = tree_renames_new(&w->source, bytes_max);
    struct tree_diff *d = tree_diff_new(&w->source);
    struct tree_diff_item it = {.kind = TREE_DIFF_ADDED};
    size_t at = 0;

    assert_int_equal(tree_renames_find(r, &ta, &tb, NULL), 0);
    reach = tree_renames_reach(r);
    text[0] = 0;
    tree_diff_start(d, &ta, &tb);
    for (;;) {
        struct tree_renames_mate mate = {.meta = false};
        bool moved;

        assert_int_equal(tree_diff_next(d, &it), 0);
        if (it.kind == TREE_DIFF_END)
            break;
        moved = tree_renames_other(r, &it, &mate);
        if (moved)
            tree_diff_skip(d);
        if (!moved || it.b)
            at += say(text + at, sizeof text - at,
                      mate.meta ? 'r'
                      : moved   ? 'R'
                                : sign[it.kind],
                      mate.path, it.path);
    }
    tree_diff_free(d);
    tree_renames_free(r);
    return text;
}

static const char *diff(struct world *w, const struct tree_dir *a,
                        const struct tree_dir *b)
{
    const char *text = diff_within(w, a, b, BYTES_MAX);

    assert_int_equal(reach, TREE_RENAMES_ALL);
    return text;
}

static void test_tree_renames__files_by_content(void **state)
{
    struct tree_dir a, b;
    struct world w;

    (void)state;
    world_init(&w);
    file(&w, "empty", 0, 0, 0600);
    link_to(&w, "link", "there");
    listed(&w, "long", 7, 900);
    file(&w, "moved", 1, 10, 0600);
    file(&w, "other", 2, 10, 0600);
    file(&w, "short", 3, 10, 0600);
    a = done(&w);
    file(&w, "empty2", 0, 0, 0600);
    link_to(&w, "link2", "there");
    listed(&w, "long2", 7, 900);
    file(&w, "moved2", 1, 10, 0644); /* and its mode has changed */
    file(&w, "other2", 9, 10, 0600);
    file(&w, "short2", 3, 9, 0600);
    b = done(&w);
    assert_string_equal(diff(&w, &a, &b),
                        "-empty +empty2 -link +link2 Rlong>long2 rmoved>moved2 "
                        "-other +other2 -short +short2 ");
    assert_string_equal(diff(&w, &b, &a),
                        "+empty -empty2 +link -link2 Rlong2>long rmoved2>moved "
                        "+other -other2 +short -short2 ");
    assert_string_equal(diff(&w, &a, &a), "");
    world_release(&w);
}

/* ... which is known of each that has its mate; the time of a directory tells
 * nothing. */
static void test_tree_renames__metadata_of_what_was_renamed(void **state)
{
    struct tree_entry f = {.e = {.type = ENTRY_FILE, .size = 9},
                           .content = {.is_list = true, .root = {{7}}}};
    struct tree_entry d = {.e = {.type = ENTRY_DIR, .mode = 0700}};
    const struct {
        const struct tree_entry *of;
        int64_t s;
        uint32_t gid;
        const char *want;
    } row[] = {{&f, 0, 0, "Rold>new "}, {&f, 1, 0, "rold>new "},
               {&f, 0, 1, "rold>new "}, {&d, 0, 0, "Rold>new "},
               {&d, 1, 0, "Rold>new "}, {&d, 0, 1, "rold>new "}};
    struct tree_dir a, b;
    struct world w;

    (void)state;
    world_init(&w);
    file(&w, "x", 1, 10, 0600);
    d.dir = done(&w);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct tree_entry te = *row[i].of;

        add(&w, &te, "old");
        a = done(&w);
        te.e.mtime.s = row[i].s;
        te.e.gid = row[i].gid;
        add(&w, &te, "new");
        b = done(&w);
        assert_string_equal(diff(&w, &a, &b), row[i].want);
    }
    world_release(&w);
}

/* Names that were swapped are two files that changed; a copy is none that
 * went; nor is the name of a hard link that is still there. */
static void test_tree_renames__old_one_must_be_gone(void **state)
{
    struct tree_dir a, b;
    struct world w;

    (void)state;
    world_init(&w);
    file(&w, "one", 1, 10, 0600);
    file(&w, "three", 3, 10, 0600);
    file(&w, "two", 2, 10, 0600);
    a = done(&w);
    file(&w, "copy", 3, 10, 0600);
    file(&w, "one", 2, 10, 0600);
    file(&w, "three", 3, 10, 0600);
    file(&w, "two", 1, 10, 0600);
    b = done(&w);
    assert_string_equal(diff(&w, &a, &b), "+copy Mone Mtwo ");
    world_release(&w);
}

/* A name that became another type of thing went, and may have come elsewhere.
 */
static void test_tree_renames__another_type_at_the_old_place(void **state)
{
    struct tree_dir a, b, sub;
    struct world w;

    (void)state;
    world_init(&w);
    file(&w, "x", 1, 10, 0600);
    a = done(&w);
    file(&w, "in", 1, 10, 0600);
    sub = done(&w);
    dir(&w, "x", 0700, &sub);
    b = done(&w);
    assert_string_equal(diff(&w, &a, &b), "+x Rx>x/in ");
    assert_string_equal(diff(&w, &b, &a), "-x Rx/in>x ");
    world_release(&w);
}

static void test_tree_renames__same_name_first_then_in_order(void **state)
{
    struct tree_dir a, b, old, new;
    struct world w;

    (void)state;
    world_init(&w);
    for (char name[] = "a"; name[0] <= 'd'; name[0]++)
        file(&w, name, 1, 10, 0600);
    old = done(&w);
    for (char name[] = "c"; name[0] <= 'g'; name[0]++)
        file(&w, name, 1, 10, 0600);
    new = done(&w);
    dir(&w, "old", 0700, &old);
    a = done(&w);
    dir(&w, "new", 0700, &new);
    b = done(&w);
    assert_string_equal(diff(&w, &a, &b),
                        "+new Rold/c>new/c Rold/d>new/d Rold/a>new/e "
                        "Rold/b>new/f +new/g -old ");
    /* in the order of the tree, not of the last names */
    file(&w, "z", 1, 10, 0600);
    old = done(&w);
    file(&w, "y", 1, 10, 0600);
    new = done(&w);
    dir(&w, "1", 0700, &old);
    dir(&w, "2", 0700, &new);
    a = done(&w);
    file(&w, "m", 1, 10, 0600);
    file(&w, "n", 1, 10, 0600);
    b = done(&w);
    assert_string_equal(diff(&w, &a, &b), "-1 -2 R1/z>m R2/y>n ");
    world_release(&w);
}

/* One line, however much is in it; what is in it is not looked at again. */
static void test_tree_renames__directory_is_one_thing(void **state)
{
    enum { FILES = 2000 };
    struct tree_dir inner, big, a, b;
    struct world w;
    char name[32];

    (void)state;
    world_init(&w);
    file(&w, "x", 1, 10, 0600);
    inner = done(&w);
    dir(&w, "a-inner", 0700, &inner);
    for (unsigned i = 0; i < FILES; i++) {
        (void)snprintf(name, sizeof name, "f%05u", i);
        file(&w, name, (uint8_t)i, 10 + i, 0600);
    }
    big = done(&w);
    dir(&w, "old", 0700, &big);
    a = done(&w);
    /* equal to what is in old, which goes with old */
    dir(&w, "a-inner", 0700, &inner);
    file(&w, "f00007", 7, 17, 0600);
    dir(&w, "new", 0755, &big);
    b = done(&w);
    assert_string_equal(diff(&w, &a, &b),
                        "+a-inner +a-inner/x +f00007 rold>new ");
    /* ... and however little memory there is for files */
    assert_string_equal(diff_within(&w, &a, &b, 10000),
                        "+a-inner +a-inner/x +f00007 rold>new ");
    assert_int_equal(reach, TREE_RENAMES_ALL);
    world_release(&w);
}

/* Then it is another one, with files and directories that were renamed. */
static void test_tree_renames__directory_that_changed(void **state)
{
    struct tree_dir inner, none, old, new, a, b;
    struct world w;

    (void)state;
    world_init(&w);
    none = done(&w);
    file(&w, "x", 9, 10, 0600);
    inner = done(&w);
    dir(&w, "empty", 0700, &none);
    file(&w, "gone", 4, 10, 0600);
    file(&w, "kept", 1, 10, 0600);
    dir(&w, "sub", 0700, &inner);
    old = done(&w);
    dir(&w, "empty", 0700, &none);
    file(&w, "kept", 1, 10, 0600);
    file(&w, "more", 5, 10, 0600);
    dir(&w, "sub2", 0700, &inner);
    new = done(&w);
    dir(&w, "old", 0700, &old);
    a = done(&w);
    dir(&w, "new", 0700, &new);
    b = done(&w);
    assert_string_equal(diff(&w, &a, &b),
                        "+new +new/empty Rold/kept>new/kept +new/more "
                        "Rold/sub>new/sub2 -old -old/empty -old/gone ");
    world_release(&w);
}

/* ---- trees that lie about how much is below their directories ------------ */

enum { TALLY_MAX = 1000, TALLY_PATH = 64, WENT = 0, CAME = 1 };

/* Each path that went or came, and how often it was told of. */
struct tally {
    size_t n;
    struct {
        char path[TALLY_PATH];
        bool came;
        unsigned told;
    } of[TALLY_MAX];
};

static void tally_add(struct tally *t, bool came, struct bytes path)
{
    assert_true(t->n < TALLY_MAX && path.n < TALLY_PATH);
    (void)snprintf(t->of[t->n].path, TALLY_PATH, "%.*s", (int)path.n,
                   (const char *)path.p);
    t->of[t->n].told = 0;
    t->of[t->n++].came = came;
}

/* A line told of a path, and, when it told of all below, of that as well. */
static void tally_tell(struct tally *t, bool came, struct bytes path,
                       bool below)
{
    for (size_t i = 0; i < t->n; i++) {
        const char *p = t->of[i].path;

        if (t->of[i].came == came && strlen(p) >= path.n &&
            memcmp(p, path.p, path.n) == 0 &&
            (p[path.n] == 0 || (below && p[path.n] == '/')))
            t->of[i].told++;
    }
}

/* Walks both trees; with r: as one who tells what was renamed. Returns how many
 * things were. */
static size_t tally_walk(struct world *w, const struct tree_entry *a,
                         const struct tree_entry *b, struct tree_renames *r,
                         struct tally *t)
{
    struct tree_diff *d = tree_diff_new(&w->source);
    struct tree_diff_item it = {.kind = TREE_DIFF_ADDED};
    size_t renamed = 0;

    tree_diff_start(d, a, b);
    for (;;) {
        struct tree_renames_mate mate;

        assert_int_equal(tree_diff_next(d, &it), 0);
        if (it.kind == TREE_DIFF_END)
            break;
        if (it.kind != TREE_DIFF_ADDED && it.kind != TREE_DIFF_REMOVED)
            continue;
        if (!r) {
            tally_add(t, it.b, it.path);
        } else if (!tree_renames_other(r, &it, &mate)) {
            tally_tell(t, it.b, it.path, false);
        } else {
            tree_diff_skip(d);
            if (it.a)
                continue;
            tally_tell(t, CAME, it.path, true);
            tally_tell(t, WENT, mate.path, true);
            renamed++;
        }
    }
    tree_diff_free(d);
    return renamed;
}

/* Whatever the numbers say, each thing is told of once. */
static size_t tells_each_once(struct world *w, const struct tree_dir *a,
                              const struct tree_dir *b)
{
    static struct tally t;
    const struct tree_entry ta = {.e = {.type = ENTRY_DIR}, .dir = *a};
    const struct tree_entry tb = {.e = {.type = ENTRY_DIR}, .dir = *b};
    struct tree_renames *r = tree_renames_new(&w->source, BYTES_MAX);
    size_t renamed;

    t.n = 0;
    assert_int_equal(tree_renames_find(r, &ta, &tb, NULL), 0);
    (void)tally_walk(w, &ta, &tb, NULL, &t);
    renamed = tally_walk(w, &ta, &tb, r, &t);
    for (size_t i = 0; i < t.n; i++) {
        if (t.of[i].told != 1)
            fail_msg("%c%s was told of %u times", t.of[i].came ? '+' : '-',
                     t.of[i].path, t.of[i].told);
    }
    tree_renames_free(r);
    return renamed;
}

static void forged_dir(struct world *w, const char *name, struct tree_dir d,
                       uint64_t below)
{
    d.below = below;
    dir(w, name, 0700, &d);
}

/* A directory looks larger than the one that it is in, and is paired first. */
static void test_tree_renames__forged_numbers(void **state)
{
    struct tree_dir inner, outer, a, b;
    struct world w;

    (void)state;
    world_init(&w);
    file(&w, "x", 1, 10, 0600);
    inner = done(&w);
    forged_dir(&w, "in", inner, 1000);
    outer = done(&w);
    forged_dir(&w, "in", inner, 1000);
    forged_dir(&w, "old", outer, 5);
    a = done(&w);
    forged_dir(&w, "new", outer, 5);
    b = done(&w);
    /* what is old/in now would be new/in by its number, and "in" as well */
    assert_string_equal(diff(&w, &a, &b), "-in -in/x Rold>new ");
    assert_string_equal(diff(&w, &b, &a), "+in +in/x Rnew>old ");
    assert_int_equal(tells_each_once(&w, &a, &b), 1);
    world_release(&w);
}

static unsigned draw(uint32_t *seed, unsigned n)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 16) % n;
}

/* A directory of some of n others, each with a number that says nothing. */
static struct tree_dir forged(struct world *w, uint32_t *seed,
                              const char *names, const struct tree_dir *of,
                              unsigned n)
{
    for (; *names; names++) {
        const char name[] = {*names, 0};
        const unsigned i = draw(seed, n + 1);

        if (i < n)
            forged_dir(w, name, of[i], draw(seed, 4));
        else
            file(w, name, (uint8_t)(1 + draw(seed, 2)), 10, 0600);
    }
    return done(w);
}

static void test_tree_renames__any_numbers(void **state)
{
    enum { SEEDS = 400, KINDS = 3, HEIGHT = 3 };
    size_t renamed = 0;

    (void)state;
    for (uint32_t i = 0; i < SEEDS; i++) {
        struct tree_dir level[HEIGHT * KINDS], a, b;
        struct world w;
        uint32_t seed = i;
        unsigned n = 0;

        world_init(&w);
        for (unsigned h = 0; h < HEIGHT; h++) {
            for (unsigned k = 0; k < KINDS; k++)
                level[h * KINDS + k] =
                    forged(&w, &seed, k == 0 ? "ab" : "bc", level, n);
            n += KINDS;
        }
        a = forged(&w, &seed, "abcd", level, n);
        b = forged(&w, &seed, "cdef", level, n);
        renamed += tells_each_once(&w, &a, &b);
        world_release(&w);
    }
    assert_true(renamed > SEEDS);
}

static void test_tree_renames__many_equal_ones(void **state)
{
    enum { N = 20000 };
    struct tree_dir a, b;
    struct tree_entry ta = {.e = {.type = ENTRY_DIR}},
                      tb = {.e = {.type = ENTRY_DIR}};
    struct tree_renames *r;
    struct tree_diff *d;
    struct tree_diff_item it = {.kind = TREE_DIFF_ADDED};
    size_t pairs = 0;
    struct world w;
    char name[32];

    (void)state;
    world_init(&w);
    for (unsigned i = 0; i < N; i++) {
        (void)snprintf(name, sizeof name, "a%05u", i);
        file(&w, name, 1, 10, 0600);
    }
    a = done(&w);
    for (unsigned i = 0; i < N; i++) {
        (void)snprintf(name, sizeof name, "b%05u", i);
        file(&w, name, 1, 10, 0600);
    }
    b = done(&w);
    ta.dir = a;
    tb.dir = b;
    r = tree_renames_new(&w.source, (size_t)16 << 20);
    d = tree_diff_new(&w.source);
    assert_int_equal(tree_renames_find(r, &ta, &tb, NULL), 0);
    tree_diff_start(d, &ta, &tb);
    for (;;) {
        struct tree_renames_mate mate;

        assert_int_equal(tree_diff_next(d, &it), 0);
        if (it.kind == TREE_DIFF_END)
            break;
        assert_true(tree_renames_other(r, &it, &mate));
        /* the first with the first, and each once */
        assert_int_equal(mate.path.n, 6);
        assert_memory_equal(mate.path.p + 1, it.path.p + 1, 5);
        pairs++;
    }
    assert_int_equal(pairs, 2 * N);
    tree_diff_free(d);
    tree_renames_free(r);
    world_release(&w);
}

static void test_tree_renames__bound(void **state)
{
    struct tree_dir sub, a, b;
    struct world w;
    char name[32];

    (void)state;
    world_init(&w);
    file(&w, "in", 99, 10, 0600);
    sub = done(&w);
    for (char side = 'a'; side <= 'b'; side++) {
        for (unsigned i = 0; i < 3; i++) {
            (void)snprintf(name, sizeof name, "%c%u", side, i);
            file(&w, name, (uint8_t)i, 10, 0600);
        }
        (void)snprintf(name, sizeof name, "%cdir", side);
        dir(&w, name, 0700, &sub);
        *(side == 'a' ? &a : &b) = done(&w);
    }
    assert_string_equal(diff_within(&w, &a, &b, BYTES_MAX),
                        "Ra0>b0 Ra1>b1 Ra2>b2 Radir>bdir ");
    assert_string_equal(diff_within(&w, &a, &b, 500),
                        "-a0 -a1 -a2 +b0 +b1 +b2 Radir>bdir ");
    assert_int_equal(reach, TREE_RENAMES_DIRS);
    assert_string_equal(
        diff_within(&w, &a, &b, 100),
        "-a0 -a1 -a2 -adir -adir/in +b0 +b1 +b2 +bdir +bdir/in ");
    assert_int_equal(reach, TREE_RENAMES_NONE);
    world_release(&w);
}

/* Damage is for who compares to tell. */
static void test_tree_renames__damage_is_passed_over(void **state)
{
    struct tree_dir lost, a, b;
    struct world w;

    (void)state;
    world_init(&w);
    file(&w, "in", 1, 10, 0600);
    lost = done(&w);
    file(&w, "f", 2, 10, 0600);
    dir(&w, "lost", 0700, &lost);
    a = done(&w);
    file(&w, "g", 2, 10, 0600);
    b = done(&w);
    node_store_find(&w.store, &lost.root)->p[0] ^= 1;
    assert_string_equal(diff(&w, &a, &b), "Rf>g -lost !lost ");
    world_release(&w);
}

static void test_tree_renames__stops_when_asked(void **state)
{
    struct cancel cancel = {0};
    struct tree_entry ta = {.e = {.type = ENTRY_DIR}}, tb = ta;
    struct tree_renames *r;
    struct world w;

    (void)state;
    world_init(&w);
    file(&w, "f", 2, 10, 0600);
    ta.dir = done(&w);
    tb.dir = done(&w);
    cancel_request(&cancel, 2);
    r = tree_renames_new(&w.source, BYTES_MAX);
    assert_int_equal(tree_renames_find(r, &ta, &tb, &cancel), E_CANCELED);
    tree_renames_free(r);
    world_release(&w);
}

static void test_tree_renames__out_of_memory(void **state)
{
    struct tree_entry ta = {.e = {.type = ENTRY_DIR}}, tb = ta;
    struct tree_dir sub;
    struct world w;
    int rc = E_NOMEM;

    (void)state;
    world_init(&w);
    file(&w, "f", 2, 10, 0600);
    sub = done(&w);
    dir(&w, "a", 0700, &sub);
    file(&w, "x", 3, 10, 0600);
    ta.dir = done(&w);
    dir(&w, "b", 0700, &sub);
    file(&w, "y", 3, 10, 0600);
    tb.dir = done(&w);
    for (uint64_t n = 1; rc != 0; n++) {
        uint64_t before = mem_count();
        struct tree_renames *r;

        mem_fail_after(n, 0);
        r = tree_renames_new(&w.source, BYTES_MAX);
        rc = r ? tree_renames_find(r, &ta, &tb, NULL) : E_NOMEM;
        mem_fail_after(0, 0);
        tree_renames_free(r);
        /* none that failed was passed over */
        assert_int_equal(rc, mem_count() - before < n ? 0 : E_NOMEM);
        assert_true(n < 1000);
    }
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_renames__files_by_content),
        cmocka_unit_test(test_tree_renames__metadata_of_what_was_renamed),
        cmocka_unit_test(test_tree_renames__old_one_must_be_gone),
        cmocka_unit_test(test_tree_renames__another_type_at_the_old_place),
        cmocka_unit_test(test_tree_renames__same_name_first_then_in_order),
        cmocka_unit_test(test_tree_renames__directory_is_one_thing),
        cmocka_unit_test(test_tree_renames__directory_that_changed),
        cmocka_unit_test(test_tree_renames__forged_numbers),
        cmocka_unit_test(test_tree_renames__any_numbers),
        cmocka_unit_test(test_tree_renames__many_equal_ones),
        cmocka_unit_test(test_tree_renames__bound),
        cmocka_unit_test(test_tree_renames__damage_is_passed_over),
        cmocka_unit_test(test_tree_renames__stops_when_asked),
        cmocka_unit_test(test_tree_renames__out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
