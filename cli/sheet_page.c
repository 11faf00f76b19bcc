#include "cli/sheet_page.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "cli/when.h"

enum { SHEET_PAGE_PLACE_MAX = 50 };

struct sheet_page_writer {
    sheet_page_fn *fn;
    void *ctx;
};

static void sheet_page_say(const struct sheet_page_writer *w,
                           enum sheet_page_style style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void sheet_page_say(const struct sheet_page_writer *w,
                           enum sheet_page_style style, const char *fmt, ...)
{
    char text[SHEET_PAGE_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    w->fn(w->ctx, style, text);
}

/* Whether all of s is what a shell takes for itself, or one of more. */
static bool sheet_page_is(const char *s, const char *more)
{
    bool good = *s != 0;

    for (; *s && good; s++)
        good = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
               (*s >= '0' && *s <= '9') || strchr("/._+@%:,=-", *s) ||
               strchr(more, *s);
    return good;
}

/* s as a shell reads it (bash, where it holds what is not ASCII); "" when that
 * is too long for a line. */
static void sheet_page_quote(const char *s, char out[SHEET_PAGE_PLACE_MAX])
{
    bool dollar = !sheet_page_is(s, " !\"#$&()*;<>?[\\]^`{|}~");
    const char *head = dollar ? "$'" : "'";
    size_t at;

    if (sheet_page_is(s, ""))
        head = "";
    at = (size_t)snprintf(out, SHEET_PAGE_PLACE_MAX, "%s", head);
    for (; *s && at + 6 < SHEET_PAGE_PLACE_MAX; s++) {
        uint8_t c = (uint8_t)*s;

        if (c < ' ' || c > '~')
            at += (size_t)snprintf(out + at, 5, "\\x%02x", c);
        else if (dollar && (c == '\'' || c == '\\'))
            at += (size_t)snprintf(out + at, 3, "\\%c", c);
        else
            out[at++] = (char)c;
    }
    if (*head)
        out[at++] = '\'';
    out[at] = 0;
    if (*s)
        out[0] = 0;
}

static void sheet_page_facts(const struct sheet_page *p,
                             const struct sheet_page_writer *w,
                             const char *place)
{
    char hex[2 * sizeof p->repo.b + 1];
    char when[WHEN_TEXT_MAX];
    char host[SHEET_PAGE_PLACE_MAX];

    sheet_page_quote(p->host, host);
    sheet_page_say(w, SHEET_PAGE_FACT, "Repository\t%s",
                   id_hex(p->repo.b, sizeof p->repo.b, hex));
    if (*place)
        sheet_page_say(w, SHEET_PAGE_FACT, "It was at\t%s", place);
    sheet_page_say(w, SHEET_PAGE_FACT, "Printed\t%s, by dedup %s",
                   when_local(p->now, when), DEDUP_VERSION);
    if (*host)
        sheet_page_say(w, SHEET_PAGE_FACT, "On\t%s", host);
    sheet_page_say(w, SHEET_PAGE_FACT,
                   "As of\tlog record %llu, %zu epoch%s of keys",
                   (unsigned long long)p->log_number, p->epoch_n,
                   p->epoch_n == 1 ? "" : "s");
}

static void sheet_page_warn(const struct sheet_page_writer *w)
{
    sheet_page_say(w, SHEET_PAGE_HEAD, "Keep this secret");
    sheet_page_say(
        w, SHEET_PAGE_TEXT,
        "Whoever holds this sheet can read everything in the repository, write "
        "to it and have things deleted from it. A new passphrase does not "
        "change that. If others have seen it, run 'dedup key remove' for the "
        "key that printed it, with another full key, and 'dedup key rotate'.");
    sheet_page_say(
        w, SHEET_PAGE_TEXT,
        "Keep it on paper, under lock and key, and neither near the machines "
        "that are backed up nor near the repository. Remove the file it was "
        "printed from. Print a new sheet after each 'dedup key rotate'.");
    sheet_page_say(
        w, SHEET_PAGE_TEXT,
        "It brings back the repository's config and its keys, and so replaces "
        "a passphrase that nobody remembers. It holds no backups: all that is "
        "in packs, index, snapshots, log and w must still be there.");
}

static void sheet_page_steps(const struct sheet_page *p,
                             const struct sheet_page_writer *w,
                             const char *place)
{
    sheet_page_say(w, SHEET_PAGE_HEAD,
                   "How to get everything back on a bare machine");
    sheet_page_say(w, SHEET_PAGE_TEXT,
                   "a) Install dedup. Make the repository's directory "
                   "reachable, and name it (as root, if you want to restore "
                   "owners):");
    sheet_page_say(w, SHEET_PAGE_COMMAND, "export DEDUP_REPO=%s",
                   *place ? place : "DIRECTORY");
    sheet_page_say(
        w, SHEET_PAGE_TEXT,
        "b) Give back its keys. You are asked for the %zu lines above, one "
        "after the other, and told which one is mistyped; small letters and "
        "blanks do not matter. Then you choose a new passphrase. Instead of "
        "typing, scan the QR code%s to a text file and name that file in place "
        "of the -.",
        sheet_last(p->sheet), sheet_last(p->sheet) > 12 ? "s" : "");
    sheet_page_say(w, SHEET_PAGE_COMMAND, "dedup key recover --sheet -");
    sheet_page_say(w, SHEET_PAGE_TEXT, "c) See whether all is there:");
    sheet_page_say(w, SHEET_PAGE_COMMAND, "dedup check");
    sheet_page_say(w, SHEET_PAGE_TEXT,
                   "d) List the backups, and restore the newest one, or "
                   "another by the start of its id:");
    sheet_page_say(w, SHEET_PAGE_COMMAND, "dedup snapshots");
    sheet_page_say(w, SHEET_PAGE_COMMAND,
                   "dedup restore latest --target /mnt/restored");
    sheet_page_say(w, SHEET_PAGE_TEXT,
                   "e) Print a new sheet, and destroy this one:");
    sheet_page_say(w, SHEET_PAGE_COMMAND, "dedup key sheet new-sheet.pdf");
}

void sheet_page_each(const struct sheet_page *p, sheet_page_fn *fn, void *ctx)
{
    struct sheet_page_writer w = {.fn = fn, .ctx = ctx};
    char place[SHEET_PAGE_PLACE_MAX];

    sheet_page_quote(p->place, place);
    sheet_page_say(&w, SHEET_PAGE_TITLE,
                   "Recovery sheet of a dedup repository");
    sheet_page_facts(p, &w, place);
    sheet_page_warn(&w);
    sheet_page_say(&w, SHEET_PAGE_HEAD,
                   "The keys (0 is zero, 1 is one; there is no letter I, L, O "
                   "or U)");
    sheet_page_say(&w, SHEET_PAGE_LINES, "%s", "");
    sheet_page_steps(p, &w, place);
}

const char *sheet_page_wrap(const char *text, size_t columns, size_t *line_n)
{
    size_t n = strlen(text);
    size_t end;

    if (n <= columns) {
        *line_n = n;
        return text + n;
    }
    for (end = columns; end > 0 && text[end] != ' '; end--)
        ;
    if (end == 0) { /* one long word */
        *line_n = columns;
        return text + columns;
    }
    *line_n = end;
    return text + end + 1;
}
