#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char err_buf[ERR_TEXT_MAX];

static void err_replace(const char *fmt, va_list ap, const char *tail)
    __attribute__((format(printf, 1, 0)));

/* "<message>" or "<message>: <tail>" becomes the record. It is put together
 * beside the record, which the arguments and tail may quote. */
static void err_replace(const char *fmt, va_list ap, const char *tail)
{
    char text[ERR_TEXT_MAX] = "";
    size_t n;

    (void)vsnprintf(text, sizeof text, fmt, ap);
    n = strlen(text);
    if (tail)
        (void)snprintf(text + n, sizeof text - n, ": %s", tail);
    memcpy(err_buf, text, sizeof err_buf);
}

int err_set(int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    err_replace(fmt, ap, NULL);
    va_end(ap);
    return code;
}

int err_set_errno(int code, int errnum, const char *fmt, ...)
{
    va_list ap;
    char reason[128];

    va_start(ap, fmt);
    err_replace(fmt, ap, strerror_r(errnum, reason, sizeof reason));
    va_end(ap);
    return errnum == ENOMEM ? E_NOMEM : code;
}

int err_add(int code, const char *fmt, ...)
{
    va_list ap;

    if (code == 0)
        return 0;
    va_start(ap, fmt);
    err_replace(fmt, ap, err_buf);
    va_end(ap);
    return code;
}

void err_ignore(int code, const char *why)
{
    (void)code;
    (void)why;
}

const char *err_text(void)
{
    return err_buf;
}

void err_save(int code, struct err_record *out)
{
    out->code = code;
    memcpy(out->text, err_buf, sizeof out->text);
}

int err_load(const struct err_record *rec)
{
    memcpy(err_buf, rec->text, sizeof err_buf);
    return rec->code;
}

static const struct {
    int code;
    int exit;
} err_exits[] = {
    {0, 0},         {E_USAGE, 1},    {E_NOTFOUND, 1}, {E_NOREPO, 4},
    {E_KEY, 5},     {E_ROLE, 5},     {E_BUSY, 6},     {E_NOSPACE, 7},
    {E_CORRUPT, 8}, {E_ROLLBACK, 8}, {E_STORE, 9},    {E_REFUSED, 10},
    {E_FENCED, 75}, {E_LATER, 75},
};

int err_exit_code(int code)
{
    for (size_t i = 0; i < sizeof err_exits / sizeof err_exits[0]; i++) {
        if (err_exits[i].code == code)
            return err_exits[i].exit;
    }
    return 2;
}

_Noreturn void err_panic(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "dedup: internal error at %s:%d: %s\n", file, line,
                  what);
    abort();
}
