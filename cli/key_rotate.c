#include "cli/key_rotate.h"

#include "cli/message.h"
#include "cli/words.h"
#include "repo/rotate.h"

static int key_rotate_tell(struct cli *cli, const struct rotate_result *res)
{
    message_note("epoch %u of the repository's keys has begun, for %zu key%s: "
                 "what is written from now on opens with no older ones",
                 res->epoch, res->members, words_plural(res->members));
    message_note("what was written before stays readable to whoever held "
                 "those; copies of the key slots, and recovery sheets, that "
                 "were made before lack the new keys: make new ones");
    if (!cli->json)
        return 0;
    json_out_begin(cli->json, "epoch");
    json_out_u64(cli->json, "number", res->epoch);
    json_out_u64(cli->json, "keys", res->members);
    return json_out_end(cli->json);
}

int key_rotate_run(struct cli *cli, struct session *s)
{
    struct key_slot_secret secret = session_secret(&s->key);
    struct rotate_result res;
    int rc = rotate_run(s->repo, &secret, &res);
    struct err_record failed;
    int told;

    if (res.epoch == 0)
        return rc;
    if (rc < 0)
        err_save(rc, &failed);
    told = key_rotate_tell(cli, &res);
    if (rc == 0)
        return told;
    err_ignore(told, "what follows says more");
    return err_set(rc,
                   "the new keys are in the log alone, and not in this key's "
                   "slot: run it again, which begins one more epoch (%s)",
                   failed.text);
}
