#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char err_buf[ERR_TEXT_MAX];

int err_set(int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(err_buf, sizeof err_buf, fmt, ap);
    va_end(ap);
    return code;
}

int err_set_errno(int code, int errnum, const char *fmt, ...)
{
    va_list ap;
    size_t n;
    char reason[128];

    va_start(ap, fmt);
    (void)vsnprintf(err_buf, sizeof err_buf, fmt, ap);
    va_end(ap);
    n = strlen(err_buf);
    (void)snprintf(err_buf + n, sizeof err_buf - n, ": %s",
                   strerror_r(errnum, reason, sizeof reason));
    return errnum == ENOMEM ? E_NOMEM : code;
}

int err_add(int code, const char *fmt, ...)
{
    char old[ERR_TEXT_MAX];
    va_list ap;
    size_t n;

    if (code == 0)
        return 0;
    memcpy(old, err_buf, sizeof old);
    va_start(ap, fmt);
    (void)vsnprintf(err_buf, sizeof err_buf, fmt, ap);
    va_end(ap);
    n = strlen(err_buf);
    (void)snprintf(err_buf + n, sizeof err_buf - n, ": %s", old);
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
