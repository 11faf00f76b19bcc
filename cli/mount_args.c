#include "cli/mount_args.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char mount_args_name[] = "mount.dedup";

/* What mount(8) does itself, or says to everybody. */
static const char *const mount_args_others[] = {
    "ro",    "rw",      "suid",       "nosuid",     "dev",      "nodev",
    "exec",  "noexec",  "auto",       "noauto",     "user",     "nouser",
    "users", "owner",   "group",      "nofail",     "_netdev",  "defaults",
    "atime", "noatime", "relatime",   "norelatime", "diratime", "nodiratime",
    "async", "sync",    "strictatime"};

bool mount_args_meant(const char *argv0)
{
    const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

    return argv0 && strcmp(slash ? slash + 1 : argv0, mount_args_name) == 0;
}

void mount_args_release(struct mount_args *a)
{
    for (int i = 0; i < a->argc; i++)
        free(a->argv[i]);
    free(a->argv);
    *a = (struct mount_args){.argv = NULL};
}

/* One more word, of two parts. */
static int args_add(struct mount_args *a, const char *head, struct bytes tail)
{
    const size_t n = strlen(head);
    char *word = mem_alloc(n + tail.n + 1);
    char **argv = mem_resize(a->argv, ((size_t)a->argc + 2) * sizeof *argv);

    if (argv)
        a->argv = argv;
    if (!word || !argv) {
        free(word);
        return err_set(E_NOMEM, "out of memory");
    }
    memcpy(word, head, n);
    if (tail.n)
        memcpy(word + n, tail.p, tail.n);
    a->argv[a->argc++] = word;
    a->argv[a->argc] = NULL;
    return 0;
}

static bool args_is_others(struct bytes option)
{
    if (option.n >= 2 && memcmp(option.p, "x-", 2) == 0)
        return true;
    if (option.n >= 8 && memcmp(option.p, "comment=", 8) == 0)
        return true;
    for (size_t i = 0; i < sizeof mount_args_others / sizeof(char *); i++) {
        if (bytes_equal(option, bytes_of_str(mount_args_others[i])))
            return true;
    }
    return false;
}

/* One option of a list; *snapshot is set by the one that names one. */
static int args_option(struct mount_args *a, struct bytes option,
                       struct bytes *snapshot)
{
    static const char named[] = "snapshot=";
    const size_t n = sizeof named - 1;
    char *word;
    int rc;

    if (option.n == 0 || args_is_others(option))
        return 0;
    if (option.n > n && memcmp(option.p, named, n) == 0) {
        *snapshot = bytes_of(option.p + n, option.n - n);
        return 0;
    }
    rc = args_add(a, "--", option);
    if (rc < 0)
        return rc;
    word = a->argv[a->argc - 1];
    for (char *p = word + 2; *p && *p != '='; p++)
        *p = *p == '_' ? '-' : *p;
    return 0;
}

static int args_options(struct mount_args *a, const char *list,
                        struct bytes *snapshot)
{
    int rc = 0;

    while (list && rc == 0) {
        size_t n = strcspn(list, ",");

        rc = args_option(a, bytes_of((const uint8_t *)list, n), snapshot);
        list = list[n] ? list + n + 1 : NULL;
    }
    return rc;
}

/* The words behind REPO and DIR. */
static int args_rest(struct mount_args *a, char **word, struct bytes *snapshot)
{
    int rc = 0;

    for (; *word && rc == 0; word++) {
        const char *w = *word;
        const char last = w[0] == '-' ? w[strlen(w) - 1] : 0;

        if (strspn(w, "-sfnvr") == strlen(w))
            continue;
        if (w[0] != '-' || !strchr("oNt", last) || !word[1])
            return err_set(E_USAGE, "%s: is not understood", w);
        word++;
        if (last == 'o')
            rc = args_options(a, *word, snapshot);
    }
    return rc;
}

int mount_args_make(int argc, char **argv, struct mount_args *a)
{
    struct bytes snapshot = {NULL, 0};
    int rc;

    *a = (struct mount_args){.argv = NULL};
    if (argc < 3 || argv[1][0] == '-' || argv[2][0] == '-')
        return err_set(E_USAGE,
                       "%s: a repository and a directory are wanted: "
                       "mount.dedup REPO DIR [-o OPTION,...]",
                       mount_args_name);
    rc = args_add(a, "dedup", bytes_of(NULL, 0));
    if (rc == 0)
        rc = args_add(a, "--repo=", bytes_of_str(argv[1]));
    if (rc == 0)
        rc = args_add(a, "mount", bytes_of(NULL, 0));
    if (rc == 0)
        rc = args_rest(a, argv + 3, &snapshot);
    if (rc == 0 && snapshot.n > 0)
        rc = args_add(a, "", snapshot);
    if (rc == 0)
        rc = args_add(a, "", bytes_of_str(argv[2]));
    return rc;
}
