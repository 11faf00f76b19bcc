#include "cli/out.h"

#include <errno.h>

#include "base/fileop.h"

void out_init(struct out *o, int fd)
{
    o->fd = fd;
    o->errnum = 0;
    o->n = 0;
}

static void out_write(struct out *o, struct bytes x)
{
    if (!o->errnum && x.n && fileop_write_full(o->fd, x.p, x.n) < 0)
        o->errnum = errno;
}

static void out_drain(struct out *o)
{
    out_write(o, bytes_of(o->buffer, o->n));
    o->n = 0;
}

void out_add(struct out *o, struct bytes x)
{
    if (x.n > sizeof o->buffer - o->n)
        out_drain(o);
    if (x.n > sizeof o->buffer) {
        out_write(o, x);
    } else if (x.n) {
        memcpy(o->buffer + o->n, x.p, x.n);
        o->n += x.n;
    }
}

void out_text(struct out *o, const char *text)
{
    out_add(o, bytes_of_str(text));
}

bool out_failed(const struct out *o)
{
    return o->errnum != 0;
}

bool out_reader_left(const struct out *o)
{
    return o->errnum == EPIPE;
}

int out_flush(struct out *o)
{
    out_drain(o);
    if (o->errnum)
        return err_set_errno(E_IO, o->errnum, "writing to standard output");
    return 0;
}
