#include <stdlib.h>

#include "base/mem.h"
#include "cli/labels.h"
#include "cli/message.h"
#include "repo/label_change.h"

enum { CMD_TAG_ID_CHARS = 8 };

/* The tags that an option names, each time it was given. */
static int cmd_tag_list(const struct opt_set *o, enum opt_id id,
                        struct bytes **list, size_t *n)
{
    *n = 0;
    *list = mem_array(opt_count(o, id), sizeof **list);
    if (!*list)
        return err_set(E_NOMEM, "out of memory");
    for (size_t i = 0; i < o->value_n; i++) {
        struct bytes tag;

        if (o->value[i].id != id)
            continue;
        tag = bytes_of_str(o->value[i].text);
        if (!label_change_tag_ok(tag))
            return err_set(E_USAGE,
                           "--%s '%s': 1 to %d bytes, no spaces, commas or "
                           "control characters",
                           opt_info(id)->name, o->value[i].text,
                           RECORD_TAG_MAX);
        (*list)[(*n)++] = tag;
    }
    return 0;
}

static int cmd_tag_one(struct cli *cli, struct session *s,
                       const struct snapshot_item *item, void *ctx)
{
    const struct label_change_tags *change = ctx;
    char hex[ID_HEX_CHARS + 1];
    bool changed;
    int rc = label_change_tag(s->repo, item, change, &changed);

    if (rc < 0)
        return rc;
    (void)id_hex(item->id.b, sizeof item->id.b, hex);
    message_note("%.*s: %s", CMD_TAG_ID_CHARS, hex,
                 changed ? "its tags are changed"
                         : "it has these tags already");
    if (!cli->json)
        return 0;
    json_out_begin(cli->json, "tagged");
    json_out_hex(cli->json, "id", bytes_of(item->id.b, sizeof item->id.b));
    json_out_bool(cli->json, "changed", changed);
    return json_out_end(cli->json);
}

int cmd_tag(struct cli *cli)
{
    const struct opt_set *o = cli->opt;
    bool set = opt_has(o, OPT_SET), none = opt_has(o, OPT_CLEAR);
    struct label_change_tags change = {.set = set || none};
    struct bytes *add = NULL, *remove = NULL;
    int rc = 0;

    if (set + none + (opt_has(o, OPT_ADD) || opt_has(o, OPT_REMOVE)) != 1)
        return err_set(E_USAGE,
                       "give --add or --remove, or both; or --set; or --clear");
    rc = cmd_tag_list(o, set ? OPT_SET : OPT_ADD, &add, &change.add_n);
    if (rc == 0)
        rc = cmd_tag_list(o, OPT_REMOVE, &remove, &change.remove_n);
    change.add = add;
    change.remove = remove;
    if (rc == 0)
        rc = labels_each(cli, cmd_tag_one, &change);
    free(add);
    free(remove);
    return rc;
}
