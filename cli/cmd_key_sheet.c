/* dedup key sheet: print a recovery sheet. */
#include "cli/cmd_key.h"
#include "cli/session.h"
#include "cli/sheet_print.h"

static int cmd_key_sheet_tell(struct cli *cli, const char *path)
{
    if (!cli->json)
        return 0;
    json_out_begin(cli->json, "recovery_sheet");
    json_out_bytes(cli->json, "file", bytes_of_str(path));
    return json_out_end(cli->json);
}

int cmd_key_sheet(struct cli *cli, const char *const *arg, size_t arg_n)
{
    struct sheet_file file = {.fd = -1};
    struct session s = {.store = NULL};
    const char *place;
    int rc;

    if (arg_n != 1)
        return err_set(E_USAGE, "key sheet: which file shall it be written to? "
                                "Name a new one: .pdf, .svg, or text");
    rc = session_place(cli, &place);
    if (rc == 0)
        rc = sheet_file_open(&file, arg[0], place, cli->json != NULL);
    if (rc == 0)
        rc = session_open(cli, SESSION_WORK, &s);
    if (rc == 0)
        rc = sheet_print(s.repo, place, &file);
    session_close(&s);
    rc = sheet_file_close(&file, rc);
    return rc < 0 ? rc : cmd_key_sheet_tell(cli, arg[0]);
}
