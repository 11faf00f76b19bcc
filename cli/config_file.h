/*
 * config_file: the configuration file as it stands: docs/config.md. What its
 * keys are is the option table's business; what wins is config_apply's.
 * Confined to one thread while it is read, immutable afterwards.
 */
#ifndef CLI_CONFIG_FILE_H
#define CLI_CONFIG_FILE_H

#include "base/arena.h"
#include "cli/opt.h"
#include "repo/job/series.h"

enum {
    CONFIG_FILE_BYTES_MAX = 1 << 20,
    CONFIG_FILE_JOBS_MAX = 1000,
    CONFIG_FILE_KEYS_MAX = 1000,           /* of one mapping */
    CONFIG_FILE_WORDS_MAX = 100000,        /* with those that aliases repeat */
    CONFIG_FILE_TEXT_MAX = 8 << 20,        /* bytes of them */
    CONFIG_FILE_NAME_MAX = SERIES_NAME_MAX /* of a job */
};

/* One value of an option; options that may be repeated have several. */
struct config_setting {
    enum opt_id id;
    const char *text; /* NULL: a flag */
    bool off;         /* a flag that is false: lower levels do not count */
    unsigned line;    /* from 1 */
};

/* In the order in which they stand. */
struct config_section {
    struct config_setting *setting;
    size_t n;
    size_t cap;
};

struct config_word {
    const char *text;
    unsigned line;
};

/* In the order in which they stand. */
struct config_words {
    struct config_word *word;
    size_t n;
    size_t cap;
};

/* One rule of a job's retention: "keep-daily", "7". */
struct config_rule {
    const char *key;
    const char *text;
    unsigned line;
};

struct config_job {
    const char *name;
    unsigned line;
    struct config_section options; /* with OPT_COMMAND, if it is one */
    struct config_words paths;     /* or: */
    struct config_words run;       /* the words of the command */
    struct config_rule *rule;
    size_t rule_n;
    size_t rule_cap;
};

/* Zeroed: nothing is said. */
struct config_file {
    char *path;        /* NULL: there is no file */
    const char *shut;  /* ... but this one, which is not for us; else NULL */
    struct arena text; /* what everything points into */
    struct config_section top;
    struct config_section defaults;
    struct config_word default_job; /* text NULL: not said */
    struct config_job *job;
    size_t job_n;
    size_t job_cap;
};

/*
 * config_file_parse: hold a text to the option table.
 *   path  as messages name it; copied
 *   c     out: zeroed first; release it whatever is returned
 * Returns 0; E_USAGE: it is not YAML, or says what nobody understands: the text
 * names file and line; E_NOMEM.
 */
MUST_CHECK int config_file_parse(const char *path, struct bytes text,
                                 struct config_file *c);

/* config_file_release: zeroed is fine. */
void config_file_release(struct config_file *c);

/*
 * config_file_job: the job of that name.
 * Returns 0 or E_USAGE, with the nearest name in the text.
 */
MUST_CHECK int config_file_job(const struct config_file *c, const char *name,
                               const struct config_job **job);

#endif
