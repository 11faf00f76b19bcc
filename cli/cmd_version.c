#include <stdio.h>

#include "base/cpu.h"
#include "chunker/anchor.h"
#include "cli/cli.h"
#include "cli/config_yaml.h"
#include "cli/sheet_qr.h"
#include "index/index_engine.h"
#include "repo/crypto.h"
#include "repo/library.h"
#include "repo/magic.h"

enum { CMD_VERSION_TEXT_MAX = 512 };

#ifdef __clang__
#define CMD_VERSION_COMPILER "clang " __clang_version__
#else
#define CMD_VERSION_COMPILER "gcc " __VERSION__
#endif

/* A library, or what was chosen for this machine. */
struct cmd_version_part {
    const char *name;
    const char *version;
};

static void cmd_version_json(struct json_out *j, const char *key,
                             const struct cmd_version_part *part, size_t n)
{
    json_out_object(j, key);
    for (size_t i = 0; i < n; i++)
        json_out_text(j, part[i].name, part[i].version);
    json_out_close(j);
}

static void cmd_version_lines(struct cli *cli,
                              const struct cmd_version_part *part, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char line[CMD_VERSION_TEXT_MAX];

        (void)snprintf(line, sizeof line, "%-12s%s\n", part[i].name,
                       part[i].version);
        out_text(cli->out, line);
    }
}

/* All that can be told; crypto_init() was called. */
static int cmd_version_all(struct cli *cli)
{
    char lmdb[INDEX_ENGINE_VERSION_MAX], format[12];
    const enum cpu_level level = cpu_level();
    const struct cmd_version_part library[] = {
        {"libsodium", library_sodium()},
        {"openssl", library_openssl()},
        {"ipsec-mb", library_ipsec_mb()},
        {"zstd", library_zstd()},
        {"lmdb", index_engine_version(lmdb)},
        {"libyaml", config_yaml_version()},
        {"libqrencode", sheet_qr_version()}};
    const struct cmd_version_part chosen[] = {
        {"cpu", cpu_level_name(level)},
        {"chunker", cpu_level_name(anchor_best(level)->level)},
        {"cipher", crypto_suite_best() == CRYPTO_AES256_GCM
                       ? "aes-256-gcm"
                       : "chacha20-poly1305"},
        {"cipher_by", crypto_suite_by(crypto_suite_best())}};
    const struct cmd_version_part build[] = {
        {"format", format}, {"compiler", CMD_VERSION_COMPILER}};
    const size_t library_n = sizeof library / sizeof library[0];
    const size_t chosen_n = sizeof chosen / sizeof chosen[0];

    (void)snprintf(format, sizeof format, "%d", MAGIC_VERSION);
    if (cli->json) {
        json_out_begin(cli->json, "version");
        json_out_text(cli->json, "version", DEDUP_VERSION);
        json_out_u64(cli->json, "format", MAGIC_VERSION);
        json_out_text(cli->json, "compiler", CMD_VERSION_COMPILER);
        cmd_version_json(cli->json, "libraries", library, library_n);
        cmd_version_json(cli->json, "chosen", chosen, chosen_n);
        return json_out_end(cli->json);
    }
    out_text(cli->out, "dedup " DEDUP_VERSION "\n");
    cmd_version_lines(cli, build, sizeof build / sizeof build[0]);
    cmd_version_lines(cli, library, library_n);
    cmd_version_lines(cli, chosen, chosen_n);
    return 0;
}

int cmd_version(struct cli *cli)
{
    int rc;

    if (!cli->json && !opt_has(cli->opt, OPT_VERBOSE)) {
        out_text(cli->out, "dedup " DEDUP_VERSION "\n");
        return 0;
    }
    rc = crypto_init(); /* it finds out which cipher is the faster one */
    return rc < 0 ? rc : cmd_version_all(cli);
}
