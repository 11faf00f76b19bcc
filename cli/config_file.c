#include "cli/config_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/config_job.h"
#include "cli/config_reader.h"
#include "cli/nearest.h"

static int config_file_top_key(struct config_reader *r, const char *key,
                               const struct config_node *value, void *ctx,
                               bool *known)
{
    struct config_file *c = ctx;

    *known = true;
    if (strcmp(key, "jobs") == 0)
        return config_job_list(r, value);
    if (strcmp(key, "defaults") == 0)
        return config_reader_mapping(r, value, key, CONFIG_DEFAULTS,
                                     &c->defaults, NULL, NULL);
    if (strcmp(key, "default-job") == 0) {
        c->default_job.line = config_node_line(value);
        return config_reader_scalar(r, value, key, &c->default_job.text);
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
        return config_reader_wrong(r, root,
                                   "needs keys with values, such as "
                                   "'repo: /backup/srv'");
    rc = config_reader_mapping(r, root, "the file", CONFIG_TOP, &c->top,
                               config_file_top_key, c);
    if (rc == 0 && c->default_job.text)
        rc = err_add(config_file_job(c, c->default_job.text, &job), "%s:%u",
                     c->path, c->default_job.line);
    return rc;
}

int config_file_parse(const char *path, struct bytes text,
                      struct config_file *c)
{
    struct config_reader r = {.file = c};
    int rc;

    *c = (struct config_file){.path = mem_dup(bytes_of_str(path))};
    if (!c->path)
        return config_reader_no_memory();
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
