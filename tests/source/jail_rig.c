#include "tests/source/jail_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/oddtree.h"

const struct jail_options jail_rig_plain = {.max_open = DIRFD_OPEN_MIN};

bool jail_rig_same(const struct jail_rig *rig, const char *options)
{
    return scratch_run("%s %s %s %s >&2", TREECMP, options, rig->src, rig->dst);
}

void jail_rig_empty(struct jail_rig *rig)
{
    scratch_make(rig->dir);
    scratch_dir(rig->dir, "src");
    assert_true(snprintf(rig->src, sizeof rig->src, "%s/src", rig->dir) > 0);
    assert_true(snprintf(rig->target, sizeof rig->target, "%s/dst", rig->dir) >
                0);
    assert_true(
        snprintf(rig->dst, sizeof rig->dst, "%s%s", rig->target, rig->src) > 0);
}

void jail_rig_odd(struct jail_rig *rig)
{
    FILE *skips = tmpfile();

    jail_rig_empty(rig);
    assert_non_null(skips);
    assert_true(oddtree_make(rig->src, skips));
    (void)fclose(skips);
}

void jail_rig_small(struct jail_rig *rig)
{
    jail_rig_empty(rig);
    assert_true(scratch_run(
        "cd %s && printf content >f && setfattr -n user.x -v y f && mkdir d && "
        "printf more >d/g && chmod 640 d/g && ln d/g h && ln -s t l && "
        "mkfifo p && truncate -s 1M hole && printf x >>hole && chmod 751 d && "
        "touch -h -d @1000000000.5 f l p hole d/g d .",
        rig->src));
}

void jail_attack_open(struct jail_attack *a, const struct jail_options *options)
{
    char target[SCRATCH_PATH + 8];

    scratch_make(a->dir);
    assert_true(scratch_run(
        "cd %s && chmod 755 . && mkdir outside dst outside/sub && "
        "printf 'secret!' >outside/victim && printf x >outside/sub/x && "
        "chmod 600 outside/victim && touch -d @1000000000 outside/victim "
        "outside/sub outside && cp -a outside before",
        a->dir));
    assert_true(snprintf(target, sizeof target, "%s/dst", a->dir) > 0);
    assert_int_equal(jail_open(target, options, &a->jail), 0);
    a->root = jail_root(a->jail);
}

void jail_attack_close(struct jail_attack *a, const char *links)
{
    jail_free(a->jail);
    assert_true(scratch_run("cd %s && %s --ignore=links before outside >&2 && "
                            "test $(stat -c %%h outside/victim) = %s",
                            a->dir, TREECMP, links));
    scratch_remove(a->dir);
}

struct entry jail_rig_entry(enum entry_type type, const char *name)
{
    struct entry e = {.type = type,
                      .name = bytes_of_str(name),
                      .mode = 0644,
                      .uid = geteuid(),
                      .gid = getegid(),
                      .nlink = 1,
                      .mtime = {1000000000, 0}};

    if (type == ENTRY_FILE)
        e.size = 7;
    if (type == ENTRY_SYMLINK)
        e.target = bytes_of_str("../outside");
    return e;
}

int jail_rig_write(struct jail_dir *dir, const struct entry *e,
                   struct jail_made **made, struct jail_result *res)
{
    struct jail_file *f = NULL;
    int rc = jail_file_begin(dir, e, false, &f, res);

    if (rc == 0 && f)
        rc = jail_file_write(f, "written", 7, 0);
    if (rc == 0 && f)
        return jail_file_finish(f, e, made, res);
    jail_file_abandon(f);
    return rc;
}
