#include "cli/backup_set.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fileop.h"
#include "base/mem.h"
#include "cli/inside.h"
#include "cli/snap_spec.h"
#include "cli/when.h"
#include "repo/job/series.h"
#include "repo/label_change.h"
#include "repo/snapshot_list.h"
#include "source/stat_entry.h"
#include "source/stream.h"
#include "source/walk_roots.h"

enum { BACKUP_SET_OPTIONS_MAX = 1 << 20, BACKUP_SET_TAG_MAX = 100 };

/* ---- roots ------------------------------------------------------------- */

bool backup_set_of_paths(enum opt_id id)
{
    static const enum opt_id of[] = {
        OPT_EXCLUDE,         OPT_IEXCLUDE,
        OPT_EXCLUDE_FILE,    OPT_EXCLUDE_IF_PRESENT,
        OPT_EXCLUDE_CACHES,  OPT_EXCLUDE_LARGER_THAN,
        OPT_NO_IGNORE_FILES, OPT_FILES_FROM,
        OPT_FILES_FROM0,     OPT_AS_PATH,
        OPT_ONE_FILE_SYSTEM, OPT_IGNORE_CTIME,
        OPT_IGNORE_INODE,    OPT_SKIP_IF_UNCHANGED,
        OPT_DRY_RUN,         OPT_FORCE,
        OPT_CHECKPOINT};

    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        if (of[i] == id)
            return true;
    }
    return false;
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

static int backup_set_check_paths(const struct opt_set *o)
{
    bool list = opt_has(o, OPT_FILES_FROM) || opt_has(o, OPT_FILES_FROM0);

    if (o->arg_n == 0 && !list)
        return err_set(E_USAGE, "PATH... is missing: dedup snapshot PATH...");
    if (list && opt_has(o, OPT_AS_PATH))
        return err_set(E_USAGE, "--as-path names one directory: it does not "
                                "go with --files-from");
    if (list && !opt_has(o, OPT_SERIES) && !o->job)
        return err_set(E_USAGE,
                       "--files-from needs --series NAME: a list that changes "
                       "would begin a series of its own each time");
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
    return backup_set_check_paths(o);
}

/* there: one of them has to be. */
static int backup_set_roots(const struct opt_set *o, bool there,
                            struct backup_set *b)
{
    enum opt_id named = opt_has(o, OPT_STDIN) ? OPT_STDIN : OPT_COMMAND;
    int rc = backup_set_contradicts(o);

    b->is_stream = opt_has(o, named);
    if (rc == 0 && b->is_stream)
        return err_add(backup_paths_stream(opt_text(o, named), &b->paths),
                       "--%s", opt_info(named)->name);
    return rc < 0 ? rc : backup_paths_make(o, there, &b->paths);
}

/* ---- tags -------------------------------------------------------------- */

/* A tag is a word: it is looked for on command lines later. */
static int backup_set_add_tag(struct backup_set *b, const char *text)
{
    struct bytes tag = bytes_of_str(text);

    if (!label_change_tag_ok(tag))
        return err_set(
            E_USAGE,
            "--tag '%s': 1 to %d bytes, no spaces, commas or control "
            "characters",
            text, RECORD_TAG_MAX);
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

static int backup_set_host(const struct opt_set *o, struct backup_set *b)
{
    const char *said = opt_text(o, OPT_HOST);

    if (!said) {
        if (gethostname(b->host, sizeof b->host - 1) < 0 || !b->host[0])
            memcpy(b->host, "localhost", sizeof "localhost");
        return 0;
    }
    if (strlen(said) >= sizeof b->host)
        return err_set(E_USAGE, "--host '%s': more than %zu bytes", said,
                       sizeof b->host - 1);
    memcpy(b->host, said, strlen(said) + 1);
    return 0;
}

/* A snapshot that says it is of tomorrow would be the newest for long. */
static int backup_set_time(const struct opt_set *o, struct backup_set *b)
{
    const char *said = opt_text(o, OPT_TIME);
    int64_t now = clock_realtime_ns();
    bool has_time;
    int rc;

    if (!said)
        return 0;
    rc = when_parse_start(said, &has_time, &b->time);
    if (rc == 0 && !has_time)
        rc = err_set(E_USAGE, "'%s': at which time of that day?", said);
    if (rc < 0)
        return err_add(rc, "--time");
    if (b->time.s < 0)
        return err_set(E_USAGE, "--time '%s': before 1970", said);
    if (b->time.s > now / CLOCK_SECOND_NS)
        return err_set(E_USAGE, "--time '%s': is to come", said);
    b->has_time = true;
    return 0;
}

static int backup_set_series(const struct opt_set *o, struct backup_set *b)
{
    const char *said = opt_text(o, OPT_SERIES);

    if (!said && o->job)
        return series_named(bytes_of_str(b->host), bytes_of_str(o->job),
                            b->series);
    if (!said)
        return series_default(bytes_of_str(b->host), b->paths.root, b->paths.n,
                              b->series);
    if (!snap_spec_series_ok(said))
        return err_set(E_USAGE,
                       "--series '%s': 1 to %d letters, digits and . _ @ + -, "
                       "and not 'latest'",
                       said, MANIFEST_SERIES_MAX);
    memcpy(b->series, said, strlen(said) + 1);
    return 0;
}

/* "--exclude=*.o" and so on, one a line; `restore --delete` reads it. What a
 * command was called with is not for the record: people put passwords there. */
static int backup_set_options(const struct opt_set *o, struct backup_set *b)
{
    buf_add_bytes(&b->options, buf_bytes(&b->rules.said));
    for (size_t i = 0; i < o->value_n; i++) {
        const struct opt_value *v = &o->value[i];

        if (v->id == OPT_CHECKPOINT || v->id == OPT_DRY_RUN ||
            v->id == OPT_EXCLUDE || v->id == OPT_IEXCLUDE ||
            v->id == OPT_EXCLUDE_FILE ||
            (!backup_set_of_paths(v->id) && v->id != OPT_STDIN &&
             v->id != OPT_COMMAND && v->id != OPT_HOST))
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

int backup_set_name(const struct opt_set *o, struct backup_set *b)
{
    int rc;

    *b = (struct backup_set){.is_stream = false};
    rc = backup_set_host(o, b);
    /* a list may be read once only, and needs a name anyway */
    if (rc == 0 && !opt_has(o, OPT_SERIES) && !o->job)
        rc = backup_set_roots(o, false, b);
    return rc < 0 ? rc : backup_set_series(o, b);
}

int backup_set_make(const struct opt_set *o, const char *series,
                    struct backup_set *b)
{
    int rc;

    *b = (struct backup_set){.is_stream = false};
    buf_init(&b->options, BACKUP_SET_OPTIONS_MAX);
    rc = backup_set_roots(o, true, b);
    if (rc == 0)
        rc = backup_rules_make(o, &b->rules);
    if (rc == 0)
        rc = backup_set_tags(o, b);
    if (rc == 0)
        rc = backup_set_time(o, b);
    if (rc == 0)
        rc = backup_set_host(o, b);
    if (rc == 0 && series)
        memcpy(b->series, series, strlen(series) + 1);
    else if (rc == 0)
        rc = backup_set_series(o, b);
    if (rc == 0)
        rc = backup_set_options(o, b);
    return rc;
}

void backup_set_release(struct backup_set *b)
{
    backup_paths_release(&b->paths);
    backup_rules_release(&b->rules);
    buf_release(&b->options);
    free(b->tag);
    *b = (struct backup_set){.is_stream = false};
}

/* ---- its place in the series ------------------------------------------- */

/* The latest time of which the series has a complete snapshot, or zero. */
static struct entry_time backup_set_newest(const struct backup_set *b,
                                           const struct snapshot_list *l)
{
    struct entry_time newest = {.s = 0};

    for (size_t i = 0; i < l->n; i++) {
        const struct manifest *m = &l->item[i].manifest.m;

        if (!l->item[i].damaged && !l->item[i].sealed && m->complete &&
            bytes_equal(m->series, bytes_of_str(b->series)) &&
            entry_time_cmp(m->begin, newest) > 0)
            newest = m->begin;
    }
    return newest;
}

int backup_set_follows(const struct backup_set *b, struct repo *r)
{
    struct snapshot_list list = {.n = 0};
    char said[WHEN_TEXT_MAX], there[WHEN_TEXT_MAX];
    struct entry_time newest;
    int rc;

    if (!b->has_time)
        return 0;
    rc = snapshot_list_load(r->index, &r->state, &list);
    newest = backup_set_newest(b, &list);
    snapshot_list_release(&list);
    if (rc < 0 || entry_time_cmp(b->time, newest) >= 0)
        return rc;
    return err_set(E_REFUSED,
                   "--time %s: series '%s' has a snapshot of %s already, and "
                   "its last must be its newest; give another --series",
                   when_local(b->time, said), b->series,
                   when_local(newest, there));
}

/* ---- what is never part of it ------------------------------------------ */

static void backup_set_skip(struct backup_set *b, const char *dir)
{
    struct statx st;

    if (fileop_statx(AT_FDCWD, dir, 0, STAT_ENTRY_MASK, &st) == 0)
        b->skip[b->skip_n++] =
            (struct walk_skip_dir){stat_entry_dev(&st), st.stx_ino};
}

/* What of a canonical path is below the directory above; NULL: it is not. */
static const char *backup_set_below(const char *path, struct bytes above)
{
    size_t n = above.n > 1 ? above.n : 0; /* "/" is above all */

    if (strncmp(path, (const char *)above.p, n) != 0 || path[n] != '/')
        return NULL;
    return path + n;
}

/* What stands where a directory would, were its file system not mounted
 * elsewhere. */
static int backup_set_skip_there(struct backup_set *b, const char *dir)
{
    const char *below;
    struct buf there;
    /* Once, before the walk: the seam for file operations has no part in it. */
    char *real = realpath(dir, NULL);
    int rc;

    buf_init(&there, 2 * PATH_MAX);
    below = real ? backup_set_below(real, b->paths.root[0]) : NULL;
    if (below) {
        buf_add_bytes(&there, bytes_of_str(b->paths.from));
        buf_add(&there, below, strlen(below) + 1);
    }
    rc = buf_status(&there);
    if (rc == 0 && below)
        backup_set_skip(b, (const char *)there.p);
    buf_release(&there);
    free(real);
    return rc;
}

static int backup_set_check_root(const char *path, const char *place)
{
    bool inside = false;
    int rc = inside_dir(path, place, false, &inside);

    if (rc == 0 && inside)
        rc = err_set(E_USAGE,
                     "%s: is inside the repository %s, which cannot hold a "
                     "copy of itself",
                     path, place);
    return rc;
}

/* A restore must not take the repository for something that was not there. In
 * front of the others, which may be too many to be kept. */
static int backup_set_record(struct backup_set *b, const char *place)
{
    char *real = realpath(place, NULL);
    const char *below = NULL;
    struct buf all;

    if (!real)
        return 0; /* opening it says what is wrong */
    buf_init(&all, BACKUP_SET_OPTIONS_MAX + 3 * PATH_MAX);
    buf_add_bytes(&all, bytes_of_str("--repo="));
    if (b->paths.from)
        below = backup_set_below(real, bytes_of_str(b->paths.from));
    if (below)
        buf_add_bytes(&all, b->paths.root[0]);
    buf_add_bytes(&all, bytes_of_str(below ? below : real));
    buf_add(&all, "\n", 1);
    buf_add_bytes(&all, buf_bytes(&b->options));
    free(real);
    buf_release(&b->options);
    b->options = all;
    return buf_status(&b->options);
}

int backup_set_keep_out(struct backup_set *b, const char *place,
                        const char *cache)
{
    int rc = backup_set_record(b, place);

    backup_set_skip(b, place);
    backup_set_skip(b, cache);
    if (b->paths.from) {
        rc = backup_set_skip_there(b, place);
        if (rc == 0)
            rc = backup_set_skip_there(b, cache);
        return rc < 0 ? rc : backup_set_check_root(b->paths.from, place);
    }
    for (size_t i = 0; i < b->paths.n && !b->is_stream && rc == 0; i++) {
        char *path = mem_dup(b->paths.root[i]);

        rc = path ? backup_set_check_root(path, place)
                  : err_set(E_NOMEM, "out of memory");
        free(path);
    }
    return rc;
}
