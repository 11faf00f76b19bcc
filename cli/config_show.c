#include "cli/config_show.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/config_apply.h"

enum { CONFIG_SHOW_VALUE_MAX = 1 << 20 };

static const char config_show_hidden[] = "(hidden)";

/* Commands are run with passwords among their words. */
static bool config_show_hides(enum opt_id id)
{
    return id == OPT_PASSPHRASE_COMMAND || id == OPT_BEFORE || id == OPT_AFTER;
}

struct config_show_value {
    const char *text; /* NULL: a flag */
    bool hidden;
    char origin[OPT_NAMED_MAX];
};

/* ---- YAML -------------------------------------------------------------- */

/* Whether a word stands for itself in YAML without quotes. */
static bool config_show_is_plain(const char *text)
{
    size_t n = strlen(text);

    return n > 0 && strchr("-.~", text[0]) == NULL &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789._@+-/~") == n;
}

/* Double-quoted, as JSON has it; YAML understands the same. */
static void config_show_quote(struct buf *out, const char *text)
{
    if (config_show_is_plain(text)) {
        buf_add_bytes(out, bytes_of_str(text));
        return;
    }
    buf_add(out, "\"", 1);
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        char hex[8];

        if (c == '"' || c == '\\') {
            buf_add(out, "\\", 1);
            buf_add(out, p, 1);
        } else if (c < ' ' || c == 0x7f) {
            (void)snprintf(hex, sizeof hex, "\\x%02x", c);
            buf_add_bytes(out, bytes_of_str(hex));
        } else {
            buf_add(out, p, 1);
        }
    }
    buf_add(out, "\"", 1);
}

static void config_show_origin(const struct cli *cli, const struct opt_value *v,
                               char out[OPT_NAMED_MAX])
{
    if (v->origin > OPT_FROM_ENV)
        (void)snprintf(out, OPT_NAMED_MAX, "%s:%u", cli->config->path, v->line);
    else
        (void)opt_named(cli->opt, v, out);
}

/* item: one of several; the key stands above them. */
static int config_show_line(struct cli *cli, const char *indent,
                            const char *key, const char *text, bool hidden,
                            bool item, const char *origin)
{
    struct buf line;
    int rc;

    buf_init(&line, CONFIG_SHOW_VALUE_MAX);
    buf_add_bytes(&line, bytes_of_str(indent));
    buf_add_bytes(&line, bytes_of_str(item ? "  -" : key));
    buf_add_bytes(&line, bytes_of_str(item ? " " : ": "));
    if (hidden)
        buf_add_bytes(&line, bytes_of_str(config_show_hidden));
    else
        config_show_quote(&line, text ? text : "true");
    buf_add_bytes(&line, bytes_of_str("  # "));
    text_escape(&line, bytes_of_str(origin));
    buf_add(&line, "\n", 1);
    rc = buf_status(&line);
    if (rc == 0)
        out_add(cli->out, buf_bytes(&line));
    buf_release(&line);
    return rc;
}

static int config_show_json(struct cli *cli, const char *job, const char *key,
                            const char *text, bool hidden, const char *origin)
{
    struct json_out *j = cli->json;

    json_out_begin(j, "setting");
    if (job)
        json_out_text(j, "job", job);
    json_out_text(j, "key", key);
    if (hidden)
        json_out_null(j, "value");
    else if (text)
        json_out_bytes(j, "value", bytes_of_str(text));
    else
        json_out_bool(j, "value", true);
    json_out_bytes(j, "origin", bytes_of_str(origin));
    return json_out_end(j);
}

/* One value; job NULL: of the top. i of n with that key. */
static int config_show_one(struct cli *cli, const char *job, const char *key,
                           const struct config_show_value *v, size_t i,
                           size_t n)
{
    const char *indent = job ? "    " : "";

    if (cli->json)
        return config_show_json(cli, job, key, v->text, v->hidden, v->origin);
    if (n > 1 && i == 0) {
        out_text(cli->out, indent);
        out_text(cli->out, key);
        out_text(cli->out, ":\n");
    }
    return config_show_line(cli, indent, key, v->text, v->hidden, n > 1,
                            v->origin);
}

/* ---- what is shown ----------------------------------------------------- */

static int config_show_option(struct cli *cli, const struct opt_set *o,
                              enum opt_id id, const char *job)
{
    struct config_show_value x = {.hidden = config_show_hides(id)};
    size_t n = opt_count(o, id), at = 0;
    int rc = 0;

    if (opt_info(id)->config == OPT_CONFIG_ONE)
        n = 1; /* the last counts */
    for (size_t i = 0; i < o->value_n && rc == 0; i++) {
        const struct opt_value *v = &o->value[i];

        if (v->id != id || (n == 1 && v != opt_last(o, id)))
            continue;
        x.text = v->text;
        config_show_origin(cli, v, x.origin);
        rc = config_show_one(cli, job, opt_info(id)->name, &x, at++, n);
    }
    return rc;
}

static int config_show_options(struct cli *cli, const struct opt_set *o,
                               const char *job)
{
    int rc = 0;

    for (unsigned i = 0; i < OPT_END && rc == 0; i++) {
        if ((opt_info((enum opt_id)i)->config != OPT_CONFIG_NO ||
             i == OPT_COMMAND) &&
            opt_has(o, (enum opt_id)i))
            rc = config_show_option(cli, o, (enum opt_id)i, job);
    }
    return rc;
}

static int config_show_top(struct cli *cli)
{
    struct config_show_value env = {.hidden = true,
                                    .origin = "DEDUP_PASSPHRASE"};
    struct opt_set o;
    int rc = opt_copy(cli->opt, &o);

    if (rc == 0)
        rc = config_apply_top(&o, cli->config);
    if (rc == 0 && cli->secrets->has_env)
        rc = config_show_one(cli, NULL, "passphrase", &env, 0, 1);
    if (rc == 0)
        rc = config_show_options(cli, &o, NULL);
    opt_release(&o);
    return rc;
}

/* The first words of w are shown. */
static int config_show_words(struct cli *cli, const struct config_job *job,
                             const struct config_words *w, const char *key,
                             size_t shown)
{
    struct config_show_value x = {.text = NULL};
    int rc = 0;

    for (size_t i = 0; i < w->n && rc == 0; i++) {
        x.text = w->word[i].text;
        x.hidden = i >= shown;
        (void)snprintf(x.origin, sizeof x.origin, "%s:%u", cli->config->path,
                       w->word[i].line);
        rc = config_show_one(cli, job->name, key, &x, i, w->n);
    }
    return rc;
}

static int config_show_rules(struct cli *cli, const struct config_job *job)
{
    struct config_show_value x = {.text = NULL};
    char key[64];
    int rc = 0;

    for (size_t i = 0; i < job->rule_n && rc == 0; i++) {
        x.text = job->rule[i].text;
        (void)snprintf(x.origin, sizeof x.origin, "%s:%u", cli->config->path,
                       job->rule[i].line);
        (void)snprintf(key, sizeof key, "%s", job->rule[i].key);
        rc = config_show_one(cli, job->name, key, &x, 0, 1);
    }
    return rc;
}

static int config_show_job(struct cli *cli, const struct config_job *job)
{
    struct opt_set o;
    int rc = opt_copy(cli->opt, &o);

    if (rc == 0)
        rc = config_apply_snapshot(&o, cli->config, job);
    if (rc == 0 && !cli->json) {
        out_text(cli->out, "  - name: ");
        out_text(cli->out, job->name);
        out_text(cli->out, "\n");
    }
    if (rc == 0)
        rc = config_show_words(cli, job, &job->paths, "paths", job->paths.n);
    if (rc == 0)
        rc = config_show_options(cli, &o, job->name);
    if (rc == 0)
        rc = config_show_words(cli, job, &job->run, "run", 1);
    if (rc == 0)
        rc = config_show_rules(cli, job);
    opt_release(&o);
    return rc;
}

int config_show(struct cli *cli)
{
    const struct config_file *c = cli->config;
    const struct config_job *only = NULL;
    int rc = 0;

    if (opt_has(cli->opt, OPT_JOB))
        rc = config_file_job(c, opt_text(cli->opt, OPT_JOB), &only);
    if (rc == 0 && !only)
        rc = config_show_top(cli);
    if (rc == 0 && c->job_n && !cli->json)
        out_text(cli->out, "jobs:\n");
    for (size_t i = 0; i < c->job_n && rc == 0; i++) {
        if (!only || only == &c->job[i])
            rc = config_show_job(cli, &c->job[i]);
    }
    return rc;
}
