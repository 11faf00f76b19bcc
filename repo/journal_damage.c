#include "repo/journal_damage.h"

#include <stdio.h>

/* The error's text behind the object's name, which is told apart from it. */
static const char *journal_damage_why(const char *name, const char *why)
{
    size_t n = strlen(name);

    if (strncmp(why, name, n) != 0)
        return why;
    why += n;
    why += strspn(why, ": ");
    return why;
}

void journal_damage_note(struct journal_damage *d, const char *name,
                         const char *why, bool first)
{
    struct journal_damage_record *r;

    d->journals += first;
    d->records++;
    if (d->named_n == JOURNAL_DAMAGE_NAMED)
        return;
    r = &d->named[d->named_n++];
    (void)snprintf(r->name, sizeof r->name, "%s", name);
    (void)snprintf(r->why, sizeof r->why, "%s", journal_damage_why(name, why));
}
