/*
 * store_exercise ROOT NAMING: puts objects of every kind into a new local
 * store at ROOT, and says so on stdout ("safe NAME") when the store has told
 * it that they are durable. For strace_order.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/local.h"

static int told(const char *name)
{
    char line[STORE_NAME_MAX + 16];
    int n = snprintf(line, sizeof line, "safe %s\n", name);

    /* one system call, in sequence with those of the store */
    return write(STDOUT_FILENO, line, (size_t)n) == n
               ? 0
               : err_set(E_IO, "cannot write to stdout");
}

static int put(struct store *s, const char *name, size_t n)
{
    static char bytes[1 << 20];
    struct store_writer *w = NULL;
    enum store_outcome outcome;
    int rc = store_writer_open(s, &w);

    while (rc == 0 && n > 0) {
        size_t part = n < sizeof bytes ? n : sizeof bytes;

        rc = store_writer_append(w, bytes_of(bytes, part));
        n -= part;
    }
    if (rc == 0)
        rc = store_writer_commit(w, name, &outcome);
    store_writer_free(w);
    return rc ? rc : told(name);
}

static int exercise(const char *root, enum local_naming naming)
{
    static const char *const names[] = {"config",     "packs/ab/1",
                                        "packs/ab/2", "packs/cd/3",
                                        "w/x/0",      "packs/ab/1"};
    struct store *s = NULL;
    int rc = local_create(root);

    if (rc == 0)
        rc = told("root");
    if (rc == 0)
        rc = local_open(root, &s);
    if (rc < 0)
        return rc;
    local_use_naming(s, naming);
    for (size_t i = 0; rc == 0 && i < sizeof names / sizeof names[0]; i++)
        rc = put(s, names[i], i == 1 ? 9 << 20 : 100);
    store_close(s);
    if (rc == 0)
        rc = local_open(root, &s);
    if (rc < 0)
        return rc;
    /* as another process, which finds it there */
    local_use_naming(s, naming);
    rc = put(s, "packs/cd/3", 10);
    if (rc == 0)
        rc = store_make_durable(s, "w/x/0", NULL);
    if (rc == 0)
        rc = told("w/x/0");
    store_close(s);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 1;
    if (exercise(argv[1], (enum local_naming)atoi(argv[2])) == 0)
        return 0;
    (void)fprintf(stderr, "%s\n", err_text());
    return 2;
}
