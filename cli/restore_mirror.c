#include "cli/restore_mirror.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "base/text.h"
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

/* The options that `snapshot` records, by what they mean here. */
enum restore_mirror_kind {
    RESTORE_MIRROR_PATTERN,
    RESTORE_MIRROR_FOLDED,
    RESTORE_MIRROR_MARKER,
    RESTORE_MIRROR_CACHES,
    RESTORE_MIRROR_LARGER,
    RESTORE_MIRROR_NO_FILES,
    RESTORE_MIRROR_PLACE,
    RESTORE_MIRROR_NOTHING /* leaves out nothing that stays where it was */
};

struct restore_mirror_option {
    enum opt_id id;
    enum restore_mirror_kind kind;
};

static const struct restore_mirror_option restore_mirror_option[] = {
    {OPT_EXCLUDE, RESTORE_MIRROR_PATTERN},
    {OPT_IEXCLUDE, RESTORE_MIRROR_FOLDED},
    {OPT_EXCLUDE_IF_PRESENT, RESTORE_MIRROR_MARKER},
    {OPT_EXCLUDE_CACHES, RESTORE_MIRROR_CACHES},
    {OPT_EXCLUDE_LARGER_THAN, RESTORE_MIRROR_LARGER},
    {OPT_NO_IGNORE_FILES, RESTORE_MIRROR_NO_FILES},
    {OPT_REPO, RESTORE_MIRROR_PLACE},
    {OPT_FILES_FROM, RESTORE_MIRROR_NOTHING},
    {OPT_FILES_FROM0, RESTORE_MIRROR_NOTHING},
    {OPT_ONE_FILE_SYSTEM, RESTORE_MIRROR_NOTHING},
    {OPT_IGNORE_CTIME, RESTORE_MIRROR_NOTHING},
    {OPT_IGNORE_INODE, RESTORE_MIRROR_NOTHING},
    {OPT_SKIP_IF_UNCHANGED, RESTORE_MIRROR_NOTHING},
    {OPT_FORCE, RESTORE_MIRROR_NOTHING},
    {OPT_STDIN, RESTORE_MIRROR_NOTHING},
    {OPT_COMMAND, RESTORE_MIRROR_NOTHING},
    {OPT_AS_PATH, RESTORE_MIRROR_NOTHING},
    {OPT_HOST, RESTORE_MIRROR_NOTHING}};

/* Takes "--NAME=VALUE" or "--NAME" apart; false: it is none of these. */
static bool restore_mirror_known(struct bytes line,
                                 enum restore_mirror_kind *kind,
                                 struct bytes *value)
{
    const uint8_t *equals = line.n ? memchr(line.p, '=', line.n) : NULL;
    size_t n = equals ? (size_t)(equals - line.p) : line.n;
    size_t at = equals ? n + 1 : n;

    if (n < 2 || memcmp(line.p, "--", 2) != 0)
        return false;
    *value = bytes_of(line.p + at, line.n - at);
    for (size_t i = 0;
         i < sizeof restore_mirror_option / sizeof *restore_mirror_option;
         i++) {
        const struct restore_mirror_option *o = &restore_mirror_option[i];

        *kind = o->kind;
        if (bytes_equal(bytes_of(line.p + 2, n - 2),
                        bytes_of_str(opt_info(o->id)->name)))
            return true;
    }
    return false;
}

static int restore_mirror_unclear(struct bytes line)
{
    return err_set(E_REFUSED,
                   "--delete: what the backup left out by '%.*s' is not "
                   "recorded; --delete-excluded deletes that, too",
                   (int)(line.n < 200 ? line.n : 200), (const char *)line.p);
}

static int restore_mirror_larger(struct restore_mirror *r, struct bytes line,
                                 struct bytes value)
{
    char *text = mem_dup(value);
    int rc;

    if (!text)
        return err_set(E_NOMEM, "out of memory");
    rc = text_parse_size(text, 0, UINT64_MAX, &r->rules.rules.larger);
    free(text);
    return rc < 0 ? restore_mirror_unclear(line) : 0;
}

/* NAME[:HEADER]; what it holds was looked at by the backup. */
static void restore_mirror_marker(struct restore_mirror *r, struct bytes value)
{
    const uint8_t *colon = value.n ? memchr(value.p, ':', value.n) : NULL;

    if (colon)
        value.n = (size_t)(colon - value.p);
    r->marker[r->rules.marker_n++] = value;
}

static int restore_mirror_line(struct restore_mirror *r, struct bytes line)
{
    enum restore_mirror_kind kind;
    struct bytes value;

    if (!restore_mirror_known(line, &kind, &value))
        return restore_mirror_unclear(line);
    switch (kind) {
    case RESTORE_MIRROR_PATTERN:
        return pattern_set_add(r->patterns, value);
    case RESTORE_MIRROR_FOLDED:
        return pattern_set_add_folded(r->patterns, value);
    case RESTORE_MIRROR_MARKER:
        restore_mirror_marker(r, value);
        break;
    case RESTORE_MIRROR_CACHES:
        restore_mirror_marker(r, bytes_of_str("CACHEDIR.TAG"));
        break;
    case RESTORE_MIRROR_LARGER:
        return restore_mirror_larger(r, line, value);
    case RESTORE_MIRROR_NO_FILES:
        r->rules.ignore_files = false;
        break;
    case RESTORE_MIRROR_PLACE:
        r->unread[r->rules.unread_n++] = value;
        break;
    case RESTORE_MIRROR_NOTHING:
        break;
    }
    return 0;
}

/* The recorded options one by one; *rest: those behind. */
static bool restore_mirror_next(struct bytes *rest, struct bytes *line)
{
    const uint8_t *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    size_t n = end ? (size_t)(end - rest->p) : rest->n;
    size_t at = end ? n + 1 : n;

    if (rest->n == 0)
        return false;
    *line = bytes_of(rest->p, n);
    *rest = bytes_of(rest->p + at, rest->n - at);
    return true;
}

static int restore_mirror_left(const struct manifest *m,
                               struct restore_mirror *r)
{
    struct bytes rest = m->options;
    struct bytes line;
    int rc;

    if (m->options.n >= MANIFEST_TEXT_MAX)
        return err_set(E_REFUSED,
                       "--delete: the backup has more patterns than a snapshot "
                       "records; --delete-excluded deletes what they left out");
    rc = pattern_set_new(false, &r->patterns);
    r->rules.rules.patterns = r->patterns;
    r->rules.ignore_files = true;
    while (rc == 0 && restore_mirror_next(&rest, &line))
        rc = restore_mirror_line(r, line);
    return rc;
}

/* Another repository than ours may stand where the backup went. */
static void restore_mirror_places(const struct manifest *m,
                                  struct restore_mirror *r)
{
    enum restore_mirror_kind kind;
    struct bytes rest = m->options;
    struct bytes line, value;

    while (restore_mirror_next(&rest, &line)) {
        if (restore_mirror_known(line, &kind, &value) &&
            kind == RESTORE_MIRROR_PLACE)
            r->unread[r->rules.unread_n++] = value;
    }
}

/* Room for what lines may add, at most one each. */
static size_t restore_mirror_lines(const struct manifest *m)
{
    struct bytes rest = m->options;
    struct bytes line;
    size_t n = 0;

    while (restore_mirror_next(&rest, &line))
        n++;
    return n;
}

static void restore_mirror_doubt(void *ctx, struct bytes path, const char *why)
{
    (void)ctx;
    message_warn("/%.*s: nothing in it and below is deleted: %s", (int)path.n,
                 (const char *)path.p, why);
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

static int restore_mirror_room(const struct manifest *m,
                               struct restore_mirror *r)
{
    size_t lines = restore_mirror_lines(m);

    r->unread = mem_alloc((m->problem_n + lines + 1) * sizeof *r->unread);
    r->marker = mem_alloc((lines + 1) * sizeof *r->marker);
    if (!r->unread || !r->marker)
        return err_set(E_NOMEM, "out of memory");
    r->rules.unread = r->unread;
    r->rules.marker = r->marker;
    return 0;
}

int restore_mirror_recorded(const struct manifest *m, bool excluded,
                            struct restore_mirror *out)
{
    int rc = restore_mirror_room(m, out);

    if (rc == 0)
        rc = restore_mirror_unread(m, out);
    if (rc == 0 && excluded)
        restore_mirror_places(m, out);
    else if (rc == 0)
        rc = restore_mirror_left(m, out);
    return rc;
}

int restore_mirror_init(const struct opt_set *o, const struct session *s,
                        const struct manifest *m, struct restore_mirror *out)
{
    struct codec c;
    int rc;

    *out = (struct restore_mirror){.rules = {.root = m->paths,
                                             .root_n = m->path_n,
                                             .doubt = restore_mirror_doubt}};
    out->rules.spare = out->spare;
    restore_mirror_spare(out, opt_text(o, OPT_REPO));
    restore_mirror_spare(out, s->repo->cache);
    restore_mirror_spare(out, opt_text(o, OPT_KEY_FILE));
    restore_mirror_spare(out, opt_text(o, OPT_PASSPHRASE_FILE));
    restore_mirror_spare(out, opt_text(o, OPT_CONFIG));
    codec_init(&c, m->root);
    rc = tree_entry_get(&c, &out->top, true);
    out->rules.top = &out->top;
    if (rc == 0)
        rc = restore_mirror_recorded(m, opt_has(o, OPT_DELETE_EXCLUDED), out);
    return rc;
}

bool restore_mirror_wanted(const struct opt_set *o)
{
    return opt_has(o, OPT_DELETE) || opt_has(o, OPT_DELETE_EXCLUDED);
}

void restore_mirror_release(struct restore_mirror *r)
{
    free(r->unread);
    free(r->marker);
    pattern_set_free(r->patterns);
    tree_entry_release(&r->top);
    *r = (struct restore_mirror){.unread = NULL};
}
