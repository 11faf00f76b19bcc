#include "cli/config_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/nearest.h"

/* Keys beside the options, by place. */
static const char *const config_reader_keys[][6] = {
    [CONFIG_TOP] = {"defaults", "default-job", "jobs", NULL},
    [CONFIG_DEFAULTS] = {NULL},
    [CONFIG_JOB] = {"name", "paths", "command", "run", "retention", NULL}};

/* ---- errors ------------------------------------------------------------ */

int config_reader_wrong(const struct config_reader *r,
                        const struct config_node *n, const char *what)
{
    return err_set(E_USAGE, "%s:%u: %s", r->file->path, config_node_line(n),
                   what);
}

int config_reader_key_wrong(const struct config_reader *r,
                            const struct config_node *n, const char *key,
                            const char *what)
{
    return err_set(E_USAGE, "%s:%u: %s: %s", r->file->path, config_node_line(n),
                   key, what);
}

int config_reader_no_memory(void)
{
    return err_set(E_NOMEM, "out of memory");
}

/* ---- words ------------------------------------------------------------- */

/* Aliases repeat what stands once: what they make of it has bounds of its own.
 */
static int config_reader_count(struct config_reader *r,
                               const struct config_node *n, size_t words,
                               size_t bytes)
{
    r->words += words;
    r->bytes += bytes;
    if (r->words > CONFIG_FILE_WORDS_MAX)
        return config_reader_wrong(r, n,
                                   "more than 100000 words, with those that "
                                   "aliases repeat");
    if (r->bytes > CONFIG_FILE_TEXT_MAX)
        return config_reader_wrong(r, n,
                                   "words of more than 8 MiB, with those that "
                                   "aliases repeat");
    return 0;
}

int config_reader_keep(struct config_reader *r, const struct config_node *n,
                       const char **text)
{
    struct bytes from = config_node_text(n);
    struct bytes copy;
    int rc = config_reader_count(r, n, 1, from.n);

    if (rc == 0)
        rc = arena_dup(&r->file->text, from, &copy);
    if (rc == 0)
        *text = (const char *)copy.p;
    return rc;
}

/* What YAML reads as nothing at all, and nobody means as a word. */
static bool config_reader_is_null(const struct config_node *n)
{
    static const char *const null[] = {"~", "null", "Null", "NULL"};

    for (size_t i = 0; i < sizeof null / sizeof null[0]; i++) {
        if (config_node_plain(n) &&
            bytes_equal(config_node_text(n), bytes_of_str(null[i])))
            return true;
    }
    return false;
}

int config_reader_scalar(struct config_reader *r, const struct config_node *n,
                         const char *key, const char **text)
{
    if (config_node_kind(n) != CONFIG_SCALAR)
        return config_reader_key_wrong(r, n, key,
                                       "needs one value, not a list "
                                       "or a mapping");
    if (config_reader_is_null(n))
        return config_reader_key_wrong(r, n, key,
                                       "a null, which is no value; in quotes "
                                       "it is a word");
    return config_reader_keep(r, n, text);
}

int config_reader_check_path(const struct config_reader *r, const char *key,
                             const struct config_word *w)
{
    if (w->text[0] == '/')
        return 0;
    return err_set(E_USAGE, "%s:%u: %s: '%s' must be absolute%s", r->file->path,
                   w->line, key, w->text,
                   w->text[0] == '~' ? ": '~' means nothing here" : "");
}

static int config_reader_add_word(struct config_reader *r,
                                  const struct config_node *n, const char *key,
                                  struct config_words *words)
{
    struct config_word w = {NULL, config_node_line(n)};
    int rc = config_reader_scalar(r, n, key, &w.text);

    if (rc == 0 && *w.text == 0)
        rc = config_reader_key_wrong(r, n, key, "a value that is empty");
    if (rc == 0 && !MEM_GROW(words->word, words->n, words->cap))
        rc = config_reader_no_memory();
    if (rc == 0)
        words->word[words->n++] = w;
    return rc;
}

/* One value, or a list of some. */
int config_reader_words(struct config_reader *r, const struct config_node *n,
                        const char *key, struct config_words *words)
{
    int rc = 0;

    if (config_node_kind(n) != CONFIG_LIST)
        return config_reader_add_word(r, n, key, words);
    for (size_t i = 0; i < config_node_count(n) && rc == 0; i++)
        rc = config_reader_add_word(r, config_yaml_item(r->yaml, n, i), key,
                                    words);
    if (rc == 0 && words->n == 0)
        rc = config_reader_key_wrong(r, n, key, "a list of nothing");
    return rc;
}

/* ---- options ----------------------------------------------------------- */

static bool config_reader_allows(enum config_place place, enum opt_id id)
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

/* A file is read from wherever: what it names must not depend on that. Where
 * repositories can be something else than directories, this is the place to
 * say so. */
static bool config_reader_is_path(const struct opt_info *info)
{
    static const char *const arg[] = {"FILE", "DIR", "REPO", "PATH"};

    for (size_t i = 0; info->arg && i < sizeof arg / sizeof arg[0]; i++) {
        if (strcmp(info->arg, arg[i]) == 0)
            return true;
    }
    return false;
}

static int config_reader_add_setting(struct config_section *s, enum opt_id id,
                                     const char *text, bool off, unsigned line)
{
    if (!MEM_GROW(s->setting, s->n, s->cap))
        return config_reader_no_memory();
    s->setting[s->n++] = (struct config_setting){id, text, off, line};
    return 0;
}

static int config_reader_flag(struct config_reader *r,
                              const struct config_node *n, enum opt_id id,
                              struct config_section *s)
{
    const char *key = opt_info(id)->name;
    const char *text;
    int rc = config_reader_scalar(r, n, key, &text);

    if (rc < 0)
        return rc;
    if (!config_node_plain(n) ||
        (strcmp(text, "true") != 0 && strcmp(text, "false") != 0))
        return config_reader_key_wrong(r, n, key, "needs true or false");
    return config_reader_add_setting(s, id, NULL, *text == 'f',
                                     config_node_line(n));
}

int config_reader_option(struct config_reader *r, const struct config_node *n,
                         enum opt_id id, struct config_section *s)
{
    const struct opt_info *info = opt_info(id);
    struct config_words words = {NULL, 0, 0};
    char shown[NEAREST_WORD_MAX];
    int rc;

    if (info->kind == OPT_FLAG)
        return config_reader_flag(r, n, id, s);
    if (info->config != OPT_CONFIG_LIST && config_node_kind(n) != CONFIG_SCALAR)
        return config_reader_key_wrong(r, n, info->name,
                                       "needs one value, not a list or a "
                                       "mapping");
    rc = config_reader_words(r, n, info->name, &words);
    for (size_t i = 0; i < words.n && rc == 0; i++) {
        (void)snprintf(shown, sizeof shown, "%s", info->name);
        rc = err_add(opt_check(id, shown, words.word[i].text), "%s:%u",
                     r->file->path, words.word[i].line);
        if (rc == 0 && config_reader_is_path(info))
            rc = config_reader_check_path(r, info->name, &words.word[i]);
        if (rc == 0)
            rc = config_reader_add_setting(s, id, words.word[i].text, false,
                                           words.word[i].line);
    }
    free(words.word);
    return rc;
}

/* ---- mappings ---------------------------------------------------------- */

/* The option that may stand there under that name; OPT_END: none. */
static enum opt_id config_reader_option_named(enum config_place place,
                                              struct bytes key)
{
    for (unsigned i = 0; i < OPT_END; i++) {
        if (config_reader_allows(place, (enum opt_id)i) &&
            bytes_equal(key, bytes_of_str(opt_info((enum opt_id)i)->name)))
            return (enum opt_id)i;
    }
    return OPT_END;
}

static void config_reader_offer(struct nearest *near, enum config_place place)
{
    for (size_t i = 0; config_reader_keys[place][i]; i++)
        nearest_offer(near, config_reader_keys[place][i]);
    for (unsigned i = 0; i < OPT_END; i++) {
        if (config_reader_allows(place, (enum opt_id)i))
            nearest_offer(near, opt_info((enum opt_id)i)->name);
    }
}

/* Why an option of the command line may not stand there; NULL: it is none. */
static const char *config_reader_elsewhere(enum config_place place,
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
        if (config_reader_allows(CONFIG_TOP, (enum opt_id)i))
            return "belongs at the top or into a job";
        return "is no option of snapshot";
    }
    return NULL;
}

static int config_reader_unknown(const struct config_reader *r,
                                 const struct config_node *n, const char *key,
                                 enum config_place place)
{
    const char *why = config_reader_elsewhere(place, config_node_text(n));
    struct nearest near;

    if (why)
        return config_reader_key_wrong(r, n, key, why);
    nearest_init(&near, key);
    config_reader_offer(&near, place);
    if (!near.best)
        return err_set(E_USAGE, "%s:%u: unknown key '%s'", r->file->path,
                       config_node_line(n), key);
    return err_set(E_USAGE, "%s:%u: unknown key '%s'; did you mean '%s'?",
                   r->file->path, config_node_line(n), key, near.best);
}

int config_reader_check_keys(struct config_reader *r,
                             const struct config_node *map, const char *what)
{
    const struct config_node *key, *other, *value;
    int rc;

    if (config_node_kind(map) != CONFIG_MAPPING)
        return config_reader_key_wrong(r, map, what, "needs keys with values");
    if (config_node_count(map) > CONFIG_FILE_KEYS_MAX)
        return config_reader_key_wrong(r, map, what, "more than 1000 keys");
    rc = config_reader_count(r, map, config_node_count(map), 0);
    for (size_t i = 0; i < config_node_count(map) && rc == 0; i++) {
        config_yaml_pair(r->yaml, map, i, &key, &value);
        if (config_node_kind(key) != CONFIG_SCALAR)
            return config_reader_wrong(r, key, "a key that is not a word");
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
    return rc;
}

bool config_reader_is_own(struct bytes key)
{
    return key.n > 2 && key.p[0] == 'x' && key.p[1] == '-';
}

/* Options go into s; what is none is asked of other. */
int config_reader_mapping(struct config_reader *r,
                          const struct config_node *map, const char *what,
                          enum config_place place, struct config_section *s,
                          config_reader_other *other, void *ctx)
{
    int rc = config_reader_check_keys(r, map, what);

    for (size_t i = 0; rc == 0 && i < config_node_count(map); i++) {
        const struct config_node *key, *value;
        const char *name = "";
        enum opt_id id;
        bool known = false;

        config_yaml_pair(r->yaml, map, i, &key, &value);
        if (config_reader_is_own(config_node_text(key)))
            continue;
        rc = config_reader_keep(r, key, &name);
        if (rc == 0 && other)
            rc = other(r, name, value, ctx, &known);
        if (rc < 0 || known)
            continue;
        id = config_reader_option_named(place, config_node_text(key));
        rc = id == OPT_END ? config_reader_unknown(r, key, name, place)
                           : config_reader_option(r, value, id, s);
    }
    return rc;
}
