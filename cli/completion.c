#include "cli/completion.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { COMPLETION_ADD_MAX = 1024 };

int completion_script(const char *shell, struct buf *out)
{
    static const struct {
        const char *name;
        void (*script)(struct buf *out);
    } shells[] = {{"bash", completion_bash},
                  {"zsh", completion_zsh},
                  {"fish", completion_fish}};

    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(shells[i].name, shell) != 0)
            continue;
        shells[i].script(out);
        return 0;
    }
    return err_set(E_USAGE, "completion '%s': must be one of bash, zsh, fish",
                   shell);
}

void completion_add(struct buf *out, const char *fmt, ...)
{
    char text[COMPLETION_ADD_MAX];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    ASSERT(n >= 0 && (size_t)n < sizeof text);
    buf_add(out, text, (size_t)n);
}

enum completion_kind completion_kind(struct bytes argument)
{
    static const struct {
        const char *name;
        enum completion_kind kind;
    } known[] = {
        {"FILE", COMPLETION_FILES},         {"PATH...", COMPLETION_FILES},
        {"CMD ARG...", COMPLETION_FILES},   {"DIR", COMPLETION_DIRECTORIES},
        {"REPO", COMPLETION_DIRECTORIES},   {"[DIR]", COMPLETION_DIRECTORIES},
        {"[COMMAND]", COMPLETION_COMMANDS}, {"JOB", COMPLETION_JOBS}};

    if (argument.n && memchr(argument.p, '|', argument.n))
        return COMPLETION_WORDS;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (bytes_equal(argument, bytes_of_str(known[i].name)))
            return known[i].kind;
    }
    return COMPLETION_ANY;
}

bool completion_way(const char **args, struct completion_way *out)
{
    const char *way = *args;
    const char *end = strstr(way, " | ");
    size_t n = end ? (size_t)(end - way) : strlen(way);
    size_t word = 0;

    *out = (struct completion_way){.word = {0}};
    *args = way + n + (end ? strlen(" | ") : 0);
    if (n == 0)
        return false;
    if (*way >= 'a' && *way <= 'z')
        word = strcspn(way, " ") < n ? strcspn(way, " ") : n;
    out->word = bytes_of(way, word);
    if (word && word < n)
        word++; /* the space */
    out->rest = bytes_of(way + word, n - word);
    return true;
}

void completion_words(struct buf *out, struct bytes words)
{
    for (size_t i = 0; i < words.n; i++)
        buf_add(out, words.p[i] == '|' ? (const uint8_t *)" " : words.p + i, 1);
}

bool completion_first_words(struct buf *out, enum opt_command command)
{
    const char *args = opt_command_info(command)->args;
    struct completion_way way;
    bool any = false;

    while (completion_way(&args, &way)) {
        if (way.word.n == 0)
            continue;
        if (any)
            buf_add(out, " ", 1);
        buf_add_bytes(out, way.word);
        any = true;
    }
    return any;
}

void completion_commands(struct buf *out, uint32_t set)
{
    bool any = false;

    for (unsigned c = OPT_CMD_NONE + 1; c < OPT_CMD_END; c++) {
        if (!(set >> c & 1))
            continue;
        completion_add(out, "%s%s", any ? " " : "",
                       opt_command_info((enum opt_command)c)->name);
        any = true;
    }
}
