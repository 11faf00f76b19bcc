#include "cli/snapshot_gaps.h"

#include "cli/snapshot_ids.h"
#include "cli/words.h"

bool snapshot_gaps_has(const struct snapshot_item *it)
{
    return it->damaged || it->sealed;
}

void snapshot_gaps_tell(const struct snapshot_list *l,
                        struct message_problems *damage)
{
    size_t id_chars = snapshot_ids_chars(l);
    size_t sealed = 0;
    char hex[ID_HEX_CHARS + 1];

    for (size_t i = 0; i < l->n; i++) {
        const struct snapshot_item *it = &l->item[i];

        sealed += !it->damaged && it->sealed;
        if (it->damaged)
            message_problem(damage,
                            "snapshot %.*s: cannot be read; 'dedup check' "
                            "tells more",
                            (int)id_chars,
                            id_hex(it->id.b, sizeof it->id.b, hex));
    }
    if (sealed > 0)
        message_warn("%zu snapshot%s cannot be read with this key and %s left "
                     "out",
                     sealed, words_plural(sealed), sealed == 1 ? "is" : "are");
}
