#include "base/read_all.h"

#include <errno.h>

#include "base/fileop.h"

enum { READ_ALL_PART = 4096 };

int read_all_bare(int fd, struct buf *out)
{
    uint8_t part[READ_ALL_PART];
    ssize_t n;

    do {
        n = fileop_read(fd, part, sizeof part);
        if (n < 0)
            return errno;
        buf_add(out, part, (size_t)n);
    } while (n > 0 && out->rc == 0);
    return 0;
}

int read_all(int fd, int code, const char *name, struct buf *out)
{
    int errnum = read_all_bare(fd, out);

    if (errnum)
        return err_set_errno(code, errnum, "%s", name);
    if (out->rc == E_LIMIT)
        return err_set(code, "%s: longer than %zu bytes", name, out->max);
    return buf_status(out);
}
