#include "cli/config_yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/mem.h"

struct config_yaml {
    yaml_document_t doc;
};

/* The parser's words for what it met, and where. */
static int config_yaml_trouble(const yaml_parser_t *p, const char *path)
{
    if (p->error == YAML_MEMORY_ERROR)
        return err_set(E_NOMEM, "%s: out of memory", path);
    if (p->error == YAML_READER_ERROR)
        return err_set(E_USAGE, "%s: byte %zu: %s", path, p->problem_offset,
                       p->problem ? p->problem : "not UTF-8 text");
    return err_set(E_USAGE, "%s:%zu: %s%s%s", path, p->problem_mark.line + 1,
                   p->problem ? p->problem : "not YAML", p->context ? ", " : "",
                   p->context ? p->context : "");
}

/* Before a tree is made of it: what nests deeply, or has very many anchors,
 * takes the parser far more time than its bytes would. */
static int config_yaml_measure(yaml_parser_t *p, const char *path)
{
    size_t depth = 0, nodes = 0, anchors = 0;
    yaml_event_t e;
    bool end;

    do {
        bool begins, scalar;
        size_t line;

        if (!yaml_parser_parse(p, &e))
            return config_yaml_trouble(p, path);
        line = e.start_mark.line + 1;
        end = e.type == YAML_STREAM_END_EVENT;
        scalar = e.type == YAML_SCALAR_EVENT;
        begins = e.type == YAML_SEQUENCE_START_EVENT ||
                 e.type == YAML_MAPPING_START_EVENT;
        depth += begins;
        depth -= e.type == YAML_SEQUENCE_END_EVENT ||
                 e.type == YAML_MAPPING_END_EVENT;
        nodes += begins || scalar || e.type == YAML_ALIAS_EVENT;
        anchors +=
            (scalar && e.data.scalar.anchor) ||
            (e.type == YAML_SEQUENCE_START_EVENT &&
             e.data.sequence_start.anchor) ||
            (e.type == YAML_MAPPING_START_EVENT && e.data.mapping_start.anchor);
        yaml_event_delete(&e);
        if (depth > CONFIG_YAML_DEPTH_MAX)
            return err_set(E_USAGE, "%s:%zu: nested more than %d deep", path,
                           line, CONFIG_YAML_DEPTH_MAX);
        if (nodes > CONFIG_YAML_NODES_MAX)
            return err_set(E_USAGE,
                           "%s:%zu: more than %d words, lists and "
                           "mappings",
                           path, line, CONFIG_YAML_NODES_MAX);
        if (anchors > CONFIG_YAML_ANCHORS_MAX)
            return err_set(E_USAGE, "%s:%zu: more than %d anchors", path, line,
                           CONFIG_YAML_ANCHORS_MAX);
    } while (!end);
    return 0;
}

/* Words in which a NUL byte hides would be cut where C ends them. */
static int config_yaml_no_nul(const char *path, const yaml_document_t *doc)
{
    for (const yaml_node_t *n = doc->nodes.start; n < doc->nodes.top; n++) {
        if (n->type == YAML_SCALAR_NODE &&
            memchr(n->data.scalar.value, 0, n->data.scalar.length))
            return err_set(E_USAGE, "%s:%zu: a NUL byte in a text", path,
                           n->start_mark.line + 1);
    }
    return 0;
}

static int config_yaml_only(yaml_parser_t *p, const char *path)
{
    yaml_document_t more;
    const yaml_node_t *root;
    int rc = 0;

    if (!yaml_parser_load(p, &more))
        return config_yaml_trouble(p, path);
    root = yaml_document_get_root_node(&more);
    if (root)
        rc = err_set(E_USAGE, "%s:%zu: a second document; there can be one",
                     path, root->start_mark.line + 1);
    yaml_document_delete(&more);
    return rc;
}

static int config_yaml_load(yaml_parser_t *p, const char *path,
                            struct config_yaml *y)
{
    int rc;

    if (!yaml_parser_load(p, &y->doc))
        return config_yaml_trouble(p, path);
    rc = config_yaml_no_nul(path, &y->doc);
    /* an empty stream has no end to look for */
    if (rc == 0 && yaml_document_get_root_node(&y->doc))
        rc = config_yaml_only(p, path);
    if (rc < 0)
        yaml_document_delete(&y->doc);
    return rc;
}

/* Runs one of the two passes over the text. */
static int config_yaml_pass(const char *path, struct bytes text,
                            struct config_yaml *y)
{
    yaml_parser_t p;
    int rc;

    if (!yaml_parser_initialize(&p))
        return err_set(E_NOMEM, "%s: out of memory", path);
    yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(
        &p, text.n ? text.p : (const unsigned char *)"", text.n);
    rc = y ? config_yaml_load(&p, path, y) : config_yaml_measure(&p, path);
    yaml_parser_delete(&p);
    return rc;
}

int config_yaml_parse(const char *path, struct bytes text,
                      struct config_yaml **out)
{
    struct config_yaml *y;
    int rc = config_yaml_pass(path, text, NULL);

    *out = NULL;
    if (rc < 0)
        return rc;
    y = mem_alloc(sizeof *y);
    if (!y)
        return err_set(E_NOMEM, "%s: out of memory", path);
    rc = config_yaml_pass(path, text, y);
    if (rc < 0)
        free(y);
    else
        *out = y;
    return rc;
}

void config_yaml_free(struct config_yaml *y)
{
    if (!y)
        return;
    yaml_document_delete(&y->doc);
    free(y);
}

/* Nodes are libyaml's: the struct of this name has no members of its own. */
static const yaml_node_t *config_node_of(const struct config_node *n)
{
    return (const yaml_node_t *)(const void *)n;
}

static const struct config_node *config_node_as(const yaml_node_t *n)
{
    return (const struct config_node *)(const void *)n;
}

const struct config_node *config_yaml_root(struct config_yaml *y)
{
    return config_node_as(yaml_document_get_root_node(&y->doc));
}

enum config_node_kind config_node_kind(const struct config_node *n)
{
    yaml_node_type_t type = config_node_of(n)->type;

    if (type == YAML_SEQUENCE_NODE)
        return CONFIG_LIST;
    return type == YAML_MAPPING_NODE ? CONFIG_MAPPING : CONFIG_SCALAR;
}

unsigned config_node_line(const struct config_node *n)
{
    return (unsigned)config_node_of(n)->start_mark.line + 1;
}

struct bytes config_node_text(const struct config_node *n)
{
    const yaml_node_t *y = config_node_of(n);

    return bytes_of(y->data.scalar.value, y->data.scalar.length);
}

bool config_node_plain(const struct config_node *n)
{
    return config_node_of(n)->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

size_t config_node_count(const struct config_node *n)
{
    const yaml_node_t *y = config_node_of(n);

    if (y->type == YAML_SEQUENCE_NODE)
        return (size_t)(y->data.sequence.items.top -
                        y->data.sequence.items.start);
    return (size_t)(y->data.mapping.pairs.top - y->data.mapping.pairs.start);
}

const struct config_node *config_yaml_item(struct config_yaml *y,
                                           const struct config_node *n,
                                           size_t i)
{
    const yaml_node_t *list = config_node_of(n);

    return config_node_as(
        yaml_document_get_node(&y->doc, list->data.sequence.items.start[i]));
}

void config_yaml_pair(struct config_yaml *y, const struct config_node *n,
                      size_t i, const struct config_node **key,
                      const struct config_node **value)
{
    const yaml_node_pair_t *pair =
        &config_node_of(n)->data.mapping.pairs.start[i];

    *key = config_node_as(yaml_document_get_node(&y->doc, pair->key));
    *value = config_node_as(yaml_document_get_node(&y->doc, pair->value));
}

const char *config_yaml_version(void)
{
    return yaml_get_version_string();
}
