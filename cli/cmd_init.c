#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/fileop.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/message.h"
#include "cli/session.h"
#include "cli/sheet_print.h"
#include "repo/compress.h"
#include "repo/key_change.h"
#include "repo/repo_init.h"
#include "repo/reserve.h"
#include "repo/selftest.h"
#include "store/local.h"

enum { CMD_INIT_DENTS_BYTES = 4096 };

/* What an init that was interrupted leaves behind, and what a new file system
 * comes with. repo_init() looks at the objects themselves. */
static bool cmd_init_is_ours(const char *name)
{
    static const char *const ours[] = {
        "config", "keys",      "log", "packs",      "index",
        ".tmp",   "snapshots", "w",   "lost+found", RESERVE_NAME};

    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (strcmp(name, ours[i]) == 0)
            return true;
    }
    return strncmp(name, "probe-", 6) == 0;
}

static int cmd_init_check_names(int dir, const char *place)
{
    uint64_t space[CMD_INIT_DENTS_BYTES / sizeof(uint64_t)];
    ssize_t n;

    while ((n = fileop_getdents(dir, space, sizeof space)) > 0) {
        struct fileop_dirent e;
        size_t at = 0;

        while (fileop_dirent_next(space, (size_t)n, &at, &e)) {
            if (!cmd_init_is_ours(e.name))
                return err_set(E_REFUSED,
                               "%s: there are other files already ('%s'): a "
                               "repository needs a directory of its own",
                               place, e.name);
        }
    }
    return n < 0 ? err_set_errno(E_STORE, errno, "%s", place) : 0;
}

/* Whether place, which is no directory, can become one. What no longer holds
 * when it is made is found then. */
static int cmd_init_check_parent(const char *place)
{
    char parent[PATH_MAX];
    size_t n = strlen(place);
    struct stat st;

    while (n > 1 && place[n - 1] == '/')
        n--;
    if (n >= sizeof parent)
        return err_set(E_USAGE, "%s: too long for a path", place);
    memcpy(parent, place, n);
    parent[n] = 0;
    if (fileop_fstatat(AT_FDCWD, parent, &st, 0) == 0)
        return err_set(E_USAGE,
                       "%s: not a directory; a repository is a directory of "
                       "its own",
                       place);
    while (n > 0 && place[n - 1] != '/')
        n--;
    while (n > 1 && place[n - 1] == '/')
        n--;
    parent[n] = 0;
    if (n == 0)
        return 0;
    if (fileop_fstatat(AT_FDCWD, parent, &st, 0) == 0) {
        if (S_ISDIR(st.st_mode))
            return 0;
        errno = ENOTDIR;
    }
    return err_set_errno(E_USAGE, errno,
                         "%s: make the directory %s first, or check the path",
                         place, parent);
}

/* Nobody's files may end up among a repository's. */
static int cmd_init_check_place(const char *place)
{
    int dir = fileop_openat(AT_FDCWD, place, O_RDONLY | O_DIRECTORY, 0);
    struct config config;
    struct store *s;
    int rc;

    if (dir < 0 && (errno == ENOENT || errno == ENOTDIR))
        return cmd_init_check_parent(place);
    if (dir < 0)
        return err_set_errno(E_STORE, errno, "%s: cannot be opened", place);
    rc = cmd_init_check_names(dir, place);
    (void)fileop_close(dir);
    if (rc < 0)
        return rc;
    rc = local_open(place, &s);
    if (rc < 0)
        return rc;
    rc = repo_probe(s, &config);
    store_close(s);
    if (rc == E_NOREPO)
        return 0;
    if (rc < 0)
        return rc;
    return err_set(E_REFUSED, "%s: there is a repository already", place);
}

static int cmd_init_level(const struct opt_set *o, int *level)
{
    const char *text = opt_text(o, OPT_COMPRESSION);
    uint64_t n = COMPRESS_LEVEL_DEFAULT;
    int rc = 0;

    if (text && strcmp(text, "none") == 0) {
        *level = COMPRESS_LEVEL_NONE;
        return 0;
    }
    if (text)
        rc = text_parse_uint(text, COMPRESS_LEVEL_MIN, COMPRESS_LEVEL_MAX, &n);
    *level = (int)n;
    return err_add(rc, "--compression: neither 'none' nor a level");
}

static int cmd_init_chunk_bytes(const struct opt_set *o, uint32_t *bytes)
{
    uint64_t n = opt_bytes(o, OPT_CHUNK_SIZE, CONFIG_CHUNK_DEFAULT);

    if (n < CONFIG_CHUNK_MIN || n > CONFIG_CHUNK_MAX || (n & (n - 1)) != 0)
        return err_set(E_USAGE,
                       "--chunk-size: '%s' is not 16K, 32K, 64K, 128K or 256K",
                       opt_text(o, OPT_CHUNK_SIZE));
    *bytes = (uint32_t)n;
    return 0;
}

static int cmd_init_tell(struct cli *cli, const struct repo_id *id,
                         const char *place, const struct secrets_key *key)
{
    char hex[2 * sizeof id->b + 1];

    message_note("made the repository %s", id_hex(id->b, sizeof id->b, hex));
    message_note("without %s nothing in it can ever be read: keep a copy "
                 "where this machine cannot lose it",
                 key->kind == SECRETS_KEY ? "the key file" : "the passphrase");
    if (!cli->json)
        return 0;
    json_out_begin(cli->json, "repository");
    json_out_text(cli->json, "id", hex);
    json_out_bytes(cli->json, "place", bytes_of_str(place));
    json_out_bool(cli->json, "new_key_file", key->made);
    return json_out_end(cli->json);
}

/* Opened with the slot that was just made: what is printed is what works. */
static int cmd_init_sheet(struct store *s, const char *place,
                          const struct key_slot_secret *secret,
                          struct sheet_file *sheet)
{
    struct repo_open_options opt = {.secret = secret, .no_index = true};
    struct repo *r = NULL;
    int rc = repo_open(s, &opt, &r);

    if (rc == 0)
        rc = sheet_print(r, place, sheet);
    repo_close(r);
    return err_add(rc, "the repository is made, but not its recovery sheet: "
                       "print one with 'dedup key sheet'");
}

static int cmd_init_make(struct cli *cli, const char *place,
                         struct repo_init_options *opt,
                         const struct secrets_key *key,
                         struct sheet_file *sheet)
{
    struct key_slot_secret secret = session_secret(key);
    struct store *s = NULL;
    struct repo_id id;
    int rc;

    opt->secret = &secret;
    rc = local_create(place);
    if (rc == 0)
        rc = local_open(place, &s);
    if (rc == 0)
        rc = repo_init(s, opt, &id);
    if (rc == 0)
        err_ignore(reserve_make(s), "the first prune makes it");
    if (rc == 0 && sheet->path)
        rc = cmd_init_sheet(s, place, &secret, sheet);
    store_close(s);
    return rc < 0 ? rc : cmd_init_tell(cli, &id, place, key);
}

int cmd_init(struct cli *cli)
{
    const char *label = opt_text(cli->opt, OPT_LABEL);
    struct repo_init_options opt = {.label = label ? label : "first"};
    const char *sheet_path = opt_text(cli->opt, OPT_RECOVERY_SHEET);
    struct sheet_file sheet = {.fd = -1};
    struct secrets_key key;
    const char *place;
    int rc = session_place(cli, &place);

    if (rc == 0 && !key_change_label_ok(opt.label))
        rc = err_set(E_USAGE, "--label '%s': 1 to 100 of A-Z a-z 0-9 . _ @ + -",
                     opt.label);
    if (rc == 0)
        rc = cmd_init_level(cli->opt, &opt.level);
    if (rc == 0)
        rc = cmd_init_chunk_bytes(cli->opt, &opt.chunk_bytes);
    if (rc == 0)
        rc = selftest_run();
    if (rc == 0)
        rc = cmd_init_check_place(place);
    if (rc == 0 && sheet_path)
        rc = sheet_file_open(&sheet, sheet_path, place, cli->json != NULL);
    if (rc < 0)
        return rc;
    rc = secrets_get(cli->secrets, cli->opt, true, cli->cancel, &key);
    if (rc == 0 && key.made)
        message_warn("made a new key in %s; whoever loses it loses all that "
                     "it protects",
                     opt_text(cli->opt, OPT_KEY_FILE));
    if (rc == 0)
        rc = cmd_init_make(cli, place, &opt, &key, &sheet);
    secrets_key_release(&key);
    return sheet_file_close(&sheet, rc);
}
