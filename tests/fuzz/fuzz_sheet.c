/* The recovery sheet: what it says, and the lines that people type. */
#include <stdint.h>
#include <stdlib.h>

#include "repo/recovery.h"
#include "repo/sheet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct recovery *recovery;
static struct recovery *again;
static struct secret content;
static struct secret anew;

static void setup(void)
{
    if (recovery)
        return;
    ASSERT(crypto_init() == 0);
    recovery = recovery_new();
    again = recovery_new();
    ASSERT(recovery && again);
    ASSERT(secret_init(&content, SHEET_BYTES_MAX) == 0);
    ASSERT(secret_init(&anew, SHEET_BYTES_MAX) == 0);
}

/* What is accepted says the same when it is written anew. */
static void check_content(struct bytes in)
{
    if (recovery_get(recovery, in) < 0)
        return;
    ASSERT(recovery_put(recovery, &anew) == 0);
    ASSERT(recovery_get(again, secret_bytes(&anew)) == 0);
    ASSERT(memcmp(recovery, again, sizeof *again) == 0);
}

/* Lines that are accepted are those that their content gives. */
static void check_text(struct bytes text)
{
    struct sheet *s = sheet_new();
    struct sheet *t = sheet_new();

    ASSERT(s && t);
    if (sheet_read(s, text) == 0 && sheet_get(s, &content) == 0) {
        ASSERT(sheet_missing(s) == 0);
        sheet_set(t, secret_bytes(&content));
        ASSERT(memcmp(s, t, sizeof *s) == 0);
        check_content(secret_bytes(&content));
    }
    sheet_free(s);
    sheet_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    setup();
    check_content(bytes_of(data, n));
    check_text(bytes_of(data, n));
    if (n > 0 && n <= SHEET_BYTES_MAX - SHEET_SUM_BYTES) {
        struct sheet *s = sheet_new();
        char line[SHEET_LINE_CHARS];

        ASSERT(s);
        sheet_set(s, bytes_of(data, n));
        for (size_t i = 1; i <= sheet_last(s); i++) {
            struct bytes text = bytes_of_str(sheet_text(s, i, i % 2, line));
            struct sheet *t = sheet_new();

            ASSERT(t && sheet_read(t, text) == 0);
            ASSERT(memcmp(&s->line[i - 1], &t->line[i - 1], sizeof *t->line) ==
                   0);
            sheet_free(t);
        }
        sheet_free(s);
    }
    return 0;
}
