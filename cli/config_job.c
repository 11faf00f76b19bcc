#include "cli/config_job.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/keep.h"
#include "cli/nearest.h"

static int config_job_name(struct config_reader *r, const struct config_node *n,
                           const char **name)
{
    const char *text;
    int rc = config_reader_scalar(r, n, "name", &text);
    size_t len = rc == 0 ? strlen(text) : 0;

    if (rc < 0)
        return rc;
    if (len == 0 || len > CONFIG_FILE_NAME_MAX ||
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                     "0123456789._@+-") != len)
        return config_reader_key_wrong(r, n, "name",
                                       "1 to 50 of A-Z a-z 0-9 . _ @ + -");
    *name = text;
    return 0;
}

static int config_job_unknown_rule(const struct config_reader *r,
                                   const struct config_node *key,
                                   const char *name)
{
    struct nearest near;

    nearest_init(&near, name);
    for (size_t i = 0; keep_name(i); i++)
        nearest_offer(&near, keep_name(i));
    return err_set(E_USAGE, "%s:%u: unknown key '%s' in retention%s%s%s",
                   r->file->path, config_node_line(key), name,
                   near.best ? "; did you mean '" : "",
                   near.best ? near.best : "", near.best ? "'?" : "");
}

/* Values are what `forget` takes. */
static int config_job_check_rule(const char *name, const char *text)
{
    struct keep keep = {.tags = NULL};
    int rc = keep_add(&keep, name, text);

    keep_release(&keep);
    return rc;
}

static int config_job_add_rule(struct config_reader *r, struct config_job *job,
                               const char *name, const struct config_word *w)
{
    int rc = err_add(config_job_check_rule(name, w->text), "%s:%u: %s",
                     r->file->path, w->line, name);

    if (rc < 0)
        return rc;
    if (!MEM_GROW(job->rule, job->rule_n, job->rule_cap))
        return config_reader_no_memory();
    job->rule[job->rule_n++] = (struct config_rule){name, w->text, w->line};
    return 0;
}

static int config_job_rule(struct config_reader *r,
                           const struct config_node *key,
                           const struct config_node *value,
                           struct config_job *job)
{
    struct config_words words = {NULL, 0, 0};
    const char *name;
    const char *known = NULL;
    int rc = config_reader_keep(r, key, &name);

    for (size_t i = 0; rc == 0 && keep_name(i); i++) {
        if (strcmp(keep_name(i), name) == 0)
            known = keep_name(i);
    }
    if (rc == 0 && !known)
        rc = config_job_unknown_rule(r, key, name);
    if (rc == 0 && config_node_kind(value) != CONFIG_SCALAR &&
        strcmp(name, "keep-tag") != 0)
        rc = config_reader_key_wrong(r, value, name, "needs one value");
    if (rc == 0)
        rc = config_reader_words(r, value, name, &words);
    for (size_t i = 0; i < words.n && rc == 0; i++)
        rc = config_job_add_rule(r, job, known, &words.word[i]);
    free(words.word);
    return rc;
}

static int config_job_retention(struct config_reader *r,
                                const struct config_node *map,
                                struct config_job *job)
{
    int rc = config_reader_check_keys(r, map, "retention");

    for (size_t i = 0; rc == 0 && i < config_node_count(map); i++) {
        const struct config_node *key, *value;

        config_yaml_pair(r->yaml, map, i, &key, &value);
        if (!config_reader_is_own(config_node_text(key)))
            rc = config_job_rule(r, key, value, job);
    }
    return rc;
}

static int config_job_paths(struct config_reader *r,
                            const struct config_node *n, struct config_job *job)
{
    int rc = config_reader_words(r, n, "paths", &job->paths);

    for (size_t i = 0; i < job->paths.n && rc == 0; i++)
        rc = config_reader_check_path(r, "paths", &job->paths.word[i]);
    return rc;
}

static int config_job_key(struct config_reader *r, const char *key,
                          const struct config_node *value, void *ctx,
                          bool *known)
{
    struct config_job *job = ctx;

    *known = true;
    if (strcmp(key, "name") == 0)
        return config_job_name(r, value, &job->name);
    if (strcmp(key, "paths") == 0)
        return config_job_paths(r, value, job);
    if (strcmp(key, "command") == 0)
        return config_reader_option(r, value, OPT_COMMAND, &job->options);
    if (strcmp(key, "run") == 0)
        return config_reader_words(r, value, key, &job->run);
    if (strcmp(key, "retention") == 0)
        return config_job_retention(r, value, job);
    *known = false;
    return 0;
}

static bool config_job_says(const struct config_job *job, enum opt_id id)
{
    for (size_t i = 0; i < job->options.n; i++) {
        if (job->options.setting[i].id == id)
            return true;
    }
    return false;
}

static int config_job_check(const struct config_reader *r,
                            const struct config_node *map,
                            const struct config_job *job)
{
    bool command = config_job_says(job, OPT_COMMAND);
    bool paths = job->paths.n > 0 || config_job_says(job, OPT_FILES_FROM) ||
                 config_job_says(job, OPT_FILES_FROM0);

    if (!job->name)
        return config_reader_wrong(r, map, "a job without a name");
    for (const struct config_job *k = r->file->job; k < job; k++) {
        if (strcmp(k->name, job->name) == 0)
            return err_set(E_USAGE,
                           "%s:%u: job '%s' stands here and in line %u",
                           r->file->path, job->line, job->name, k->line);
    }
    if (command != (job->run.n > 0))
        return config_reader_key_wrong(
            r, map, job->name,
            "'command', the name that its output gets, "
            "and 'run', its words, go together");
    if (command == paths)
        return config_reader_key_wrong(
            r, map, job->name,
            "needs 'paths' or 'files-from', or else 'command' and 'run'");
    return 0;
}

static int config_job_add_job(struct config_reader *r,
                              const struct config_node *map)
{
    struct config_file *c = r->file;
    struct config_job *job;
    int rc;

    if (c->job_n >= CONFIG_FILE_JOBS_MAX)
        return config_reader_wrong(r, map, "more than 1000 jobs");
    if (!MEM_GROW(c->job, c->job_n, c->job_cap))
        return config_reader_no_memory();
    job = &c->job[c->job_n++];
    *job = (struct config_job){.line = config_node_line(map)};
    rc = config_reader_mapping(r, map, "jobs", CONFIG_JOB, &job->options,
                               config_job_key, job);
    return rc < 0 ? rc : config_job_check(r, map, job);
}

int config_job_list(struct config_reader *r, const struct config_node *list)
{
    int rc = 0;

    if (config_node_kind(list) != CONFIG_LIST)
        return config_reader_key_wrong(r, list, "jobs",
                                       "needs a list: each job begins with "
                                       "'- name:'");
    for (size_t i = 0; i < config_node_count(list) && rc == 0; i++)
        rc = config_job_add_job(r, config_yaml_item(r->yaml, list, i));
    return rc;
}
