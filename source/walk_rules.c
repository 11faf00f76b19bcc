#include "source/walk_rules.h"

#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/read_all.h"

enum {
    WALK_RULES_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
};

bool walk_rules_skipped(const struct walk_skip_dir *skip, size_t n,
                        uint64_t dev, uint64_t inode)
{
    for (size_t i = 0; i < n; i++) {
        if (skip[i].dev == dev && skip[i].inode == inode)
            return true;
    }
    return false;
}

/* A regular file in the directory fd; -1 and errno: EINVAL where it is
 * something else. */
static int walk_rules_open(int fd, const char *name)
{
    int file = fileop_openat(fd, name, WALK_RULES_FLAGS, 0);
    struct stat st;
    int errnum = EINVAL;

    if (file < 0)
        return -1;
    if (fileop_fstat(file, &st) < 0)
        errnum = errno;
    else if (S_ISREG(st.st_mode))
        return file;
    (void)fileop_close(file);
    errno = errnum;
    return -1;
}

static bool walk_rules_marks(const struct walk_marker *m, int fd)
{
    uint8_t head[WALK_RULES_HEADER_MAX];
    size_t n = m->header.n < sizeof head ? m->header.n : sizeof head;
    int file = walk_rules_open(fd, (const char *)m->name.p);
    bool marks = file >= 0;

    if (file < 0)
        return false;
    if (n > 0)
        marks = fileop_read_full(file, head, n) == (ssize_t)n &&
                memcmp(head, m->header.p, n) == 0;
    (void)fileop_close(file);
    return marks;
}

bool walk_rules_heeds(const struct walk_marker *marker, size_t n,
                      bool ignore_files, const struct walk_names *names,
                      const struct walk_list *list)
{
    for (size_t i = 0; i < n; i++) {
        if (walk_names_has(names, list, marker[i].name))
            return true;
    }
    return ignore_files &&
           walk_names_has(names, list, bytes_of_str(IGNORE_NAME));
}

bool walk_rules_marked(const struct walk_marker *marker, size_t n,
                       const struct walk_names *names,
                       const struct walk_list *list, int fd,
                       const struct walk_marker **by)
{
    for (size_t i = 0; i < n; i++) {
        if (walk_names_has(names, list, marker[i].name) &&
            walk_rules_marks(&marker[i], fd)) {
            *by = &marker[i];
            return true;
        }
    }
    return false;
}

static int walk_rules_read(int fd, struct buf *text)
{
    int file = walk_rules_open(fd, IGNORE_NAME);
    int errnum;

    if (file < 0)
        return -1;
    errnum = read_all_bare(file, text);
    (void)fileop_close(file);
    errno = errnum;
    return errnum ? -1 : 0;
}

static void walk_rules_say(const char *why, char *trouble, size_t room)
{
    (void)snprintf(trouble, room, "%s was not heeded: %s", IGNORE_NAME, why);
}

/* The text becomes patterns, or trouble. */
static int walk_rules_parse(struct ignore *above, struct bytes dir,
                            struct buf *text, struct ignore **out,
                            char *trouble, size_t room)
{
    int rc = buf_status(text);

    if (rc == 0)
        rc = ignore_new(above, dir, buf_bytes(text), out);
    if (rc == 0 || rc == E_NOMEM)
        return rc;
    walk_rules_say(text->rc == E_LIMIT ? "longer than 64 KiB" : err_text(),
                   trouble, room);
    err_ignore(rc, "it is told as a trouble of the source");
    return 0;
}

int walk_rules_ignore(const struct walk_names *names,
                      const struct walk_list *list, int fd,
                      struct ignore *above, struct bytes dir,
                      struct ignore **out, char *trouble, size_t room)
{
    char reason[128];
    struct buf text;
    int rc = 0;

    *out = NULL;
    trouble[0] = 0;
    if (!walk_names_has(names, list, bytes_of_str(IGNORE_NAME)))
        return 0;
    buf_init(&text, IGNORE_BYTES_MAX);
    if (walk_rules_read(fd, &text) == 0)
        rc = walk_rules_parse(above, dir, &text, out, trouble, room);
    else if (errno != ENOENT) /* gone again: as if it had not been there */
        walk_rules_say(errno == EINVAL || errno == ELOOP
                           ? "it is not a regular file"
                           : strerror_r(errno, reason, sizeof reason),
                       trouble, room);
    buf_release(&text);
    return rc;
}
