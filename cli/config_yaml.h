/*
 * config_yaml: a YAML document to walk over, each node with its line. Confined
 * to one thread.
 */
#ifndef CLI_CONFIG_YAML_H
#define CLI_CONFIG_YAML_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"

enum {
    CONFIG_YAML_DEPTH_MAX = 32,
    CONFIG_YAML_NODES_MAX = 100000, /* words, lists, mappings, aliases */
    CONFIG_YAML_ANCHORS_MAX = 1000
};

struct config_yaml;

/* A node; lent by the document. */
struct config_node;

enum config_node_kind { CONFIG_SCALAR, CONFIG_LIST, CONFIG_MAPPING };

/*
 * config_yaml_parse: the one document that text holds.
 *   path  for errors; borrowed
 *   y     out; NULL unless 0 is returned
 * Returns 0; E_USAGE: not YAML, more than one document, or past the bounds
 * above; E_NOMEM.
 */
MUST_CHECK int config_yaml_parse(const char *path, struct bytes text,
                                 struct config_yaml **y);
void config_yaml_free(struct config_yaml *y);

/* config_yaml_root: NULL: the document is empty. */
const struct config_node *config_yaml_root(struct config_yaml *y);

enum config_node_kind config_node_kind(const struct config_node *n);

/* config_node_line: where it begins, from 1. */
unsigned config_node_line(const struct config_node *n);

/* config_node_text: of a scalar; holds no NUL byte. */
struct bytes config_node_text(const struct config_node *n);

/* config_node_plain: of a scalar: it stands without quotes. */
bool config_node_plain(const struct config_node *n);

/* config_node_count: items of a list, pairs of a mapping. */
size_t config_node_count(const struct config_node *n);

/* config_yaml_item: item i of a list. */
const struct config_node *config_yaml_item(struct config_yaml *y,
                                           const struct config_node *n,
                                           size_t i);

/* config_yaml_pair: pair i of a mapping. */
void config_yaml_pair(struct config_yaml *y, const struct config_node *n,
                      size_t i, const struct config_node **key,
                      const struct config_node **value);

/* config_yaml_version: of libyaml, as it says itself; static storage. */
const char *config_yaml_version(void);

#endif
