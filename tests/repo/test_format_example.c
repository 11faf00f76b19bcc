/*
 * docs/format-example.md, made from the code: the test fails when the page says
 * anything else than what is written today. A format that is kept for ever must
 * not change unnoticed. To write the page anew: test_format_example FILE
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/blake3.h"
#include "repo/crypto_fixed.h"
#include "repo/envelope.h"
#include "repo/record_log.h"
#include "tests/repo/example_repo.h"

enum { ROW = 24, LONG_PART = 200, PAGE_MAX = 1 << 20 };

static struct buf page;

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
    char line[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    buf_add_bytes(&page, bytes_of_str(line));
}

static void say_hex(const void *p, size_t n)
{
    char hex[2 * ROW + 1];
    const uint8_t *at = p;

    for (; n > 0; at += ROW) {
        size_t k = n < ROW ? n : ROW;

        say("%s", id_hex(at, k, hex));
        n -= k;
        if (n > 0)
            say("\n        ");
    }
}

static void say_row(size_t off, struct bytes x, const char *label)
{
    say("%6zu  ", off);
    if (x.n > LONG_PART) {
        struct object_id h;
        char hex[ID_HEX_CHARS + 1];

        blake3_hash(x, h.b);
        say_hex(x.p, ROW);
        say("\n        ... %zu bytes in all, H = %s", x.n,
            id_hex(h.b, sizeof h.b, hex));
    } else {
        say_hex(x.p, x.n);
    }
    say("%s%s\n", label[0] ? "  " : "", label);
}

/* One part of a file. bytes 0: all that is left but the parts after it. */
struct part {
    size_t n;
    const char *label;
};

static void say_parts(struct bytes x, const struct part *part)
{
    size_t known = 0;
    size_t at = 0;

    for (size_t i = 0; part[i].label; i++)
        known += part[i].n;
    assert_true(known <= x.n);
    say("\n```\n");
    for (size_t i = 0; part[i].label; i++) {
        size_t n = part[i].n ? part[i].n : x.n - known;

        if (n > 0)
            say_row(at, bytes_of(x.p + at, n), part[i].label);
        at += n;
    }
    say("```\n");
    assert_int_equal(at, x.n);
}

static void say_plain(const char *what, struct bytes x)
{
    const struct part all[] = {{0, ""}, {0, NULL}};

    say("\n%s, %zu bytes:\n", what, x.n);
    say_parts(x, all);
}

static void say_key(const char *name, const void *p, size_t n)
{
    char hex[2 * 64 + 1];

    say("| %s | `%s` |\n", name, id_hex(p, n, hex));
}

static void load(struct example_repo *x, const char *name, struct buf *b)
{
    bool found;

    buf_init(b, PACK_FULL_BYTES);
    assert_int_equal(store_get(x->store, name, b, &found), 0);
    assert_true(found);
    say("\n### `%s`\n\n%zu bytes.\n", name, b->n);
}

static void say_keys(const struct keyring *k)
{
    const struct keyring_epoch *e = &k->epoch[0];

    say("\n## Keys\n\nThe key file holds the 32 characters "
        "`" EXAMPLE_REPO_KEY_FILE
        "`. It opens:\n\n| key | value |\n|---|---|\n");
    say_key("repository id", k->repo.b, sizeof k->repo.b);
    say_key("root of epoch 0", e->root.b, 32);
    say_key("signing seed", k->seed.b, 32);
    say("\nWhat follows from them:\n\n| key | value |\n|---|---|\n");
    say_key("K_repo", e->k_repo.b, 32);
    say_key("K_index", e->k_index.b, 32);
    say_key("data secret key", e->data_secret.b, 32);
    say_key("metadata secret key", e->meta_secret.b, 32);
    say_key("data public key", e->data_public.b, 32);
    say_key("metadata public key", e->meta_public.b, 32);
    say_key("K_data", k->k_data.b, 32);
    say_key("K_meta", k->k_meta.b, 32);
    say_key("K_cut", k->k_cut, sizeof k->k_cut);
    say_key("K_page", k->k_page.b, 32);
    say_key("member id", k->member.b, 32);
}

static void say_config(struct example_repo *x)
{
    const struct part parts[] = {
        {9, "magic 'C', version"},
        {4, "length"},
        {18, "1: repository id"},
        {8, "2: created 1700000000.0"},
        {5, "3: normal chunk size 65536"},
        {3, "5: suite 1"},
        {34, "7: data public key"},
        {34, "9: metadata public key"},
        {34, "11: first member"},
        {32, "H(all before)"},
        {0, NULL},
    };
    struct buf b;

    load(x, "config", &b);
    say_parts(buf_bytes(&b), parts);
    buf_release(&b);
}

static int say_slot(void *ctx, const char *name, uint64_t size)
{
    const struct part parts[] = {
        {9, "magic 'K', version"},
        {1, "kdf 2: key file"},
        {8, "passes, memory"},
        {16, "salt"},
        {1, "role 1: full"},
        {32, "member id"},
        {8, "label \"example\""},
        {24, "nonce"},
        {32, "commitment"},
        {4, "length"},
        {0, "wrapped"},
        {0, NULL},
    };
    struct buf b;

    (void)size;
    load(ctx, name, &b);
    say_parts(buf_bytes(&b), parts);
    buf_release(&b);
    return 0;
}

static void say_envelope(struct example_repo *x, const char *name,
                         enum envelope_kind kind, const char *what)
{
    const struct part open[] = {
        {9, "magic, version"}, {1, "lock 0"},  {2, "epoch 0"},
        {16, "repository id"}, {32, "signer"}, {32, "salt"},
        {32, "commitment"},    {4, "length"},  {0, "ciphertext"},
        {64, "signature"},     {0, NULL},
    };
    const struct part sealed[] = {
        {9, "magic, version"}, {1, "lock 1"},      {2, "epoch 0"},
        {16, "repository id"}, {32, "signer"},     {32, "salt"},
        {80, "sealed secret"}, {32, "commitment"}, {4, "length"},
        {0, "ciphertext"},     {64, "signature"},  {0, NULL},
    };
    bool named = kind == ENVELOPE_LOG || kind == ENVELOPE_JOURNAL;
    struct envelope e;
    struct buf plain;
    struct buf b;

    load(x, name, &b);
    say_parts(buf_bytes(&b), kind == ENVELOPE_SNAPSHOT ? sealed : open);
    buf_init(&plain, envelope_max_bytes(kind));
    assert_int_equal(
        envelope_open(x->keys, kind,
                      named ? bytes_of_str(name) : bytes_of(NULL, 0),
                      buf_bytes(&b), &plain, &e),
        0);
    say_plain(what, e.content);
    buf_release(&plain);
    buf_release(&b);
}

static void say_pack(struct example_repo *x, const struct pack_info *info)
{
    char name[PACK_LAYOUT_NAME_MAX];
    struct pack_dir_reader r;
    struct pack_dir_frame f;
    struct buf b;
    struct part parts[] = {
        {9, "magic 'P', version"},
        {1, "kind"},
        {2, "keys: 1"},
        {2, "epoch 0"},
        {16, "repository id"},
        {32, "writer"},
        {8, "suite 1, zeros, epoch 0"},
        {80, "sealed secret"},
        {32, "commitment"},
        {32, "frame: salt"},
        {0, "frame: ciphertext and tag"},
        {32, "directory: commitment"},
        {0, "directory: ciphertext and tag"},
        {32, "directory salt"},
        {72, "sealed: its offset, its length, signature"},
        {16, "tag"},
        {8, "end"},
        {0, NULL},
    };

    pack_dir_read(&r, buf_bytes(&info->dir));
    assert_true(pack_dir_next_frame(&r, &f));
    parts[10].n = f.stored_bytes - CRYPTO_SALT_BYTES;
    pack_layout_name(&info->id, name);
    load(x, name, &b);
    say_parts(buf_bytes(&b), parts);
    say_plain("The directory's content", buf_bytes(&info->dir));
    buf_release(&b);
}

static void say_journal(struct example_repo *x)
{
    static const char *const what[] = {
        "Record 0, open: content", "Record 1, segment: content",
        "Record 2, commit: content", "Record 3, end: content"};
    char name[RECORD_NAME_MAX];

    for (uint64_t k = 0; k < 4; k++) {
        struct chain c = {.kind = ENVELOPE_JOURNAL, .writer = x->writer};

        chain_name(&c, k, name);
        say_envelope(x, name, ENVELOPE_JOURNAL, what[k]);
    }
}

static void say_named(struct example_repo *x, const char *prefix,
                      const struct object_id *id, enum envelope_kind kind,
                      const char *what)
{
    char name[80];
    char hex[ID_HEX_CHARS + 1];

    (void)snprintf(name, sizeof name, "%s/%s", prefix,
                   id_hex(id->b, sizeof id->b, hex));
    say_envelope(x, name, kind, what);
}

static void say_all(struct example_repo *x)
{
    say("# A repository, byte by byte\n\n"
        "One snapshot of one directory with one file, `hello.txt`, that says\n"
        "`Hello, repository.`: every kind of object of [format.md](format.md) "
        "once, with\nrandomness and time fixed. Made by "
        "`tests/repo/test_format_example.c`, which fails\nwhen this page says "
        "anything else than what the program writes. Offsets are\ndecimal, "
        "bytes are hex; of long parts the beginning and the hash are shown.\n");
    say_keys(x->keys);
    say("\n## Objects\n");
    say_config(x);
    assert_int_equal(store_list(x->store, "keys", say_slot, x), 0);
    say_envelope(x, "log/0000000000000000", ENVELOPE_LOG,
                 "The content, a flags record");
    say_pack(x, &x->data);
    say("\nThe frame's plaintext is the file's content; the chunk's id is\n"
        "HK(K_data, content).\n");
    say_pack(x, &x->meta);
    say_plain("The frame's plaintext, the page of the directory",
              buf_bytes(&x->page_bytes));
    say_named(x, "index", &x->segment, ENVELOPE_SEGMENT,
              "The segment's content");
    say_named(x, "snapshots", &x->snapshot, ENVELOPE_SNAPSHOT,
              "The snapshot's content");
    say_journal(x);
}

static void test_format_example__page_is_what_is_written(void **state)
{
    struct example_repo *x = *state;
    char *old = calloc(1, PAGE_MAX);
    FILE *f = fopen(FORMAT_EXAMPLE, "rb");
    size_t n;

    assert_non_null(old);
    assert_non_null(f);
    n = fread(old, 1, PAGE_MAX, f);
    (void)fclose(f);
    (void)x;
    if (n != page.n || memcmp(old, page.p, n) != 0)
        fail_msg("docs/format-example.md is not what the program writes. If "
                 "the change of the format is meant: test_format_example "
                 "docs/format-example.md");
    free(old);
}

/* Returns the process's exit code. */
static int write_page(const char *path)
{
    FILE *f = fopen(path, "wb");

    if (!f || fwrite(page.p, 1, page.n, f) != page.n || fclose(f) != 0) {
        perror(path);
        return 1;
    }
    return 0;
}

static struct example_repo example;

static int setup(void **state)
{
    example_repo_build(&example);
    buf_init(&page, PAGE_MAX);
    say_all(&example);
    *state = &example;
    return buf_status(&page);
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&page);
    example_repo_release(&example);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_example__page_is_what_is_written),
    };
    void *state;

    crypto_fixed_start();
    if (crypto_init() < 0)
        return 1;
    if (crypto_suite_best() != CRYPTO_AES256_GCM) {
        (void)printf("skipped: the page shows packs of suite 1, and this "
                     "processor has no AES\n");
        return 0;
    }
    if (argc == 2) {
        int rc = setup(&state) < 0 ? 1 : write_page(argv[1]);

        (void)teardown(&state);
        return rc;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
