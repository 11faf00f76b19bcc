/*
 * config_reader: what the parts of the configuration file are made of: words,
 * lists, options, mappings; held to the option table. For config_file and
 * config_job. Confined to one thread.
 */
#ifndef CLI_CONFIG_READER_H
#define CLI_CONFIG_READER_H

#include "cli/config_file.h"
#include "cli/config_yaml.h"

/* What a mapping is: which keys it may have. */
enum config_place { CONFIG_TOP, CONFIG_DEFAULTS, CONFIG_JOB };

struct config_reader {
    struct config_yaml *yaml;
    struct config_file *file; /* being made */
    size_t words;             /* so far, and the bytes of them */
    size_t bytes;
};

/* config_reader_wrong, config_reader_key_wrong: what is wrong with n, or with
 * the value n of key. Return E_USAGE. */
MUST_CHECK int config_reader_wrong(const struct config_reader *r,
                                   const struct config_node *n,
                                   const char *what);
MUST_CHECK int config_reader_key_wrong(const struct config_reader *r,
                                       const struct config_node *n,
                                       const char *key, const char *what);

/* config_reader_no_memory: returns E_NOMEM. */
MUST_CHECK int config_reader_no_memory(void);

/* Of those below, each returns 0; E_USAGE, naming file and line; E_NOMEM. What
 * they hand out lives as long as the file. */

/* config_reader_keep: a copy of the scalar n, ended with a NUL byte. */
MUST_CHECK int config_reader_keep(struct config_reader *r,
                                  const struct config_node *n,
                                  const char **text);

/* config_reader_scalar: the one value n of key, which is no null. */
MUST_CHECK int config_reader_scalar(struct config_reader *r,
                                    const struct config_node *n,
                                    const char *key, const char **text);

/* config_reader_words: append one value, or a list of some; none is empty. */
MUST_CHECK int config_reader_words(struct config_reader *r,
                                   const struct config_node *n, const char *key,
                                   struct config_words *words);

/* config_reader_check_path: whether a path among the values of key is
 * absolute. */
MUST_CHECK int config_reader_check_path(const struct config_reader *r,
                                        const char *key,
                                        const struct config_word *w);

/* config_reader_option: append the values n of an option to s. */
MUST_CHECK int config_reader_option(struct config_reader *r,
                                    const struct config_node *n, enum opt_id id,
                                    struct config_section *s);

/* config_reader_check_keys: whether map is a mapping whose keys are words, each
 * once. what: as messages name it. */
MUST_CHECK int config_reader_check_keys(struct config_reader *r,
                                        const struct config_node *map,
                                        const char *what);

/* config_reader_is_own: whether a key is the user's: "x-...". */
bool config_reader_is_own(struct bytes key);

/* A key that may be no option. known: out: it is not, and was dealt with. */
typedef int config_reader_other(struct config_reader *r, const char *key,
                                const struct config_node *value, void *ctx,
                                bool *known);

/*
 * config_reader_mapping: all of a mapping. Options go into s; about each key
 * other is asked first.
 *   what   as messages name it
 *   other  NULL: there are options only
 */
MUST_CHECK int config_reader_mapping(struct config_reader *r,
                                     const struct config_node *map,
                                     const char *what, enum config_place place,
                                     struct config_section *s,
                                     config_reader_other *other, void *ctx);

#endif
