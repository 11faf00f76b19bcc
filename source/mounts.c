#include "source/mounts.h"

#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/fileop.h"

enum { MOUNTS_TEXT_MAX = 64 << 20, MOUNTS_READ = 64 << 10 };

bool mounts_type_is_pseudo(struct bytes type)
{
    static const char *const pseudo[] = {
        "proc",       "sysfs",   "devtmpfs", "devpts",      "cgroup",
        "cgroup2",    "debugfs", "tracefs",  "securityfs",  "selinuxfs",
        "smackfs",    "pstore",  "bpf",      "configfs",    "efivarfs",
        "mqueue",     "fusectl", "nsfs",     "binfmt_misc", "rpc_pipefs",
        "fuse.dedup",
    };

    for (size_t i = 0; i < sizeof pseudo / sizeof pseudo[0]; i++) {
        if (bytes_equal(type, bytes_of_str(pseudo[i])))
            return true;
    }
    return false;
}

/* The next word of a line; both end at spaces. */
static struct bytes word_next(struct bytes *line)
{
    const uint8_t *end = memchr(line->p, ' ', line->n);
    struct bytes word = *line;

    if (end) {
        word.n = (size_t)(end - line->p);
        line->p = end + 1;
        line->n -= word.n + 1;
    } else {
        line->n = 0;
    }
    return word;
}

/* "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE ..." */
static struct bytes line_type(struct bytes line, struct bytes dev)
{
    struct bytes word;

    (void)word_next(&line);
    (void)word_next(&line);
    word = word_next(&line);
    if (!bytes_equal(word, dev))
        return bytes_of(NULL, 0);
    while (line.n && !bytes_equal(word, bytes_of_str("-")))
        word = word_next(&line);
    return word_next(&line);
}

struct bytes mounts_find_type(struct bytes text, uint64_t dev)
{
    char number[24];
    struct bytes type = {0};
    size_t at = 0;

    (void)snprintf(number, sizeof number, "%u:%u", (unsigned)(dev >> 32),
                   (unsigned)(dev & UINT32_MAX));
    while (at < text.n && type.n == 0) {
        const uint8_t *p = text.p + at;
        const uint8_t *end = memchr(p, '\n', text.n - at);
        size_t n = end ? (size_t)(end - p) : text.n - at;

        type = line_type(bytes_of(p, n), bytes_of_str(number));
        at += n + 1;
    }
    return type;
}

static int mounts_read(int fd, struct buf *text)
{
    for (;;) {
        uint8_t *p = buf_extend(text, MOUNTS_READ);
        ssize_t n;

        if (!p)
            return buf_status(text);
        n = fileop_read(fd, p, MOUNTS_READ);
        if (n < 0)
            return err_set_errno(E_SOURCE, errno, "/proc/self/mountinfo");
        buf_truncate(text, text->n - MOUNTS_READ + (size_t)n);
        if (n == 0)
            return 0;
    }
}

int mounts_is_pseudo(uint64_t dev, bool *out)
{
    struct buf text;
    int rc;
    int fd;

    *out = false;
    fd = fileop_openat(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY, 0);
    if (fd < 0)
        return 0;
    buf_init(&text, MOUNTS_TEXT_MAX);
    rc = mounts_read(fd, &text);
    if (rc == 0)
        *out = mounts_type_is_pseudo(mounts_find_type(buf_bytes(&text), dev));
    buf_release(&text);
    (void)fileop_close(fd);
    return rc;
}
