#include "cli/sheet_type.h"

#include <stdio.h>
#include <string.h>

#include "cli/message.h"
#include "cli/terminal.h"

enum { SHEET_TYPE_MAX = 512 };

/* typed, behind the number that was asked for unless it names one itself. */
static int sheet_type_take(struct sheet *s, size_t number, struct secret *typed,
                           struct secret *line)
{
    char head[24];
    int n = snprintf(head, sizeof head, "%zu:", number);
    uint8_t *to;

    secret_wipe(line);
    if (memchr(typed->p, ':', typed->n))
        n = 0;
    to = secret_extend(line, (size_t)n + typed->n);
    ASSERT(to); /* it has room for both */
    memcpy(to, head, (size_t)n);
    memcpy(to + n, typed->p, typed->n);
    return sheet_read(s, secret_bytes(line));
}

int sheet_type(struct sheet *s, const struct cancel *c)
{
    struct secret typed = {0};
    struct secret line = {0};
    char prompt[32];
    size_t next = sheet_missing(s);
    int rc = secret_init(&typed, SHEET_TYPE_MAX);

    if (rc == 0)
        rc = secret_init(&line, SHEET_TYPE_MAX + sizeof prompt);
    while (rc == 0 && next > 0) {
        size_t asked = next;

        (void)snprintf(prompt, sizeof prompt, "line %zu: ", asked);
        rc = terminal_ask_shown(prompt, c, &typed);
        if (rc < 0 || typed.n == 0)
            continue;
        rc = sheet_type_take(s, asked, &typed, &line);
        if (rc == E_KEY) { /* no such number: asked for again */
            message_warn("%s", err_text());
            rc = 0;
        } else if (s->line[asked - 1].mistyped) {
            message_warn("line %zu is mistyped: compare it, and type it again",
                         asked);
        }
        next = sheet_missing(s);
    }
    secret_release(&line);
    secret_release(&typed);
    return rc;
}
