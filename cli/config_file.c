#include "cli/config_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fileop.h"
#include "base/mem.h"
#include "cli/config_yaml.h"
#include "cli/nearest.h"

/* What a mapping is: which keys it may have. */
enum config_place { CONFIG_TOP, CONFIG_DEFAULTS, CONFIG_JOB };

struct config_reader {
    struct config_yaml *yaml;
    struct config_file *file;
};

static const char *const config_file_rules[] = {
    "keep-last",   "keep-hourly",  "keep-daily",
    "keep-weekly", "keep-monthly", "keep-quarterly",
    "keep-yearly", "keep-within",  "keep-tag"};

enum {
    CONFIG_FILE_RULES = sizeof config_file_rules / sizeof config_file_rules[0]
};

/* Keys beside the options, by place. */
static const char *const config_file_keys[][6] = {
    [CONFIG_TOP] = {"defaults", "default-job", "jobs", NULL},
    [CONFIG_DEFAULTS] = {NULL},
    [CONFIG_JOB] = {"name", "paths", "command", "run", "retention", NULL}};

/* ---- errors ------------------------------------------------------------ */

static int config_file_wrong(const struct config_reader *r,
                             const struct config_node *n, const char *what)
{
    return err_set(E_USAGE, "%s:%u: %s", r->file->path, config_node_line(n),
                   what);
}

static int config_file_key_wrong(const struct config_reader *r,
                                 const struct config_node *n, const char *key,
                                 const char *what)
{
    return err_set(E_USAGE, "%s:%u: %s: %s", r->file->path, config_node_line(n),
                   key, what);
}

static int config_file_no_memory(void)
{
    return err_set(E_NOMEM, "out of memory");
}

/* ---- words ------------------------------------------------------------- */

static int config_file_keep(struct config_reader *r, struct bytes from,
                            const char **text)
{
    struct bytes copy;
    int rc = arena_dup(&r->file->text, from, &copy);

    if (rc == 0)
        *text = (const char *)copy.p;
    return rc;
}

static int config_file_scalar(struct config_reader *r,
                              const struct config_node *n, const char *key,
                              const char **text)
{
    if (config_node_kind(n) != CONFIG_SCALAR)
        return config_file_key_wrong(r, n, key,
                                     "needs one value, not a list "
                                     "or a mapping");
    return config_file_keep(r, config_node_text(n), text);
}

static int config_file_add_word(struct config_reader *r,
                                const struct config_node *n, const char *key,
                                struct config_words *words)
{
    struct config_word w = {NULL, config_node_line(n)};
    int rc = config_file_scalar(r, n, key, &w.text);

    if (rc == 0 && *w.text == 0)
        rc = config_file_key_wrong(r, n, key, "a value that is empty");
    if (rc == 0 && !MEM_GROW(words->word, words->n, words->cap))
        rc = config_file_no_memory();
    if (rc == 0)
        words->word[words->n++] = w;
    return rc;
}

/* One value, or a list of some. */
static int config_file_words(struct config_reader *r,
                             const struct config_node *n, const char *key,
                             struct config_words *words)
{
    int rc = 0;

    if (config_node_kind(n) != CONFIG_LIST)
        return config_file_add_word(r, n, key, words);
    for (size_t i = 0; i < config_node_count(n) && rc == 0; i++)
        rc = config_file_add_word(r, config_yaml_item(r->yaml, n, i), key,
                                  words);
    if (rc == 0 && words->n == 0)
        rc = config_file_key_wrong(r, n, key, "a list of nothing");
    return rc;
}

/* ---- options ----------------------------------------------------------- */

static bool config_file_allows(enum config_place place, enum opt_id id)
{
    const struct opt_info *info = opt_info(id);
    bool every = info->commands == OPT_EVERY;

    if (info->config == OPT_CONFIG_NO)
        return false;
    if (place == CONFIG_TOP)
        return every;
    return (info->commands & OPT_IN(SNAPSHOT)) &&
           (place == CONFIG_JOB || !every);
}

static int config_file_add_setting(struct config_section *s, enum opt_id id,
                                   const char *text, bool off, unsigned line)
{
    if (!MEM_GROW(s->setting, s->n, s->cap))
        return config_file_no_memory();
    s->setting[s->n++] = (struct config_setting){id, text, off, line};
    return 0;
}

static int config_file_flag(struct config_reader *r,
                            const struct config_node *n, enum opt_id id,
                            struct config_section *s)
{
    const char *key = opt_info(id)->name;
    const char *text;
    int rc = config_file_scalar(r, n, key, &text);

    if (rc < 0)
        return rc;
    if (!config_node_plain(n) ||
        (strcmp(text, "true") != 0 && strcmp(text, "false") != 0))
        return config_file_key_wrong(r, n, key, "needs true or false");
    return config_file_add_setting(s, id, NULL, *text == 'f',
                                   config_node_line(n));
}

static int config_file_option(struct config_reader *r,
                              const struct config_node *n, enum opt_id id,
                              struct config_section *s)
{
    const struct opt_info *info = opt_info(id);
    struct config_words words = {NULL, 0, 0};
    char shown[NEAREST_WORD_MAX];
    int rc;

    if (info->kind == OPT_FLAG)
        return config_file_flag(r, n, id, s);
    if (info->config != OPT_CONFIG_LIST && config_node_kind(n) != CONFIG_SCALAR)
        return config_file_key_wrong(r, n, info->name,
                                     "needs one value, not a list or a "
                                     "mapping");
    rc = config_file_words(r, n, info->name, &words);
    for (size_t i = 0; i < words.n && rc == 0; i++) {
        (void)snprintf(shown, sizeof shown, "%s", info->name);
        rc = err_add(opt_check(id, shown, words.word[i].text), "%s:%u",
                     r->file->path, words.word[i].line);
        if (rc == 0)
            rc = config_file_add_setting(s, id, words.word[i].text, false,
                                         words.word[i].line);
    }
    free(words.word);
    return rc;
}

/* ---- mappings ---------------------------------------------------------- */

/* The option that may stand there under that name; OPT_END: none. */
static enum opt_id config_file_option_named(enum config_place place,
                                            struct bytes key)
{
    for (unsigned i = 0; i < OPT_END; i++) {
        if (config_file_allows(place, (enum opt_id)i) &&
            bytes_equal(key, bytes_of_str(opt_info((enum opt_id)i)->name)))
            return (enum opt_id)i;
    }
    return OPT_END;
}

static void config_file_offer(struct nearest *near, enum config_place place)
{
    for (size_t i = 0; config_file_keys[place][i]; i++)
        nearest_offer(near, config_file_keys[place][i]);
    for (unsigned i = 0; i < OPT_END; i++) {
        if (config_file_allows(place, (enum opt_id)i))
            nearest_offer(near, opt_info((enum opt_id)i)->name);
    }
}

/* Why an option of the command line may not stand there; NULL: it is none. */
static const char *config_file_elsewhere(enum config_place place,
                                         struct bytes key)
{
    for (unsigned i = 0; i < OPT_END; i++) {
        const struct opt_info *info = opt_info((enum opt_id)i);

        if (!bytes_equal(key, bytes_of_str(info->name)))
            continue;
        if (info->config == OPT_CONFIG_NO)
            return "is an option of the command line only";
        if (place == CONFIG_TOP)
            return "belongs below 'defaults' or into a job";
        if (config_file_allows(CONFIG_TOP, (enum opt_id)i))
            return "belongs at the top or into a job";
        return "is no option of snapshot";
    }
    return NULL;
}

static int config_file_unknown(const struct config_reader *r,
                               const struct config_node *n, const char *key,
                               enum config_place place)
{
    const char *why = config_file_elsewhere(place, config_node_text(n));
    struct nearest near;

    if (why)
        return config_file_key_wrong(r, n, key, why);
    nearest_init(&near, key);
    config_file_offer(&near, place);
    if (!near.best)
        return err_set(E_USAGE, "%s:%u: unknown key '%s'", r->file->path,
                       config_node_line(n), key);
    return err_set(E_USAGE, "%s:%u: unknown key '%s'; did you mean '%s'?",
                   r->file->path, config_node_line(n), key, near.best);
}

/* A mapping whose keys are words, each once. */
static int config_file_check_keys(const struct config_reader *r,
                                  const struct config_node *map,
                                  const char *what)
{
    const struct config_node *key, *other, *value;

    if (config_node_kind(map) != CONFIG_MAPPING)
        return config_file_key_wrong(r, map, what, "needs keys with values");
    if (config_node_count(map) > CONFIG_FILE_KEYS_MAX)
        return config_file_key_wrong(r, map, what, "more than 1000 keys");
    for (size_t i = 0; i < config_node_count(map); i++) {
        config_yaml_pair(r->yaml, map, i, &key, &value);
        if (config_node_kind(key) != CONFIG_SCALAR)
            return config_file_wrong(r, key, "a key that is not a word");
        for (size_t k = 0; k < i; k++) {
            config_yaml_pair(r->yaml, map, k, &other, &value);
            if (bytes_equal(config_node_text(key), config_node_text(other)))
                return err_set(E_USAGE,
                               "%s:%u: '%.*s' stands here and in line %u",
                               r->file->path, config_node_line(key),
                               (int)config_node_text(key).n,
                               (const char *)config_node_text(key).p,
                               config_node_line(other));
        }
    }
    return 0;
}

static bool config_file_is_own(struct bytes key)
{
    return key.n > 2 && key.p[0] == 'x' && key.p[1] == '-';
}

typedef int config_file_other(struct config_reader *r, const char *key,
                              const struct config_node *value, void *ctx,
                              bool *known);

/* Options go into s; what is none is asked of other. */
static int config_file_mapping(struct config_reader *r,
                               const struct config_node *map, const char *what,
                               enum config_place place,
                               struct config_section *s,
                               config_file_other *other, void *ctx)
{
    int rc = config_file_check_keys(r, map, what);

    for (size_t i = 0; rc == 0 && i < config_node_count(map); i++) {
        const struct config_node *key, *value;
        const char *name = "";
        enum opt_id id;
        bool known = false;

        config_yaml_pair(r->yaml, map, i, &key, &value);
        if (config_file_is_own(config_node_text(key)))
            continue;
        rc = config_file_keep(r, config_node_text(key), &name);
        if (rc == 0 && other)
            rc = other(r, name, value, ctx, &known);
        if (rc < 0 || known)
            continue;
        id = config_file_option_named(place, config_node_text(key));
        rc = id == OPT_END ? config_file_unknown(r, key, name, place)
                           : config_file_option(r, value, id, s);
    }
    return rc;
}

/* ---- jobs -------------------------------------------------------------- */

static int config_file_name(struct config_reader *r,
                            const struct config_node *n, const char **name)
{
    const char *text;
    int rc = config_file_scalar(r, n, "name", &text);
    size_t len = rc == 0 ? strlen(text) : 0;

    if (rc < 0)
        return rc;
    if (len == 0 || len > CONFIG_FILE_NAME_MAX ||
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                     "0123456789._@+-") != len)
        return config_file_key_wrong(r, n, "name",
                                     "1 to 50 of A-Z a-z 0-9 . _ @ + -");
    *name = text;
    return 0;
}

static int config_file_unknown_rule(const struct config_reader *r,
                                    const struct config_node *key,
                                    const char *name)
{
    struct nearest near;

    nearest_init(&near, name);
    for (size_t i = 0; i < CONFIG_FILE_RULES; i++)
        nearest_offer(&near, config_file_rules[i]);
    return err_set(E_USAGE, "%s:%u: unknown key '%s' in retention%s%s%s",
                   r->file->path, config_node_line(key), name,
                   near.best ? "; did you mean '" : "",
                   near.best ? near.best : "", near.best ? "'?" : "");
}

static int config_file_rule(struct config_reader *r,
                            const struct config_node *key,
                            const struct config_node *value,
                            struct config_job *job)
{
    struct config_words words = {NULL, 0, 0};
    const char *name;
    const char *known = NULL;
    int rc = config_file_keep(r, config_node_text(key), &name);

    for (size_t i = 0; rc == 0 && i < CONFIG_FILE_RULES; i++) {
        if (strcmp(config_file_rules[i], name) == 0)
            known = config_file_rules[i];
    }
    if (rc == 0 && !known)
        rc = config_file_unknown_rule(r, key, name);
    if (rc == 0 && config_node_kind(value) != CONFIG_SCALAR &&
        strcmp(name, "keep-tag") != 0)
        rc = config_file_key_wrong(r, value, name, "needs one value");
    if (rc == 0)
        rc = config_file_words(r, value, name, &words);
    for (size_t i = 0; i < words.n && rc == 0; i++) {
        if (MEM_GROW(job->rule, job->rule_n, job->rule_cap))
            job->rule[job->rule_n++] = (struct config_rule){
                known, words.word[i].text, words.word[i].line};
        else
            rc = config_file_no_memory();
    }
    free(words.word);
    return rc;
}

static int config_file_retention(struct config_reader *r,
                                 const struct config_node *map,
                                 struct config_job *job)
{
    int rc = config_file_check_keys(r, map, "retention");

    for (size_t i = 0; rc == 0 && i < config_node_count(map); i++) {
        const struct config_node *key, *value;

        config_yaml_pair(r->yaml, map, i, &key, &value);
        if (!config_file_is_own(config_node_text(key)))
            rc = config_file_rule(r, key, value, job);
    }
    return rc;
}

static int config_file_job_key(struct config_reader *r, const char *key,
                               const struct config_node *value, void *ctx,
                               bool *known)
{
    struct config_job *job = ctx;

    *known = true;
    if (strcmp(key, "name") == 0)
        return config_file_name(r, value, &job->name);
    if (strcmp(key, "paths") == 0)
        return config_file_words(r, value, key, &job->paths);
    if (strcmp(key, "command") == 0)
        return config_file_option(r, value, OPT_COMMAND, &job->options);
    if (strcmp(key, "run") == 0)
        return config_file_words(r, value, key, &job->run);
    if (strcmp(key, "retention") == 0)
        return config_file_retention(r, value, job);
    *known = false;
    return 0;
}

static bool config_file_is_command(const struct config_job *job)
{
    for (size_t i = 0; i < job->options.n; i++) {
        if (job->options.setting[i].id == OPT_COMMAND)
            return true;
    }
    return false;
}

static int config_file_check_job(const struct config_reader *r,
                                 const struct config_node *map,
                                 const struct config_job *job)
{
    bool command = config_file_is_command(job);

    if (!job->name)
        return config_file_wrong(r, map, "a job without a name");
    for (const struct config_job *k = r->file->job; k < job; k++) {
        if (strcmp(k->name, job->name) == 0)
            return err_set(E_USAGE,
                           "%s:%u: job '%s' stands here and in line %u",
                           r->file->path, job->line, job->name, k->line);
    }
    if (command != (job->run.n > 0))
        return config_file_key_wrong(
            r, map, job->name,
            "'command', the name that its output gets, "
            "and 'run', its words, go together");
    if (command == (job->paths.n > 0))
        return config_file_key_wrong(r, map, job->name,
                                     "needs 'paths', or 'command' and 'run'");
    return 0;
}

static int config_file_add_job(struct config_reader *r,
                               const struct config_node *map)
{
    struct config_file *c = r->file;
    struct config_job *job;
    int rc;

    if (c->job_n >= CONFIG_FILE_JOBS_MAX)
        return config_file_wrong(r, map, "more than 1000 jobs");
    if (!MEM_GROW(c->job, c->job_n, c->job_cap))
        return config_file_no_memory();
    job = &c->job[c->job_n++];
    *job = (struct config_job){.line = config_node_line(map)};
    rc = config_file_mapping(r, map, "jobs", CONFIG_JOB, &job->options,
                             config_file_job_key, job);
    return rc < 0 ? rc : config_file_check_job(r, map, job);
}

static int config_file_jobs(struct config_reader *r,
                            const struct config_node *list)
{
    int rc = 0;

    if (config_node_kind(list) != CONFIG_LIST)
        return config_file_key_wrong(r, list, "jobs",
                                     "needs a list: each job begins with "
                                     "'- name:'");
    for (size_t i = 0; i < config_node_count(list) && rc == 0; i++)
        rc = config_file_add_job(r, config_yaml_item(r->yaml, list, i));
    return rc;
}

/* ---- the whole --------------------------------------------------------- */

static int config_file_top_key(struct config_reader *r, const char *key,
                               const struct config_node *value, void *ctx,
                               bool *known)
{
    struct config_file *c = ctx;

    *known = true;
    if (strcmp(key, "jobs") == 0)
        return config_file_jobs(r, value);
    if (strcmp(key, "defaults") == 0)
        return config_file_mapping(r, value, key, CONFIG_DEFAULTS, &c->defaults,
                                   NULL, NULL);
    if (strcmp(key, "default-job") == 0) {
        c->default_job.line = config_node_line(value);
        return config_file_scalar(r, value, key, &c->default_job.text);
    }
    *known = false;
    return 0;
}

static int config_file_walk(struct config_reader *r)
{
    struct config_file *c = r->file;
    const struct config_node *root = config_yaml_root(r->yaml);
    const struct config_job *job;
    int rc = 0;

    if (!root)
        return 0;
    if (config_node_kind(root) != CONFIG_MAPPING)
        return config_file_wrong(r, root,
                                 "needs keys with values, such as "
                                 "'repo: /backup/srv'");
    rc = config_file_mapping(r, root, "the file", CONFIG_TOP, &c->top,
                             config_file_top_key, c);
    if (rc == 0 && c->default_job.text)
        rc = err_add(config_file_job(c, c->default_job.text, &job), "%s:%u",
                     c->path, c->default_job.line);
    return rc;
}

int config_file_parse(const char *path, struct bytes text,
                      struct config_file *c)
{
    struct config_reader r = {NULL, c};
    int rc;

    *c = (struct config_file){.path = mem_dup(bytes_of_str(path))};
    if (!c->path)
        return config_file_no_memory();
    rc = config_yaml_parse(path, text, &r.yaml);
    if (rc == 0)
        rc = config_file_walk(&r);
    config_yaml_free(r.yaml);
    return rc;
}

int config_file_job(const struct config_file *c, const char *name,
                    const struct config_job **job)
{
    struct nearest near;

    *job = NULL;
    nearest_init(&near, name);
    for (size_t i = 0; i < c->job_n; i++) {
        if (strcmp(c->job[i].name, name) == 0) {
            *job = &c->job[i];
            return 0;
        }
        nearest_offer(&near, c->job[i].name);
    }
    return err_set(E_USAGE, "there is no job '%s'%s%s%s", name,
                   near.best ? "; did you mean '" : "",
                   near.best ? near.best : "", near.best ? "'?" : "");
}

static void config_file_release_job(struct config_job *job)
{
    free(job->options.setting);
    free(job->paths.word);
    free(job->run.word);
    free(job->rule);
}

void config_file_release(struct config_file *c)
{
    for (size_t i = 0; i < c->job_n; i++)
        config_file_release_job(&c->job[i]);
    free(c->job);
    free(c->top.setting);
    free(c->defaults.setting);
    arena_release(&c->text);
    free(c->path);
    *c = (struct config_file){.path = NULL};
}

/* ---- from disk --------------------------------------------------------- */

/* What it says is run: nobody but its reader and root may have written it. */
static int config_file_check_owner(int fd, const char *path)
{
    struct stat st;

    if (fileop_fstat(fd, &st) < 0)
        return err_set_errno(E_USAGE, errno, "%s", path);
    if (S_ISCHR(st.st_mode)) /* /dev/null */
        return 0;
    if (!S_ISREG(st.st_mode))
        return err_set(E_USAGE, "%s: is not a file", path);
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return err_set(E_USAGE,
                       "%s: belongs to user %u, who could have dedup run "
                       "anything: chown it to root or to yourself",
                       path, (unsigned)st.st_uid);
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return err_set(E_USAGE,
                       "%s: others can write to it, and could have dedup run "
                       "anything: chmod go-w it",
                       path);
    return 0;
}

static int config_file_load(int fd, const char *path, struct buf *text)
{
    ssize_t n = 1;
    int rc = config_file_check_owner(fd, path);

    while (rc == 0 && n > 0) {
        uint8_t part[4096];

        n = fileop_read(fd, part, sizeof part);
        if (n < 0)
            return err_set_errno(E_USAGE, errno, "%s", path);
        buf_add(text, part, (size_t)n);
        if (text->rc == E_LIMIT)
            return err_set(E_USAGE, "%s: longer than 1 MiB", path);
    }
    return rc < 0 ? rc : buf_status(text);
}

int config_file_read(const char *path, struct config_file *c)
{
    struct buf text;
    int fd, rc;

    *c = (struct config_file){.path = NULL};
    fd = fileop_openat(AT_FDCWD, path, O_RDONLY | O_NOCTTY | O_CLOEXEC, 0);
    if (fd < 0)
        return err_set_errno(E_USAGE, errno, "%s", path);
    buf_init(&text, CONFIG_FILE_BYTES_MAX);
    rc = config_file_load(fd, path, &text);
    (void)fileop_close(fd);
    if (rc == 0)
        rc = config_file_parse(path, buf_bytes(&text), c);
    buf_release(&text);
    return rc;
}
