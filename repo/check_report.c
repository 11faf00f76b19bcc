#include "repo/check_report.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

void check_report_init(struct check_report *r, check_report_fn *fn, void *ctx,
                       struct check_summary *sum)
{
    *sum = (struct check_summary){.damages = 0};
    r->fn = fn;
    r->ctx = ctx;
    r->sum = sum;
    (void)pthread_mutex_init(&r->lock, NULL);
}

void check_report_release(struct check_report *r)
{
    (void)pthread_mutex_destroy(&r->lock);
}

int check_report_put(struct check_report *r, const struct check_finding *f)
{
    int rc = 0;

    (void)pthread_mutex_lock(&r->lock);
    if (f->damage)
        r->sum->damages++;
    else
        r->sum->notes++;
    if (r->fn)
        rc = r->fn(r->ctx, f);
    (void)pthread_mutex_unlock(&r->lock);
    return rc;
}

static int check_report_text(struct check_report *r, enum check_kind kind,
                             bool damage, const char *object, const char *text)
{
    struct check_finding f = {
        .kind = kind, .damage = damage, .object = object, .text = text};

    return check_report_put(r, &f);
}

int check_report_damage(struct check_report *r, enum check_kind kind,
                        const char *object, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return check_report_text(r, kind, true, object, text);
}

int check_report_note(struct check_report *r, enum check_kind kind,
                      const char *object, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return check_report_text(r, kind, false, object, text);
}

int check_report_rc(struct check_report *r, int rc, enum check_kind kind,
                    const char *object)
{
    const char *text = err_text();
    size_t n = strlen(object);

    if (rc != E_CORRUPT && rc != E_LIMIT)
        return rc;
    /* the object's name need not stand there twice */
    if (n > 0 && strncmp(text, object, n) == 0 && text[n] == ':')
        text += n + 1 + (text[n + 1] == ' ');
    return check_report_damage(r, kind, object, "%s", text);
}

void *check_report_grow(void *p, size_t n, size_t *cap, size_t size)
{
    size_t more = *cap ? *cap * 2 : 16;
    void *grown;

    if (n < *cap)
        return p;
    grown = more > SIZE_MAX / size ? NULL : mem_resize(p, more * size);
    if (!grown) {
        err_ignore(err_set(E_NOMEM, "out of memory"), "NULL says it");
        return NULL;
    }
    *cap = more;
    return grown;
}
