#include "tests/store/store_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const place_kinds[STORE_KINDS] = {"memory", "tmpfile",
                                                     "rename", "link"};

static void place_open(struct store_place *p)
{
    assert_int_equal(local_open(p->path, &p->s), 0);
    local_use_naming(p->s, (enum local_naming)(p->kind - STORE_BY_TMPFILE));
}

static void place_start(struct store_place *p)
{
    if (p->kind == STORE_IN_MEMORY) {
        assert_int_equal(memory_open(&p->s), 0);
        return;
    }
    assert_int_equal(local_create(p->path), 0);
    place_open(p);
}

void store_place_make(struct store_place *p, enum store_kind kind)
{
    const char *tmp = getenv("TMPDIR");

    memset(p, 0, sizeof *p);
    p->kind = kind;
    if (kind != STORE_IN_MEMORY) {
        (void)snprintf(p->path, sizeof p->path - 5, "%s/test_store.XXXXXX",
                       tmp ? tmp : "/tmp");
        assert_non_null(mkdtemp(p->path));
        (void)strcat(p->path, "/root");
    }
    place_start(p);
}

void store_place_reopen(struct store_place *p)
{
    if (p->kind == STORE_IN_MEMORY)
        return;
    store_close(p->s);
    place_open(p);
}

static void place_rm(const char *path)
{
    char command[160];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

void store_place_clear(struct store_place *p)
{
    store_close(p->s);
    p->s = NULL;
    if (p->kind != STORE_IN_MEMORY)
        place_rm(p->path);
    place_start(p);
}

void store_place_remove(struct store_place *p)
{
    store_close(p->s);
    p->s = NULL;
    if (p->kind == STORE_IN_MEMORY)
        return;
    *strrchr(p->path, '/') = 0;
    place_rm(p->path);
}

/* Whether the file system of the tests can do it that way. */
static bool place_works(enum store_kind kind)
{
    struct store_place p;
    enum store_outcome outcome;
    int rc;

    store_place_make(&p, kind);
    rc = store_put(p.s, "a", bytes_of("a", 1), &outcome);
    store_place_remove(&p);
    if (rc == E_UNSUPPORTED)
        print_message("skipped: %s does not work in $TMPDIR\n",
                      place_kinds[kind]);
    return rc != E_UNSUPPORTED;
}

int store_place_run(const struct store_clause *clauses, size_t n,
                    enum store_kind first, CMFixtureFunction setup,
                    CMFixtureFunction teardown)
{
    static char names[STORE_KINDS * STORE_CLAUSES_MAX][128];
    static struct CMUnitTest tests[STORE_KINDS * STORE_CLAUSES_MAX];
    static enum store_kind kinds[STORE_KINDS];
    size_t tests_n = 0;

    ASSERT(n <= STORE_CLAUSES_MAX);
    for (unsigned k = first; k < STORE_KINDS; k++) {
        kinds[k] = (enum store_kind)k;
        if (!place_works(kinds[k]))
            continue;
        for (size_t i = 0; i < n; i++, tests_n++) {
            (void)snprintf(names[tests_n], sizeof names[0], "%s (%s)",
                           clauses[i].name, place_kinds[k]);
            tests[tests_n] = (struct CMUnitTest){names[tests_n], clauses[i].run,
                                                 setup, teardown, &kinds[k]};
        }
    }
    /* what the macro calls, but with a number known only now */
    return _cmocka_run_group_tests("store", tests, tests_n, NULL, NULL);
}
