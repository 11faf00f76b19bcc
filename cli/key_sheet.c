#include "cli/key_sheet.h"

#include "cli/sheet_print.h"

static int key_sheet_tell(struct cli *cli, const char *path)
{
    if (!cli->json)
        return 0;
    json_out_begin(cli->json, "recovery_sheet");
    json_out_bytes(cli->json, "file", bytes_of_str(path));
    return json_out_end(cli->json);
}

int key_sheet_run(struct cli *cli)
{
    struct sheet_file file = {.fd = -1};
    struct session s = {.store = NULL};
    const char *place;
    const char *path;
    int rc;

    path = cli->opt->arg[1];
    rc = session_place(cli, &place);
    if (rc == 0)
        rc = sheet_file_open(&file, path, place, cli->json != NULL);
    if (rc == 0)
        rc = session_open(cli, SESSION_WORK, &s);
    if (rc == 0)
        rc = sheet_print(s.repo, place, &file);
    session_close(&s);
    rc = sheet_file_close(&file, rc);
    return rc < 0 ? rc : key_sheet_tell(cli, path);
}
