#include "repo/check_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "store/store.h"

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
    else if (f->unread)
        r->sum->unread++;
    else
        r->sum->notes++;
    if (r->fn)
        rc = r->fn(r->ctx, f);
    (void)pthread_mutex_unlock(&r->lock);
    return rc;
}

int check_report_end(const struct check_report *r)
{
    uint64_t n = r->sum->unread;

    if (r->sum->damages > 0)
        return err_set(E_CORRUPT, "the repository is damaged");
    if (n > 0)
        return err_set(E_STORE, "%" PRIu64 " things could not be read", n);
    return 0;
}

bool check_report_is(int rc)
{
    return rc == E_CORRUPT || rc == E_STORE;
}

int check_report_absent(struct check_report *r)
{
    uint64_t unread;

    (void)pthread_mutex_lock(&r->lock);
    unread = r->sum->unread;
    (void)pthread_mutex_unlock(&r->lock);
    return unread > 0 ? E_STORE : E_CORRUPT;
}

int check_report_reread(struct check_report *r, struct store *s,
                        const char *name, int rc)
{
    struct err_record why;
    uint64_t size;
    bool found = true;

    if (rc != E_CORRUPT || check_report_absent(r) == E_CORRUPT)
        return rc;
    err_save(rc, &why);
    rc = store_size(s, name, &size, &found);
    if (rc == 0 && found)
        return err_load(&why);
    why.code = E_STORE;
    return err_load(&why);
}

static int check_report_text(struct check_report *r, enum check_kind kind,
                             int rc, const char *object, const char *text)
{
    struct check_finding f = {.kind = kind,
                              .damage = rc == E_CORRUPT,
                              .unread = rc == E_STORE,
                              .object = object,
                              .text = text};

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
    return check_report_text(r, kind, E_CORRUPT, object, text);
}

int check_report_against(struct check_report *r, enum check_kind kind,
                         const char *object, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return check_report_text(r, kind, check_report_absent(r), object, text);
}

int check_report_note(struct check_report *r, enum check_kind kind,
                      const char *object, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return check_report_text(r, kind, 0, object, text);
}

int check_report_rc(struct check_report *r, int rc, enum check_kind kind,
                    const char *object)
{
    const char *text = err_text();
    size_t n = strlen(object);

    if (rc == E_LIMIT)
        rc = E_CORRUPT;
    if (!check_report_is(rc))
        return rc;
    /* the object's name need not stand there twice */
    if (n > 0 && strncmp(text, object, n) == 0 && text[n] == ':')
        text += n + 1 + (text[n + 1] == ' ');
    return check_report_text(r, kind, rc, object, text);
}
