#include "cli/input.h"

#include <string.h>

#include "base/fileop.h"

/* Whether a path names the pipe that descriptor 0 is: /dev/stdin. A file is
 * read from its beginning by each who opens it. */
static bool input_is_named(const char *path)
{
    struct stat a, b;

    return fileop_fstat(0, &a) == 0 &&
           (S_ISFIFO(a.st_mode) || S_ISSOCK(a.st_mode)) &&
           fileop_fstatat(AT_FDCWD, path, &b, 0) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static bool input_is_read_by(const struct opt_set *o, const struct opt_value *v)
{
    if (v->id == OPT_FILES_FROM || v->id == OPT_FILES_FROM0 ||
        v->id == OPT_EXCLUDE_FILE)
        return strcmp(v->text, "-") == 0 || input_is_named(v->text);
    if (v->id == OPT_PASSPHRASE_FILE || v->id == OPT_KEY_FILE)
        return input_is_named(v->text);
    return v->id == OPT_PASSPHRASE_FD && opt_fd(o, v->id) == 0;
}

int input_check(const struct opt_set *o)
{
    char a[OPT_NAMED_MAX], b[OPT_NAMED_MAX];
    const struct opt_value *first = NULL;

    for (size_t i = 0; i < o->value_n; i++) {
        const struct opt_value *v = &o->value[i];

        if (!input_is_read_by(o, v))
            continue;
        if (first)
            return err_set(E_USAGE,
                           "standard input cannot be read by both %s and %s",
                           opt_named(o, first, a), opt_named(o, v, b));
        first = v;
    }
    return 0;
}
