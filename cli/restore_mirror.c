#include "cli/restore_mirror.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "cli/message.h"
#include "source/stat_entry.h"

/* ---- what could not be read --------------------------------------------- */

static int restore_mirror_unread(const struct manifest *m,
                                 struct restore_mirror *r)
{
    if (!m->complete)
        return err_set(E_REFUSED, "--delete: a checkpoint holds only a part of "
                                  "what was to be backed up");
    if (m->problem_total > m->problem_n)
        return err_set(E_REFUSED,
                       "--delete: %" PRIu64 " files could not be backed up "
                       "into this snapshot, and it does not name them all",
                       m->problem_total);
    r->unread = mem_alloc((m->problem_n + 1) * sizeof *r->unread);
    if (!r->unread)
        return err_set(E_NOMEM, "out of memory");
    r->rules.unread = r->unread;
    for (size_t i = 0; i < m->problem_n; i++) {
        enum manifest_problem_kind kind = m->problems[i].kind;

        if (m->problems[i].path.n == MANIFEST_PROBLEM_TEXT_MAX)
            return err_set(E_REFUSED, "--delete: a path that could not be "
                                      "backed up was too long for the snapshot "
                                      "to keep");
        if (kind == MANIFEST_UNREADABLE || kind == MANIFEST_VANISHED)
            r->unread[r->rules.unread_n++] = m->problems[i].path;
    }
    return 0;
}

/* ---- what was left out --------------------------------------------------- */

/* The value of the option in a line "--NAME=VALUE"; p is NULL: another. */
static struct bytes restore_mirror_value(struct bytes line, const char *option)
{
    struct bytes o = bytes_of_str(option);

    if (line.n < o.n || memcmp(line.p, o.p, o.n) != 0)
        return bytes_of(NULL, 0);
    return bytes_of(line.p + o.n, line.n - o.n);
}

static int restore_mirror_line(struct restore_mirror *r, struct bytes line)
{
    static const char *const unknown[] = {
        "--exclude-file=", "--exclude-if-present=", "--exclude-caches",
        "--exclude-larger-than="};
    struct bytes plain = restore_mirror_value(line, "--exclude=");
    struct bytes folded = restore_mirror_value(line, "--iexclude=");

    if (plain.p)
        return pattern_set_add(r->left, plain);
    if (folded.p)
        return pattern_set_add_folded(r->left, folded);
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        if (restore_mirror_value(line, unknown[i]).p)
            message_warn("the backup was made with %.*s: what that left out "
                         "is deleted, unless --exclude says otherwise",
                         (int)(line.n < 200 ? line.n : 200),
                         (const char *)line.p);
    }
    return 0;
}

static int restore_mirror_left(const struct manifest *m,
                               struct restore_mirror *r)
{
    struct bytes rest = m->options;
    int rc = pattern_set_new(false, &r->left);

    while (rc == 0 && rest.n > 0) {
        const uint8_t *end = memchr(rest.p, '\n', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;

        rc = restore_mirror_line(r, bytes_of(rest.p, n));
        n += end != NULL;
        rest = bytes_of(rest.p + n, rest.n - n);
    }
    r->rules.left = r->left;
    return rc;
}

/* ---- what we need -------------------------------------------------------- */

static void restore_mirror_spare(struct restore_mirror *r, const char *path)
{
    static const int flags[] = {0, AT_SYMLINK_NOFOLLOW};
    struct statx st;

    for (size_t i = 0; path && i < 2; i++) {
        if (r->rules.spare_n < RESTORE_MIRROR_SPARE &&
            fileop_statx(AT_FDCWD, path, flags[i], STAT_ENTRY_MASK, &st) == 0)
            r->spare[r->rules.spare_n++] =
                (struct jail_spare){stat_entry_dev(&st), st.stx_ino};
    }
}

int restore_mirror_init(const struct opt_set *o, const struct session *s,
                        const struct manifest *m, struct restore_mirror *out)
{
    int rc;

    *out = (struct restore_mirror){
        .rules = {.root = m->paths, .root_n = m->path_n}};
    out->rules.spare = out->spare;
    restore_mirror_spare(out, opt_text(o, OPT_REPO));
    restore_mirror_spare(out, s->repo->cache);
    restore_mirror_spare(out, opt_text(o, OPT_KEY_FILE));
    restore_mirror_spare(out, opt_text(o, OPT_PASSPHRASE_FILE));
    restore_mirror_spare(out, opt_text(o, OPT_CONFIG));
    rc = restore_mirror_unread(m, out);
    return rc < 0 ? rc : restore_mirror_left(m, out);
}

void restore_mirror_release(struct restore_mirror *r)
{
    free(r->unread);
    pattern_set_free(r->left);
    *r = (struct restore_mirror){.unread = NULL};
}
