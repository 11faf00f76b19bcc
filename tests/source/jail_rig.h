/* jail_rig: what the tests of the jail begin with. Every failure fails the
 * test. */
#ifndef TESTS_SOURCE_JAIL_RIG_H
#define TESTS_SOURCE_JAIL_RIG_H

#include "source/jail_file.h"
#include "tests/support/scratch.h"

/* A scratch directory with "src", to be filled. */
struct jail_rig {
    char dir[SCRATCH_PATH];
    char src[SCRATCH_PATH + 8];
    char target[SCRATCH_PATH + 8];   /* DIR/dst, not made */
    char dst[2 * SCRATCH_PATH + 16]; /* where a copy of src ends up in it */
};

/* jail_rig_plain: options with the smallest budget of descriptors. */
extern const struct jail_options jail_rig_plain;

/* jail_rig_empty, _odd, _small: src is empty; is an oddtree; has a little of
 * everything, for loops over operations. */
void jail_rig_empty(struct jail_rig *rig);
void jail_rig_odd(struct jail_rig *rig);
void jail_rig_small(struct jail_rig *rig);

/* jail_rig_same: whether treecmp, with these options, finds no difference
 * between src and dst; prints those it finds. */
bool jail_rig_same(const struct jail_rig *rig, const char *options);

/* An open jail at DIR/dst, and DIR/outside with a file "victim", of which
 * DIR/before is a copy. */
struct jail_attack {
    char dir[SCRATCH_PATH];
    struct jail *jail;
    struct jail_dir *root;
};

void jail_attack_open(struct jail_attack *a,
                      const struct jail_options *options);

/* jail_attack_close: nothing outside may have changed, nor the victim's number
 * of links be another than links. */
void jail_attack_close(struct jail_attack *a, const char *links);

/* jail_rig_entry: an entry of ours with a fixed mtime; a file has 7 bytes, a
 * symlink leads to "../outside". */
struct entry jail_rig_entry(enum entry_type type, const char *name);

/* jail_rig_write: restore the file e with the content "written". */
int jail_rig_write(struct jail_dir *dir, const struct entry *e,
                   struct jail_made **made, struct jail_result *res);

#endif
