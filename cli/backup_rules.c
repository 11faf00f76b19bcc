#include "cli/backup_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fileop.h"
#include "base/mem.h"
#include "base/read_all.h"
#include "repo/manifest.h"

enum { BACKUP_RULES_TEXT_MAX = 16 << 20 /* one file of patterns */ };

/* ---- patterns ---------------------------------------------------------- */

int backup_rules_read(const char *path, struct buf *text)
{
    bool in = strcmp(path, "-") == 0;
    int fd = in ? 0 : fileop_openat(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0);
    int rc;

    if (fd < 0)
        return err_set_errno(E_USAGE, errno, "%s", path);
    rc = read_all(fd, E_USAGE, path, text);
    if (!in)
        (void)fileop_close(fd);
    return rc;
}

/* For the record. What is longer than that can hold is cut there. */
static int backup_rules_say(struct backup_rules *r, enum opt_id id,
                            struct bytes pattern)
{
    if (r->said.n > MANIFEST_TEXT_MAX)
        return 0;
    buf_add(&r->said, "--", 2);
    buf_add_bytes(&r->said, bytes_of_str(opt_info(id)->name));
    buf_add(&r->said, "=", 1);
    buf_add_bytes(&r->said, pattern);
    buf_add(&r->said, "\n", 1);
    return buf_status(&r->said);
}

static int backup_rules_file(struct backup_rules *r, const char *path)
{
    struct pattern_lines l = {.at = 0};
    struct bytes pattern;
    struct buf text;
    int rc;

    buf_init(&text, BACKUP_RULES_TEXT_MAX);
    rc = backup_rules_read(path, &text);
    l.text = buf_bytes(&text);
    while (rc == 0 && pattern_lines_next(&l, &pattern)) {
        rc = err_add(pattern_set_add(r->patterns, pattern), "%s:%zu", path,
                     l.line);
        if (rc == 0)
            rc = backup_rules_say(r, OPT_EXCLUDE, pattern);
    }
    buf_release(&text);
    return rc;
}

/* In the order in which they were said: the last match wins. */
static int backup_rules_patterns(const struct opt_set *o,
                                 struct backup_rules *r)
{
    int rc = pattern_set_new(false, &r->patterns);

    buf_init(&r->said, MANIFEST_TEXT_MAX + 2 * PATTERN_BYTES_MAX);
    for (size_t i = 0; i < o->value_n && rc == 0; i++) {
        const struct opt_value *v = &o->value[i];

        if (v->id == OPT_EXCLUDE)
            rc = pattern_set_add(r->patterns, bytes_of_str(v->text));
        else if (v->id == OPT_IEXCLUDE)
            rc = pattern_set_add_folded(r->patterns, bytes_of_str(v->text));
        else if (v->id == OPT_EXCLUDE_FILE)
            rc = backup_rules_file(r, v->text);
        if (rc == 0 && (v->id == OPT_EXCLUDE || v->id == OPT_IEXCLUDE))
            rc = backup_rules_say(r, v->id, bytes_of_str(v->text));
        if (rc < 0)
            rc = err_add(rc, "--%s", opt_info(v->id)->name);
    }
    return rc;
}

/* ---- markers ----------------------------------------------------------- */

static const char backup_rules_cache_header[] =
    "Signature: 8a477f597d28d172789f06886806bc55";

static int backup_rules_mark(struct backup_rules *r, struct bytes name,
                             struct bytes header)
{
    struct walk_marker *m = &r->marker[r->marker_n];
    int rc = arena_dup(&r->text, name, &m->name);

    if (rc == 0)
        rc = arena_dup(&r->text, header, &m->header);
    r->marker_n += rc == 0;
    return rc;
}

/* NAME[:HEADER], divided at the first colon. */
static int backup_rules_marker(struct backup_rules *r, const char *said)
{
    const char *colon = strchr(said, ':');
    size_t n = colon ? (size_t)(colon - said) : strlen(said);
    struct bytes header = bytes_of_str(colon ? colon + 1 : "");

    if (n == 0 || memchr(said, '/', n))
        return err_set(E_USAGE,
                       "--exclude-if-present '%s': NAME is that of a file, "
                       "without a '/'",
                       said);
    if (header.n > WALK_RULES_HEADER_MAX)
        return err_set(E_USAGE,
                       "--exclude-if-present: a HEADER of more than %d bytes",
                       WALK_RULES_HEADER_MAX);
    return backup_rules_mark(r, bytes_of(said, n), header);
}

static int backup_rules_markers(const struct opt_set *o, struct backup_rules *r)
{
    int rc = 0;

    r->marker =
        mem_array(opt_count(o, OPT_EXCLUDE_IF_PRESENT) + 1, sizeof *r->marker);
    if (!r->marker)
        return err_set(E_NOMEM, "out of memory");
    if (opt_has(o, OPT_EXCLUDE_CACHES))
        rc = backup_rules_mark(r, bytes_of_str("CACHEDIR.TAG"),
                               bytes_of_str(backup_rules_cache_header));
    for (size_t i = 0; i < o->value_n && rc == 0; i++) {
        if (o->value[i].id == OPT_EXCLUDE_IF_PRESENT)
            rc = backup_rules_marker(r, o->value[i].text);
    }
    return rc;
}

int backup_rules_make(const struct opt_set *o, struct backup_rules *r)
{
    int rc;

    *r = (struct backup_rules){.larger =
                                   opt_bytes(o, OPT_EXCLUDE_LARGER_THAN, 0),
                               .ignore_files = !opt_has(o, OPT_NO_IGNORE_FILES),
                               .one_fs = opt_has(o, OPT_ONE_FILE_SYSTEM)};
    if (opt_has(o, OPT_EXCLUDE_LARGER_THAN) && r->larger == 0)
        return err_set(E_USAGE,
                       "--exclude-larger-than 0: would leave out every "
                       "file that is not empty");
    rc = backup_rules_patterns(o, r);
    return rc < 0 ? rc : backup_rules_markers(o, r);
}

void backup_rules_release(struct backup_rules *r)
{
    pattern_set_free(r->patterns);
    buf_release(&r->said);
    free(r->marker);
    arena_release(&r->text);
    *r = (struct backup_rules){.patterns = NULL};
}
