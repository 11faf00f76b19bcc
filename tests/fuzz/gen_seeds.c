/*
 * gen_seeds: writes the seeds of the repository's decoders:
 *   gen_seeds tests/fuzz/corpus
 * They are the same in every run. Seeds are kept small: what makes a decoder
 * take a branch, and no more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "repo/compress.h"
#include "repo/config.h"
#include "repo/envelope.h"
#include "repo/keepsake.h"
#include "repo/key_slot.h"
#include "repo/manifest.h"
#include "repo/pack_writer.h"
#include "repo/record_journal.h"
#include "repo/record_log.h"
#include "repo/recovery.h"
#include "repo/segment.h"
#include "repo/sheet.h"
#include "store/memory.h"
#include "tests/fuzz/fuzz_keys.h"

static const char *corpus;

static void save(const char *target, const char *name, struct bytes x)
{
    char path[4096];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", corpus, target);
    (void)mkdir(path, 0777);
    (void)snprintf(path, sizeof path, "%s/%s/%s", corpus, target, name);
    f = fopen(path, "wb");
    ASSERT(f);
    ASSERT(fwrite(x.p, 1, x.n, f) == x.n);
    ASSERT(fclose(f) == 0);
}

static void save_buf(const char *target, const char *name, struct buf *b)
{
    ASSERT(buf_status(b) == 0);
    save(target, name, buf_bytes(b));
    buf_reset(b);
}

static void seed_config(struct buf *b)
{
    const struct keyring *k = fuzz_keys();
    struct config c = {.repo = k->repo,
                       .created = {1700000000, 1},
                       .chunk_bytes = 65536,
                       .data_public = k->epoch[0].data_public,
                       .meta_public = k->epoch[0].meta_public,
                       .founder = k->member,
                       .level = 5};

    config_put(&c, b);
    save_buf("config", "config", b);
}

static void seed_key_slot(struct buf *b)
{
    struct key_slot_info info = {
        .kdf = KEY_SLOT_FILE, .role = KEYRING_FULL, .label = "seed"};
    struct key_slot_secret secret = {
        KEY_SLOT_FILE, bytes_of_str("0123456789abcdef0123456789abcdef")};
    struct keyring *k = keyring_new();

    ASSERT(key_slot_seal(fuzz_keys(), &info, &secret, b) == 0);
    save_buf("key_slot", "slot", b);
    ASSERT(k);
    *k = *fuzz_keys();
    k->epoch[1] = k->epoch[0];
    k->held = 2;
    for (int role = KEYRING_FULL; role <= KEYRING_MAINTAIN; role++) {
        char name[16];

        k->role = (enum keyring_role)role;
        (void)snprintf(name, sizeof name, "bundle-%d", role);
        keyring_put(k, b);
        save_buf("key_slot", name, b);
    }
    keyring_free(k);
}

static void seed_envelope(void)
{
    static const char kind[] = "ISLJ";
    char name[2] = {0};
    struct buf b;

    for (size_t i = 0; i < 4; i++) {
        enum envelope_kind e = (enum envelope_kind)kind[i];

        name[0] = kind[i];
        buf_init(&b, envelope_max_bytes(e));
        ASSERT(envelope_seal(fuzz_keys(), e, bytes_of_str("log/x"),
                             bytes_of_str("content"), &b) == 0);
        save_buf("envelope", name, &b);
        buf_release(&b);
    }
}

/* One pack with two frames, and the directory that it has. */
static void seed_pack(struct store *s, struct pack_info *info)
{
    static uint8_t raw[600];
    struct pack_dir_chunk chunk[2] = {{{{1}}, 400}, {{{2}}, 200}};
    struct pack_writer *w = NULL;
    struct frame_ctx *x = NULL;
    struct frame f;

    ASSERT(pack_writer_open(s, fuzz_keys(), PACK_DATA, pack_dir_what(chunk, 2),
                            &w) == 0);
    ASSERT(frame_ctx_new(&x) == 0);
    for (int i = 0; i < 2; i++) {
        if (i == 1)
            crypto_random(raw, sizeof raw);
        ASSERT(frame_prepare(x, bytes_of(raw, sizeof raw), 3) == 0);
        keyring_chunk_id(fuzz_keys(), PACK_DATA, bytes_of(raw, 400),
                         &chunk[0].id);
        keyring_chunk_id(fuzz_keys(), PACK_DATA, bytes_of(raw + 400, 200),
                         &chunk[1].id);
        ASSERT(frame_seal(x, pack_writer_key(w), pack_dir_what(chunk, 2), &f) ==
               0);
        ASSERT(pack_writer_add(w, &f, chunk, 2, NULL) == 0);
    }
    ASSERT(pack_writer_commit(w, false, info) == 0);
    pack_writer_free(w);
    frame_ctx_free(x);
}

static void seed_segment(const struct pack_info *info, struct buf *b)
{
    struct object_id old = {{7}};
    struct segment_pack p = {.id = info->id,
                             .kind = info->kind,
                             .bytes = info->bytes,
                             .writer = info->writer,
                             .dir = buf_bytes(&info->dir)};

    segment_put(0, NULL, 0, &p, 1, b);
    save_buf("segment", "fresh", b);
    segment_put(3, &old, 1, &p, 1, b);
    save_buf("segment", "merged", b);
}

/* A pack's file with the place of its directory in clear, which fuzz_pack signs
 * and seals. */
static void seed_pack_clear(const struct pack_info *info, struct buf *file)
{
    struct pack_layout_trailer t;
    struct pack_layout_header h;
    struct buf place;
    size_t tail = file->n - PACK_LAYOUT_TRAILER_BYTES;

    ASSERT(pack_layout_get_header(bytes_of(file->p, PACK_LAYOUT_HEAD_BYTES),
                                  fuzz_keys(), &h) == 0);
    ASSERT(pack_layout_get_trailer(
               fuzz_keys(), &h,
               bytes_of(file->p + tail, PACK_LAYOUT_TRAILER_BYTES), info->bytes,
               &t) == 0);
    buf_init(&place, 8);
    codec_put_u32(&place, t.dir_off);
    codec_put_u32(&place, t.dir_bytes);
    ASSERT(buf_status(&place) == 0);
    memcpy(file->p + tail + CRYPTO_SALT_BYTES, place.p, place.n);
    save_buf("pack", "clear", file);
    buf_release(&place);
}

static void seed_packs(struct buf *b)
{
    char name[PACK_LAYOUT_NAME_MAX];
    struct pack_info info = {.bytes = 0};
    struct store *s = NULL;
    struct buf file;
    bool found;

    ASSERT(memory_open(&s) == 0);
    buf_init(&file, PACK_FULL_BYTES);
    seed_pack(s, &info);
    pack_layout_name(&info.id, name);
    ASSERT(store_get(s, name, &file, &found) == 0 && found);
    save_buf("pack", "pack", &file);
    ASSERT(store_get(s, name, &file, &found) == 0 && found);
    seed_pack_clear(&info, &file);
    seed_segment(&info, b);
    pack_info_release(&info);
    buf_release(&file);
    store_close(s);
}

static void seed_record(uint32_t type, const char *name, struct buf *body,
                        struct buf *b)
{
    struct record r = {.number = 9,
                       .predecessor = {{1}},
                       .time = {1700000000, 2},
                       .type = type,
                       .body = buf_bytes(body)};

    ASSERT(buf_status(body) == 0);
    record_put(&r, b);
    save_buf("record", name, b);
    buf_reset(body);
}

static void seed_log(struct buf *b)
{
    static const struct object_id id[2] = {{{1}}, {{2}}};
    struct record_member m = {{{3}}, 3, RECORD_LEAVING, bytes_of_str("host")};
    struct record_cut cut = {{{4}}, 0, id[0].b, 2};
    struct record_cut stray = {{{4}}, 300, id[1].b, 1};
    struct record_share share = {{{3}}, bytes_of_str("share")};
    struct buf text;
    struct buf cuts;
    struct buf body;
    struct record_log l = {.ids = record_ids_of(id, 2),
                           .marked = record_ids_of(id, 1),
                           .decides = 5,
                           .rescued = record_ids_of(id, 1),
                           .until = 1800000000,
                           .text = bytes_of_str("reason"),
                           .suspects = {id[0].b, 1},
                           .vouches = {id[0].b, 1},
                           .base = bytes_of_str("")};

    buf_init(&text, 1000);
    buf_init(&cuts, 1000);
    buf_init(&body, 10000);
    record_string_put(&text, bytes_of_str("provisional"));
    l.tags = (struct record_strings){buf_bytes(&text), 1};
    l.features[RECORD_CLASS_COLLECT] = l.tags;
    for (uint32_t t = RECORD_CONDEMN; t <= RECORD_EPOCH; t++) {
        char name[16];

        if (t == 3)
            continue;
        (void)snprintf(name, sizeof name, "log-%u", t);
        l.ids.n = t == RECORD_TAG || t == RECORD_PROTECT ? 1 : 2;
        if (t == RECORD_MEMBERS) {
            buf_reset(&text);
            record_member_put(&text, &m);
            l.members = (struct record_members){buf_bytes(&text), 1};
            record_member_cut_put(&cuts, &cut);
            record_member_cut_put(&cuts, &stray);
            l.cuts = (struct record_cuts){buf_bytes(&cuts), 2};
        }
        if (t == RECORD_EPOCH) {
            buf_reset(&text);
            record_epoch_put_share(&text, &share);
            l.epoch = (struct record_epoch){.number = 1,
                                            .shares = {buf_bytes(&text), 1}};
        }
        record_log_put((enum record_log_type)t, &l, &body);
        seed_record(t, name, &body, b);
    }
    buf_release(&text);
    buf_release(&cuts);
    buf_release(&body);
}

static void seed_journal(struct buf *b)
{
    static const struct object_id id[2] = {{{1}}, {{2}}};
    struct record_journal j = {.generation = 4,
                               .log_id = {{9}},
                               .process = {bytes_of_str("srv"), 12, 34,
                                           bytes_of_str("boot"), 56,
                                           bytes_of_str("srv@x")},
                               .id = {{8}},
                               .series = bytes_of_str("srv@x"),
                               .in_series = 3,
                               .complete = true,
                               .ids = record_ids_of(id, 2),
                               .until = 1800000000,
                               .seen = 6};
    struct buf body;

    buf_init(&body, 10000);
    for (uint32_t t = RECORD_OPEN; t <= RECORD_FENCE; t++) {
        char name[16];

        (void)snprintf(name, sizeof name, "journal-%u", t);
        record_journal_put((enum record_journal_type)t, &j, &body);
        seed_record(t, name, &body, b);
    }
    buf_release(&body);
}

static void seed_manifest(struct buf *b)
{
    struct bytes path = bytes_of_str("/srv");
    struct manifest_problem problem = {MANIFEST_CHANGING, path,
                                       bytes_of_str("twice")};
    struct manifest m = {.series = bytes_of_str("srv@srv"),
                         .number = 2,
                         .has_previous = true,
                         .root = bytes_of_str("root"),
                         .utc_offset = 3600,
                         .complete = true,
                         .host = bytes_of_str("srv"),
                         .paths = &path,
                         .path_n = 1,
                         .tags = &path,
                         .tag_n = 1,
                         .problem_total = 1,
                         .problems = &problem,
                         .problem_n = 1};

    manifest_put(&m, b);
    save_buf("manifest", "full", b);
    m = (struct manifest){.series = bytes_of_str("a"), .number = 1};
    manifest_put(&m, b);
    codec_put_varint(b, 30);
    codec_put_string(b, bytes_of_str("unknown"));
    save_buf("manifest", "unknown", b);
}

static void seed_keepsake(struct buf *b)
{
    const struct keyring *keys = fuzz_keys();
    static const struct object_id id = {{7}};
    static const struct chunk_id list = {{9}};
    struct manifest m = {.series = bytes_of_str("srv@srv"), .number = 3};
    struct kept_frames *kept = kept_frames_new();
    struct keepsake back;
    struct buf file;

    ASSERT(kept);
    kept_frames_list_begin(kept);
    for (uint8_t i = 1; i <= 3; i++) {
        struct frame_kept key = {
            .salt = {i}, .suite = CRYPTO_AES256_GCM, .key = {{i}}};
        uint32_t no;

        ASSERT(kept_frames_reserve(kept, &no) == 0);
        ASSERT(kept_frames_use(kept, no) == 0);
        ASSERT(kept_frames_sealed(kept, no, &key) == 0);
    }
    ASSERT(kept_frames_list_end(kept, &list) == 0);
    buf_init(&file, KEEPSAKE_BYTES_MAX);
    ASSERT(keepsake_seal(keys, &id, &m, kept, &file) == 0);
    ASSERT(keepsake_open(keys, m.series, buf_bytes(&file), NULL, &back) == 0);
    save_buf("keepsake", "file", &file);
    buf_add(b, id.b, sizeof id.b);
    manifest_put(&m, &file);
    codec_put_string(b, buf_bytes(&file));
    kept_frames_put(kept, 4096, b);
    save_buf("keepsake", "plain", b);
    keepsake_release(&back);
    kept_frames_free(kept);
    buf_release(&file);
}

static void seed_compress(struct buf *b)
{
    static const uint8_t head[3] = {0x20, 0x4e, 0}; /* 20,000 bytes */
    static uint8_t raw[20000];
    static uint8_t form[20000];
    struct compress_ctx *x = NULL;
    size_t n = 0;

    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (uint8_t)(i * i >> 7);
    ASSERT(compress_ctx_new(&x) == 0);
    ASSERT(compress_pack(x, bytes_of(raw, sizeof raw), 3, form, &n) == 0);
    buf_add(b, head, sizeof head);
    buf_add(b, form, n);
    save_buf("compress", "text", b);
    compress_ctx_free(x);
}

/* Of one who made the repository, and of one who came later. */
static void seed_sheet(struct buf *b)
{
    struct recovery *r = recovery_new();
    struct secret content;
    char line[SHEET_LINE_CHARS];

    ASSERT(r && secret_init(&content, RECOVERY_BYTES_MAX) == 0);
    *r = (struct recovery){.created = {1700000000, 1},
                           .chunk_bytes = 65536,
                           .level = 3,
                           .founder = fuzz_keys()->member,
                           .seed = fuzz_keys()->seed,
                           .root_n = 1,
                           .log_number = 7};
    for (int later = 0; later < 2; later++) {
        struct sheet *s = sheet_new();

        ASSERT(s && recovery_put(r, &content) == 0);
        save("sheet", later ? "content-2" : "content-1",
             secret_bytes(&content));
        sheet_set(s, secret_bytes(&content));
        if (later)
            buf_add_bytes(b, bytes_of_str("A page\n" SHEET_BEGIN "\n"));
        for (size_t i = 1; i <= sheet_last(s); i++) {
            sheet_text(s, i, !later, line);
            buf_add_bytes(b, bytes_of_str(line));
            buf_add_bytes(b, bytes_of_str(later ? "\n" : " "));
        }
        if (later)
            buf_add_bytes(b, bytes_of_str(SHEET_END "\n"));
        save_buf("sheet", later ? "page" : "qr", b);
        sheet_free(s);
        r->founder.b[0] ^= 1;
        r->root_n = 2;
    }
    secret_release(&content);
    recovery_free(r);
}

int main(int argc, char **argv)
{
    struct buf b;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: gen_seeds CORPUS-DIRECTORY\n");
        return 1;
    }
    corpus = argv[1];
    buf_init(&b, 1 << 20);
    seed_config(&b);
    seed_key_slot(&b);
    seed_sheet(&b);
    seed_envelope();
    seed_packs(&b);
    seed_log(&b);
    seed_journal(&b);
    seed_manifest(&b);
    seed_compress(&b);
    seed_keepsake(&b);
    buf_release(&b);
    return 0;
}
