#include "cli/backup_set.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "cli/inside.h"
#include "cli/snap_spec.h"
#include "repo/job/series.h"
#include "source/stat_entry.h"
#include "source/stream.h"
#include "source/walk_roots.h"

enum {
    BACKUP_SET_TEXT_MAX = 64 << 20,     /* all roots */
    BACKUP_SET_PATTERNS_MAX = 16 << 20, /* one file of patterns */
    BACKUP_SET_OPTIONS_MAX = 1 << 20,
    BACKUP_SET_TAG_MAX = 100
};

/* ---- roots ------------------------------------------------------------- */

/* The one root is a name that nothing on this machine need have. */
static int backup_set_stream(const char *name, struct backup_set *b)
{
    int rc = stream_path(name, &b->text);

    if (rc < 0)
        return rc;
    b->root = mem_array(1, sizeof *b->root);
    if (!b->root)
        return err_set(E_NOMEM, "out of memory");
    b->root[0] = buf_bytes(&b->text);
    b->root_n = 1;
    return 0;
}

bool backup_set_of_paths(enum opt_id id)
{
    return id == OPT_EXCLUDE || id == OPT_EXCLUDE_FILE ||
           id == OPT_ONE_FILE_SYSTEM || id == OPT_FORCE || id == OPT_CHECKPOINT;
}

/* Options that only paths have, where a stream is what is backed up. */
static int backup_set_check_stream(const struct opt_set *o, enum opt_id stream)
{
    for (unsigned i = 0; i < OPT_END; i++) {
        if (backup_set_of_paths((enum opt_id)i) && opt_has(o, (enum opt_id)i))
            return err_set(E_USAGE, "--%s does not go with --%s",
                           opt_info((enum opt_id)i)->name,
                           opt_info(stream)->name);
    }
    return 0;
}

/* What only paths have, and what only streams have. */
static int backup_set_contradicts(const struct opt_set *o)
{
    bool in = opt_has(o, OPT_STDIN), command = opt_has(o, OPT_COMMAND);

    if (in && command)
        return err_set(E_USAGE, "give one of --stdin and --command, not both");
    if (in && o->arg_n > 0)
        return err_set(E_USAGE, "--stdin takes no paths, such as '%s'",
                       o->arg[0]);
    if (command && o->arg_n == 0)
        return err_set(E_USAGE, "--command: CMD is missing: dedup snapshot "
                                "--command NAME -- CMD ARG...");
    if (opt_has(o, OPT_WAIT) && opt_has(o, OPT_PARALLEL))
        return err_set(E_USAGE, "give one of --wait and --parallel, not both");
    if (in || command)
        return backup_set_check_stream(o, in ? OPT_STDIN : OPT_COMMAND);
    if (opt_has(o, OPT_ALLOW_EMPTY))
        return err_set(E_USAGE, "--allow-empty goes with --stdin or --command");
    if (o->arg_n == 0)
        return err_set(E_USAGE, "PATH... is missing: dedup snapshot PATH...");
    return 0;
}

static int backup_set_paths(const struct opt_set *o, struct backup_set *b)
{
    size_t at = 0;
    int rc = 0;

    b->root = mem_array(o->arg_n, sizeof *b->root);
    if (!b->root)
        return err_set(E_NOMEM, "out of memory");
    /* the text moves while it grows: lengths now, addresses afterwards */
    for (size_t i = 0; i < o->arg_n && rc == 0; i++) {
        size_t before = b->text.n;

        rc = walk_roots_resolve(o->arg[i], &b->text);
        if (rc == 0)
            rc = buf_status(&b->text);
        b->root[i].n = b->text.n - before;
    }
    if (rc < 0)
        return rc;
    b->root_n = o->arg_n;
    for (size_t i = 0; i < b->root_n; i++) {
        b->root[i].p = b->text.p + at;
        at += b->root[i].n;
    }
    return 0;
}

/* What statx says of the first n bytes of a path; false: it is not there. */
static bool backup_set_stat(struct bytes path, int flags, struct statx *st)
{
    char *name = mem_dup(path);
    int rc;

    if (!name)
        return false;
    rc = fileop_statx(AT_FDCWD, name, flags, STAT_ENTRY_MASK, st);
    free(name);
    return rc == 0;
}

/* One missing root is a problem of the snapshot; when all are, something is
 * wrong with the command, and an empty snapshot would pass for a backup. */
static int backup_set_any_root(const struct backup_set *b)
{
    struct statx st;

    for (size_t i = 0; i < b->root_n; i++) {
        if (backup_set_stat(b->root[i], AT_SYMLINK_NOFOLLOW, &st) ||
            errno != ENOENT)
            return 0;
    }
    return err_set(E_NOTFOUND, "%.*s: no such file or directory%s",
                   (int)b->root[0].n, (const char *)b->root[0].p,
                   b->root_n > 1 ? "; nor is any other of the paths there"
                                 : "");
}

static int backup_set_roots(const struct opt_set *o, struct backup_set *b)
{
    enum opt_id named = opt_has(o, OPT_STDIN) ? OPT_STDIN : OPT_COMMAND;
    int rc = backup_set_contradicts(o);

    b->is_stream = opt_has(o, named);
    if (rc == 0 && b->is_stream)
        return err_add(backup_set_stream(opt_text(o, named), b), "--%s",
                       opt_info(named)->name);
    if (rc == 0)
        rc = backup_set_paths(o, b);
    return rc < 0 ? rc : backup_set_any_root(b);
}

/* ---- patterns and tags ------------------------------------------------- */

static int backup_set_read_file(const char *path, struct buf *text)
{
    int fd = fileop_openat(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0);
    ssize_t n = 1;
    int rc = 0;

    if (fd < 0)
        return err_set_errno(E_USAGE, errno, "%s", path);
    while (n > 0 && rc == 0) {
        uint8_t part[4096];

        n = fileop_read(fd, part, sizeof part);
        if (n < 0)
            rc = err_set_errno(E_USAGE, errno, "%s", path);
        else
            buf_add(text, part, (size_t)n);
        if (text->rc == E_LIMIT)
            rc = err_set(E_USAGE, "%s: too long for a list of patterns", path);
    }
    (void)fileop_close(fd);
    return rc < 0 ? rc : buf_status(text);
}

static int backup_set_exclude_file(struct backup_set *b, const char *path)
{
    struct buf text;
    int rc;

    buf_init(&text, BACKUP_SET_PATTERNS_MAX);
    rc = backup_set_read_file(path, &text);
    if (rc == 0)
        rc = pattern_set_add_text(b->patterns, buf_bytes(&text), path);
    buf_release(&text);
    return rc;
}

/* In the order of the command line: the last match wins. */
static int backup_set_patterns(const struct opt_set *o, struct backup_set *b)
{
    int rc = pattern_set_new(false, &b->patterns);

    for (size_t i = 0; i < o->value_n && rc == 0; i++) {
        const struct opt_value *v = &o->value[i];

        if (v->id == OPT_EXCLUDE)
            rc = err_add(pattern_set_add(b->patterns, bytes_of_str(v->text)),
                         "--exclude");
        else if (v->id == OPT_EXCLUDE_FILE)
            rc = err_add(backup_set_exclude_file(b, v->text), "--exclude-file");
    }
    return rc;
}

/* A tag is a word: it is looked for on command lines later. */
static int backup_set_add_tag(struct backup_set *b, const char *text)
{
    struct bytes tag = bytes_of_str(text);

    if (tag.n > BACKUP_SET_TAG_MAX)
        return err_set(E_USAGE, "--tag: more than %d bytes",
                       BACKUP_SET_TAG_MAX);
    for (size_t i = 0; i < tag.n; i++) {
        if (tag.p[i] <= ' ' || tag.p[i] == 0x7f || tag.p[i] == ',')
            return err_set(E_USAGE,
                           "--tag '%s': no spaces, commas or control "
                           "characters",
                           text);
    }
    for (size_t i = 0; i < b->tag_n; i++) {
        if (bytes_equal(b->tag[i], tag))
            return 0;
    }
    b->tag[b->tag_n++] = tag;
    return 0;
}

static int backup_set_tags(const struct opt_set *o, struct backup_set *b)
{
    int rc = 0;

    b->tag = mem_array(opt_count(o, OPT_TAG), sizeof *b->tag);
    if (!b->tag)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < o->value_n && rc == 0; i++) {
        if (o->value[i].id == OPT_TAG)
            rc = backup_set_add_tag(b, o->value[i].text);
    }
    return rc;
}

/* ---- names ------------------------------------------------------------- */

static int backup_set_series(const struct opt_set *o, struct backup_set *b)
{
    const char *said = opt_text(o, OPT_SERIES);

    if (gethostname(b->host, sizeof b->host - 1) < 0 || !b->host[0])
        memcpy(b->host, "localhost", sizeof "localhost");
    if (!said && o->job)
        return series_named(bytes_of_str(b->host), bytes_of_str(o->job),
                            b->series);
    if (!said)
        return series_default(bytes_of_str(b->host), b->root, b->root_n,
                              b->series);
    if (!snap_spec_series_ok(said))
        return err_set(E_USAGE,
                       "--series '%s': 1 to %d letters, digits and . _ @ + -, "
                       "and not 'latest'",
                       said, MANIFEST_SERIES_MAX);
    memcpy(b->series, said, strlen(said) + 1);
    return 0;
}

/* "--exclude=*.o" and so on, one a line. What a command was called with is not
 * for the record: people put passwords there. */
static int backup_set_options(const struct opt_set *o, struct backup_set *b)
{
    for (size_t i = 0; i < o->value_n; i++) {
        const struct opt_value *v = &o->value[i];

        if (v->id != OPT_EXCLUDE && v->id != OPT_EXCLUDE_FILE &&
            v->id != OPT_ONE_FILE_SYSTEM && v->id != OPT_FORCE &&
            v->id != OPT_STDIN && v->id != OPT_COMMAND)
            continue;
        buf_add_bytes(&b->options, bytes_of_str("--"));
        buf_add_bytes(&b->options, bytes_of_str(opt_info(v->id)->name));
        if (v->text) {
            buf_add_bytes(&b->options, bytes_of_str("="));
            buf_add_bytes(&b->options, bytes_of_str(v->text));
        }
        buf_add_bytes(&b->options, bytes_of_str("\n"));
    }
    return buf_status(&b->options);
}

int backup_set_make(const struct opt_set *o, struct backup_set *b)
{
    int rc;

    *b = (struct backup_set){.root_n = 0};
    buf_init(&b->text, BACKUP_SET_TEXT_MAX);
    buf_init(&b->options, BACKUP_SET_OPTIONS_MAX);
    rc = backup_set_roots(o, b);
    if (rc == 0)
        rc = backup_set_patterns(o, b);
    if (rc == 0)
        rc = backup_set_tags(o, b);
    if (rc == 0)
        rc = backup_set_series(o, b);
    if (rc == 0)
        rc = backup_set_options(o, b);
    return rc;
}

void backup_set_release(struct backup_set *b)
{
    buf_release(&b->text);
    buf_release(&b->options);
    free(b->root);
    free(b->tag);
    pattern_set_free(b->patterns);
    *b = (struct backup_set){.root_n = 0};
}

/* ---- what is never part of it ------------------------------------------ */

static void backup_set_skip(struct backup_set *b, const char *dir)
{
    struct statx st;

    if (backup_set_stat(bytes_of_str(dir), 0, &st))
        b->skip[b->skip_n++] =
            (struct walk_skip_dir){stat_entry_dev(&st), st.stx_ino};
}

static int backup_set_check_root(struct bytes root, const char *place)
{
    char *path = mem_dup(root);
    bool inside = false;
    int rc;

    if (!path)
        return err_set(E_NOMEM, "out of memory");
    rc = inside_dir(path, place, false, &inside);
    if (rc == 0 && inside)
        rc = err_set(E_USAGE,
                     "%s: is inside the repository %s, which cannot hold a "
                     "copy of itself",
                     path, place);
    free(path);
    return rc;
}

int backup_set_keep_out(struct backup_set *b, const char *place,
                        const char *cache)
{
    int rc = 0;

    backup_set_skip(b, place);
    backup_set_skip(b, cache);
    for (size_t i = 0; i < b->root_n && !b->is_stream && rc == 0; i++)
        rc = backup_set_check_root(b->root[i], place);
    return rc;
}
