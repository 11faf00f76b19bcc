/* write_key REPOSITORY KEY-FILE NEW-KEY-FILE: add a key of role write, with the
 * signing seed of the key that KEY-FILE opens. Both files hold 32 bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blake3.h"
#include "repo/repo.h"
#include "store/local.h"

static int write_key_read(const char *path, uint8_t key[32])
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(key, 1, 32, f) : 0;

    if (f)
        (void)fclose(f);
    return n == 32 ? 0 : err_set(E_USAGE, "%s: not 32 bytes", path);
}

static int write_key_add(struct store *s, struct repo *r, const uint8_t *key)
{
    struct key_slot_info info = {.kdf = KEY_SLOT_FILE, .role = KEYRING_WRITE};
    struct key_slot_secret secret = {KEY_SLOT_FILE, bytes_of(key, 32)};
    char name[5 + ID_HEX_CHARS + 1];
    char hex[ID_HEX_CHARS + 1];
    enum store_outcome outcome;
    struct object_id id;
    struct buf slot;
    int rc;

    r->keys->role = KEYRING_WRITE;
    buf_init(&slot, KEY_SLOT_BYTES_MAX);
    rc = key_slot_seal(r->keys, &info, &secret, &slot);
    if (rc == 0) {
        blake3_hash(buf_bytes(&slot), id.b);
        (void)snprintf(name, sizeof name, "keys/%s",
                       id_hex(id.b, sizeof id.b, hex));
        rc = store_put(s, name, buf_bytes(&slot), &outcome);
    }
    buf_release(&slot);
    return rc;
}

int main(int argc, char **argv)
{
    struct repo_open_options opt = {.no_index = true};
    struct key_slot_secret secret = {KEY_SLOT_FILE, {NULL, 0}};
    struct store *s = NULL;
    struct repo *r = NULL;
    uint8_t key[2][32];
    int rc;

    if (argc != 4)
        return 1;
    secret.bytes = bytes_of(key[0], sizeof key[0]);
    opt.secret = &secret;
    rc = write_key_read(argv[2], key[0]);
    if (rc == 0)
        rc = write_key_read(argv[3], key[1]);
    if (rc == 0)
        rc = local_open(argv[1], &s);
    if (rc == 0)
        rc = repo_open(s, &opt, &r);
    if (rc == 0)
        rc = write_key_add(s, r, key[1]);
    if (rc < 0)
        (void)fprintf(stderr, "write_key: %s\n", err_text());
    repo_close(r);
    store_close(s);
    return rc < 0;
}
