/*
 * entry: one file system object as the house sees it in memory: what a source
 * yields, a tree stores and a restore writes back. It says nothing about where
 * the content lives; that is the tree's business.
 *
 * An entry borrows every byte it points to; whoever fills it says for how
 * long. Plain data, any thread.
 */
#ifndef BASE_ENTRY_H
#define BASE_ENTRY_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"

/* The numbers are part of the format (docs/format.md, "Entries"). */
enum entry_type {
    ENTRY_FILE = 1,
    ENTRY_DIR = 2,
    ENTRY_SYMLINK = 3,
    ENTRY_CHAR = 4,
    ENTRY_BLOCK = 5,
    ENTRY_FIFO = 6,
    ENTRY_SOCKET = 7
};

enum {
    ENTRY_NAME_MAX = 255,          /* bytes of one name */
    ENTRY_TARGET_MAX = 4095,       /* bytes of a symlink's target */
    ENTRY_XATTR_NAME_MAX = 255,    /* bytes */
    ENTRY_XATTR_VALUE_MAX = 65536, /* bytes; the kernel's own limit */
    ENTRY_XATTR_MAX = 4096         /* attributes of one object */
};

/* Seconds since 1970 (negative before), and 0..999,999,999 ns after them. */
struct entry_time {
    int64_t s;
    uint32_t ns;
};

struct entry_xattr {
    struct bytes name;  /* with its namespace: "user.x", "security.y" */
    struct bytes value; /* raw */
};

struct entry {
    struct bytes name; /* one path component, raw bytes; see entry_name_ok */
    enum entry_type type;
    uint32_t mode; /* permission bits and set-id, sticky: 0..07777 */
    uint32_t uid;
    uint32_t gid;
    struct bytes user;  /* name of uid where it was read; empty: unknown */
    struct bytes group; /* name of gid */
    struct entry_time mtime;
    struct entry_time ctime;
    struct entry_time btime; /* valid with has_btime */
    struct entry_time atime; /* valid with has_atime */
    uint64_t inode;
    uint64_t nlink;
    uint64_t size;       /* bytes of a file's content; 0 for other types */
    uint32_t rdev_major; /* ENTRY_CHAR, ENTRY_BLOCK */
    uint32_t rdev_minor;
    struct bytes target;             /* ENTRY_SYMLINK: raw bytes */
    const struct entry_xattr *xattr; /* sorted by name, no name twice */
    size_t xattr_n;
    uint32_t inode_flags; /* FS_IOC_GETFLAGS; valid with has_inode_flags */
    uint32_t project;     /* project quota id; 0: none */
    bool has_btime;
    bool has_atime;
    bool has_inode_flags;
    bool starts_fs; /* ENTRY_DIR: the root of another file system */
    bool unsettled; /* changed so recently that equal times prove nothing:
                       the next run looks, and reads, again */
    bool changing;  /* still changing after it was read a second time */
};

/* entry_name_ok: whether name may stand in a directory: 1..255 bytes, no '/',
 * no NUL, not "." and not "..". */
bool entry_name_ok(struct bytes name);

/*
 * entry_check: whether e is one that may be stored or written back: names,
 * lengths, ranges of mode and ns, xattr order, fields that fit the type.
 * Returns 0 or E_CORRUPT, raised with what is wrong.
 */
MUST_CHECK int entry_check(const struct entry *e);

/* entry_time_cmp: <0, 0, >0. */
int entry_time_cmp(struct entry_time a, struct entry_time b);

#endif
