#include "cli/config_show.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/config_apply.h"
#include "cli/yaml_out.h"

enum { CONFIG_SHOW_VALUE_MAX = 1 << 20 };

static const char config_show_hidden[] = "(hidden)";

/* Commands are run with passwords among their words. */
static bool config_show_hides(enum opt_id id)
{
    return id == OPT_PASSPHRASE_COMMAND || id == OPT_BEFORE || id == OPT_AFTER;
}

/* Where a value stands. */
struct config_show_place {
    const char *job; /* NULL: none */
    bool defaults;
    const char *indent;
};

static const struct config_show_place config_show_at_top = {.indent = ""};

struct config_show_value {
    const char *text; /* NULL: a flag */
    bool off;         /* ... that is off */
    bool hidden;
    char origin[OPT_NAMED_MAX];
};

/* ---- one value --------------------------------------------------------- */

static void config_show_said(const struct cli *cli, unsigned line,
                             struct config_show_value *v)
{
    (void)snprintf(v->origin, sizeof v->origin, "%s:%u", cli->config->path,
                   line);
}

/* item: one of several; the key stands above them. */
static int config_show_line(struct cli *cli, const char *indent,
                            const char *key, const struct config_show_value *v,
                            bool item)
{
    struct buf line;
    int rc;

    buf_init(&line, CONFIG_SHOW_VALUE_MAX);
    buf_add_bytes(&line, bytes_of_str(indent));
    buf_add_bytes(&line, bytes_of_str(item ? "  -" : key));
    buf_add_bytes(&line, bytes_of_str(item ? " " : ": "));
    if (v->hidden)
        buf_add_bytes(&line, bytes_of_str(config_show_hidden));
    else if (v->text)
        yaml_out_word(&line, v->text);
    else
        buf_add_bytes(&line, bytes_of_str(v->off ? "false" : "true"));
    buf_add_bytes(&line, bytes_of_str("  # "));
    text_escape(&line, bytes_of_str(v->origin));
    buf_add(&line, "\n", 1);
    rc = buf_status(&line);
    if (rc == 0)
        out_add(cli->out, buf_bytes(&line));
    buf_release(&line);
    return rc;
}

static int config_show_json(struct cli *cli, const struct config_show_place *at,
                            const char *key, const struct config_show_value *v)
{
    struct json_out *j = cli->json;

    json_out_begin(j, "setting");
    if (at->job)
        json_out_text(j, "job", at->job);
    if (at->defaults)
        json_out_text(j, "place", "defaults");
    json_out_text(j, "key", key);
    if (v->hidden)
        json_out_null(j, "value");
    else if (v->text)
        json_out_bytes(j, "value", bytes_of_str(v->text));
    else
        json_out_bool(j, "value", !v->off);
    json_out_bytes(j, "origin", bytes_of_str(v->origin));
    return json_out_end(j);
}

/* One value: i of n with that key. */
static int config_show_one(struct cli *cli, const struct config_show_place *at,
                           const char *key, const struct config_show_value *v,
                           size_t i, size_t n)
{
    if (cli->json)
        return config_show_json(cli, at, key, v);
    if (n > 1 && i == 0) {
        out_text(cli->out, at->indent);
        out_text(cli->out, key);
        out_text(cli->out, ":\n");
    }
    return config_show_line(cli, at->indent, key, v, n > 1);
}

/* A word of the file. */
static int config_show_word(struct cli *cli, const struct config_show_place *at,
                            const char *key, const struct config_word *w,
                            size_t i, size_t n)
{
    struct config_show_value x = {.text = w->text};

    config_show_said(cli, w->line, &x);
    return config_show_one(cli, at, key, &x, i, n);
}

/* ---- options ----------------------------------------------------------- */

static bool config_show_is_secret(enum opt_id id)
{
    return id == OPT_KEY_FILE || id == OPT_PASSPHRASE_FILE ||
           id == OPT_PASSPHRASE_COMMAND;
}

/* What the file says of the secret is put aside by what stands in the
 * environment without being an option. */
static const char *config_show_secret(const struct cli *cli)
{
    static const enum opt_id id[] = {OPT_KEY_FILE, OPT_PASSPHRASE_FILE,
                                     OPT_PASSPHRASE_COMMAND, OPT_PASSPHRASE_FD};

    for (size_t i = 0; i < sizeof id / sizeof id[0]; i++) {
        if (opt_has(cli->opt, id[i]))
            return NULL;
    }
    return secrets_around(cli->secrets);
}

/* The pattern options of one level have an order among them. */
static bool config_show_comes_first(const struct opt_set *o, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (o->value[k].id == o->value[i].id &&
            o->value[k].origin == o->value[i].origin)
            return false;
    }
    return true;
}

/* Whether a value is shown, among others of its id and of one origin, if it is
 * a pattern; of options with one value the last counts. */
static bool config_show_takes(const struct opt_set *o, enum opt_id id,
                              enum opt_origin origin, const struct opt_value *v)
{
    if (v->id != id || (config_apply_adds_up(id) && v->origin != origin))
        return false;
    return opt_info(id)->config == OPT_CONFIG_LIST || v == opt_last(o, id);
}

static int config_show_option(struct cli *cli, const struct opt_set *o,
                              enum opt_id id, enum opt_origin origin,
                              const struct config_show_place *at)
{
    struct config_show_value x = {.hidden = config_show_hides(id)};
    size_t n = 0, k = 0;
    int rc = 0;

    for (size_t i = 0; i < o->value_n; i++)
        n += config_show_takes(o, id, origin, &o->value[i]);
    for (size_t i = 0; i < o->value_n && rc == 0; i++) {
        const struct opt_value *v = &o->value[i];

        if (!config_show_takes(o, id, origin, v))
            continue;
        x.text = v->text;
        if (v->origin > OPT_FROM_ENV)
            config_show_said(cli, v->line, &x);
        else
            (void)opt_named(cli->opt, v, x.origin);
        rc = config_show_one(cli, at, opt_info(id)->name, &x, k++, n);
    }
    return rc;
}

/* In the order in which they count. In YAML those of the defaults stand there,
 * which is before, and would have no place here when keys alternate. */
static int config_show_patterns(struct cli *cli, const struct opt_set *o,
                                const struct config_show_place *at)
{
    int rc = 0;

    for (size_t i = 0; i < o->value_n && rc == 0; i++) {
        const struct opt_value *v = &o->value[i];

        if (config_apply_adds_up(v->id) && config_show_comes_first(o, i) &&
            (cli->json || v->origin != OPT_FROM_DEFAULTS))
            rc = config_show_option(cli, o, v->id, v->origin, at);
    }
    return rc;
}

static int config_show_options(struct cli *cli, const struct opt_set *o,
                               const struct config_show_place *at)
{
    const char *secret = config_show_secret(cli);
    int rc = config_show_patterns(cli, o, at);

    for (unsigned i = 0; i < OPT_END && rc == 0; i++) {
        enum opt_id id = (enum opt_id)i;

        if ((opt_info(id)->config == OPT_CONFIG_NO && id != OPT_COMMAND) ||
            config_apply_adds_up(id) || !opt_has(o, id) ||
            (secret && config_show_is_secret(id)))
            continue;
        rc = config_show_option(cli, o, id, OPT_FROM_ARGV, at);
    }
    return rc;
}

/* ---- the places -------------------------------------------------------- */

static int config_show_top(struct cli *cli)
{
    const struct config_word *job = &cli->config->default_job;
    const char *secret = config_show_secret(cli);
    struct config_show_value hidden = {.hidden = true};
    struct opt_set o;
    int rc = opt_copy(cli->opt, &o);

    if (rc == 0)
        rc = config_apply_top(&o, cli->config);
    if (rc == 0 && secret) {
        (void)snprintf(hidden.origin, sizeof hidden.origin, "%s", secret);
        /* no key of a file: a comment */
        rc = config_show_one(cli, &config_show_at_top,
                             cli->json ? "passphrase" : "# passphrase", &hidden,
                             0, 1);
    }
    if (rc == 0)
        rc = config_show_options(cli, &o, &config_show_at_top);
    if (rc == 0 && job->text)
        rc = config_show_word(cli, &config_show_at_top, "default-job", job, 0,
                              1);
    opt_release(&o);
    return rc;
}

/* The settings of a section from i on that have the id of that one. */
static int config_show_setting(struct cli *cli, const struct config_section *s,
                               size_t i, const struct config_show_place *at)
{
    enum opt_id id = s->setting[i].id;
    struct config_show_value x = {.hidden = config_show_hides(id)};
    size_t n = 0;
    int rc = 0;

    for (size_t k = i; k < s->n && s->setting[k].id == id; k++)
        n++;
    for (size_t k = 0; k < n && rc == 0; k++) {
        x.text = s->setting[i + k].text;
        x.off = s->setting[i + k].off;
        config_show_said(cli, s->setting[i + k].line, &x);
        rc = config_show_one(cli, at, opt_info(id)->name, &x, k, n);
    }
    return rc;
}

static int config_show_defaults(struct cli *cli)
{
    const struct config_show_place at = {.defaults = true, .indent = "  "};
    const struct config_section *s = &cli->config->defaults;
    int rc = 0;

    if (s->n && !cli->json)
        out_text(cli->out, "defaults:\n");
    for (size_t i = 0; i < s->n && rc == 0; i++) {
        if (i == 0 || s->setting[i].id != s->setting[i - 1].id)
            rc = config_show_setting(cli, s, i, &at);
    }
    return rc;
}

/* What a job switches off, which no lower level can switch on again. */
static int config_show_off(struct cli *cli, const struct opt_set *o,
                           const struct config_job *job,
                           const struct config_show_place *at)
{
    const struct config_section *s = &job->options;
    int rc = 0;

    for (size_t i = 0; i < s->n && rc == 0; i++) {
        if (s->setting[i].off && !opt_has(o, s->setting[i].id))
            rc = config_show_setting(cli, s, i, at);
    }
    return rc;
}

/* The first words of w are shown. */
static int config_show_words(struct cli *cli,
                             const struct config_show_place *at,
                             const struct config_words *w, const char *key,
                             size_t shown)
{
    struct config_show_value x = {.text = NULL};
    int rc = 0;

    for (size_t i = 0; i < w->n && rc == 0; i++) {
        x.text = w->word[i].text;
        x.hidden = i >= shown;
        config_show_said(cli, w->word[i].line, &x);
        rc = config_show_one(cli, at, key, &x, i, w->n);
    }
    return rc;
}

static int config_show_rules(struct cli *cli, const struct config_job *job)
{
    const struct config_show_place at = {.job = job->name, .indent = "      "};
    int rc = 0;

    if (job->rule_n && !cli->json)
        out_text(cli->out, "    retention:\n");
    for (size_t i = 0, n; i < job->rule_n && rc == 0; i += n) {
        for (n = 1; i + n < job->rule_n; n++) {
            if (job->rule[i + n].key != job->rule[i].key)
                break;
        }
        for (size_t k = 0; k < n && rc == 0; k++) {
            const struct config_rule *rule = &job->rule[i + k];
            const struct config_word w = {rule->text, rule->line};

            rc = config_show_word(cli, &at, rule->key, &w, k, n);
        }
    }
    return rc;
}

static int config_show_job(struct cli *cli, const struct config_job *job)
{
    const struct config_show_place head = {.job = job->name, .indent = "  - "};
    const struct config_show_place at = {.job = job->name, .indent = "    "};
    const struct config_word name = {job->name, job->line};
    struct opt_set o;
    int rc = config_apply_job(cli->opt, cli->config, job, &o);

    if (rc == 0 && !cli->json)
        rc = config_show_word(cli, &head, "name", &name, 0, 1);
    if (rc == 0)
        rc = config_show_words(cli, &at, &job->paths, "paths", job->paths.n);
    if (rc == 0)
        rc = config_show_options(cli, &o, &at);
    if (rc == 0)
        rc = config_show_off(cli, &o, job, &at);
    if (rc == 0)
        rc = config_show_words(cli, &at, &job->run, "run", 1);
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
    /* patterns of a job stand below those of the defaults, which come first */
    if (rc == 0 && !(only && cli->json))
        rc = config_show_defaults(cli);
    if (rc == 0 && c->job_n && !cli->json)
        out_text(cli->out, "jobs:\n");
    for (size_t i = 0; i < c->job_n && rc == 0; i++) {
        if (!only || only == &c->job[i])
            rc = config_show_job(cli, &c->job[i]);
    }
    return rc;
}
