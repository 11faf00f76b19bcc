#include "cli/sheet_print.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/message.h"
#include "repo/repo_recover.h"

enum { SHEET_PRINT_HOST = 256 };

static int sheet_print_page(const struct recovery *v, const struct sheet *s,
                            const char *place, struct sheet_file *f)
{
    int64_t now = clock_realtime_ns();
    char host[SHEET_PRINT_HOST] = "";
    char full[PATH_MAX];
    struct sheet_page page = {
        .sheet = s,
        .repo = v->repo,
        .place = realpath(place, full) ? full : place,
        .host = host,
        .now = {now / 1000000000, (uint32_t)(now % 1000000000)},
        .log_number = v->log_number,
        .epoch_n = v->root_n};

    if (gethostname(host, sizeof host - 1) < 0)
        host[0] = 0;
    return sheet_file_write(f, &page);
}

int sheet_print(const struct repo *r, const char *place, struct sheet_file *f)
{
    struct recovery *v = recovery_new();
    struct sheet *s = sheet_new();
    struct secret content = {0};
    int rc = v && s ? 0 : err_set(E_NOMEM, "out of memory");

    if (rc == 0)
        rc = repo_recover_sheet(r, v);
    if (rc == 0)
        rc = secret_init(&content, RECOVERY_BYTES_MAX);
    if (rc == 0)
        rc = recovery_put(v, &content);
    if (rc == 0) {
        sheet_set(s, secret_bytes(&content));
        rc = sheet_print_page(v, s, place, f);
    }
    if (rc == 0)
        message_note("wrote the recovery sheet; whoever has it can read "
                     "everything: print it, keep it away from here, and "
                     "remove the file");
    secret_release(&content);
    sheet_free(s);
    recovery_free(v);
    return rc;
}
