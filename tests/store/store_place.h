/* store_place: stores of every kind in a place of their own, for tests. */
#ifndef TESTS_STORE_STORE_PLACE_H
#define TESTS_STORE_STORE_PLACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/local.h"
#include "store/memory.h"

enum store_kind {
    STORE_IN_MEMORY,
    STORE_BY_TMPFILE, /* local, each way to name a file */
    STORE_BY_RENAME,
    STORE_BY_LINK,
    STORE_KINDS
};

struct store_place {
    enum store_kind kind;
    char path[96];   /* of a local store's root, in a directory of its own */
    struct store *s; /* open */
};

/* store_place_make: a fresh place with an empty store, open. Local ones are
 * below $TMPDIR or /tmp. Fails the test when that cannot be done. */
void store_place_make(struct store_place *p, enum store_kind kind);

/* store_place_reopen: close it, and open it as another process would. */
void store_place_reopen(struct store_place *p);

/* store_place_remove: close it and remove the place. */
void store_place_remove(struct store_place *p);

/* store_place_clear: close it, and start again with an empty one. */
void store_place_clear(struct store_place *p);

struct store_clause {
    const char *name;
    CMUnitTestFunction run; /* its state is an enum store_kind */
};

#define STORE_CLAUSE(name)                                                     \
    {                                                                          \
#name, name                                                            \
    }

enum { STORE_CLAUSES_MAX = 32 };

/* store_place_run: run n clauses with the stores of the kinds from first on;
 * returns how many failed. */
int store_place_run(const struct store_clause *clauses, size_t n,
                    enum store_kind first, CMFixtureFunction setup,
                    CMFixtureFunction teardown);

#endif
