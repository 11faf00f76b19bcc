#include "source/walk_rules.h"

#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/fileop.h"

enum {
    WALK_RULES_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
};

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
    uint8_t part[4096];
    ssize_t n;
    int file = walk_rules_open(fd, WALK_RULES_IGNORE);

    if (file < 0)
        return -1;
    do {
        n = fileop_read(file, part, sizeof part);
        if (n > 0)
            buf_add(text, part, (size_t)n);
    } while (n > 0 && text->rc == 0);
    if (n < 0) {
        int errnum = errno;

        (void)fileop_close(file);
        errno = errnum;
        return -1;
    }
    (void)fileop_close(file);
    return 0;
}

static void walk_rules_say(const char *why, char *trouble, size_t room)
{
    (void)snprintf(trouble, room, "%s was not heeded: %s", WALK_RULES_IGNORE,
                   why);
}

/* Why rules are too many, given those that hold already; NULL: they are not. */
static const char *walk_rules_excess(const struct walk_rules *held,
                                     const struct walk_rules *rules)
{
    if (rules->pattern_n > WALK_RULES_PATTERNS_MAX)
        return "more than 1000 patterns";
    if (held->pattern_n + rules->pattern_n > WALK_RULES_HELD_PATTERNS_MAX)
        return "more than 4000 patterns, with those of the directories above";
    if (held->bytes + rules->bytes > WALK_RULES_HELD_BYTES_MAX)
        return "longer than 256 KiB, with those of the directories above";
    return NULL;
}

/* The text becomes rules, or trouble. */
static int walk_rules_parse(struct buf *text, const struct walk_rules *held,
                            struct walk_rules *rules, char *trouble,
                            size_t room)
{
    struct walk_rules made = {.bytes = text->n};
    const char *why = NULL;
    int rc = buf_status(text);

    if (rc == 0)
        rc = pattern_set_new(false, &made.set);
    if (rc == 0)
        rc = pattern_set_add_text(made.set, buf_bytes(text), WALK_RULES_IGNORE);
    made.pattern_n = pattern_set_n(made.set);
    if (rc == 0)
        why = walk_rules_excess(held, &made);
    else if (rc != E_NOMEM)
        why = rc == E_LIMIT ? "longer than 64 KiB" : err_text();
    if (rc == 0 && !why) {
        *rules = made;
        return 0;
    }
    pattern_set_free(made.set);
    if (rc == E_NOMEM)
        return rc;
    walk_rules_say(why, trouble, room);
    err_ignore(rc, "it is told as a trouble of the source");
    return 0;
}

int walk_rules_ignore(const struct walk_names *names,
                      const struct walk_list *list, int fd,
                      const struct walk_rules *held, struct walk_rules *rules,
                      char *trouble, size_t room)
{
    char reason[128];
    struct buf text;
    int rc = 0;

    *rules = (struct walk_rules){.set = NULL};
    trouble[0] = 0;
    if (!walk_names_has(names, list, bytes_of_str(WALK_RULES_IGNORE)))
        return 0;
    buf_init(&text, WALK_RULES_IGNORE_MAX);
    if (walk_rules_read(fd, &text) == 0)
        rc = walk_rules_parse(&text, held, rules, trouble, room);
    else if (errno != ENOENT) /* gone again: as if it had not been there */
        walk_rules_say(errno == EINVAL || errno == ELOOP
                           ? "it is not a regular file"
                           : strerror_r(errno, reason, sizeof reason),
                       trouble, room);
    buf_release(&text);
    return rc;
}
