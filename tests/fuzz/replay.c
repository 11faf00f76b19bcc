/*
 * replay: runs a fuzz target over the files of the directories given, in the
 * order of their names, without libFuzzer: under any compiler, and valgrind.
 * A target judges by aborting. Fails when there is no file at all, so that a
 * lost corpus is noticed.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLAY_FILE_MAX = 16 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Returns 0, or -1 when the file cannot be read or is too long. */
static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(REPLAY_FILE_MAX);
    uint8_t *exact = NULL;
    size_t n = 0;
    int rc = -1;

    if (!f || !data)
        goto out;
    n = fread(data, 1, REPLAY_FILE_MAX, f);
    if (ferror(f) || !feof(f))
        goto out;
    /* a copy of just this size, so that a sanitizer sees each byte too many */
    exact = malloc(n ? n : 1);
    if (!exact)
        goto out;
    memcpy(exact, data, n);
    (void)LLVMFuzzerTestOneInput(exact, n);
    rc = 0;
out:
    if (rc < 0)
        (void)fprintf(stderr, "replay: cannot read %s\n", path);
    free(exact);
    free(data);
    if (f)
        (void)fclose(f);
    return rc;
}

static int replay_is_file(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* Returns how many files were run, or -1. */
static int replay_dir(const char *dir)
{
    struct dirent **names;
    int n = scandir(dir, &names, replay_is_file, alphasort);
    int rc = n;

    if (n < 0) {
        (void)fprintf(stderr, "replay: cannot read %s\n", dir);
        return -1;
    }
    for (int i = 0; i < n; i++) {
        char path[4096];

        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
        if (rc >= 0 && replay_file(path) < 0)
            rc = -1;
        free(names[i]);
    }
    free(names);
    return rc;
}

int main(int argc, char **argv)
{
    int total = 0;

    for (int i = 1; i < argc; i++) {
        int n = replay_dir(argv[i]);

        if (n < 0)
            return 1;
        total += n;
    }
    (void)printf("replayed %d files\n", total);
    return total > 0 ? 0 : 1;
}
