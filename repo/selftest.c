#include "repo/selftest.h"

#include <stdlib.h>

#include "base/blake3.h"
#include "base/mem.h"
#include "base/siphash.h"
#include "repo/compress.h"
#include "repo/crypto.h"

enum {
    SELFTEST_BYTES = 102400, /* the longest input of the published vectors */
    SELFTEST_AD_BYTES = 5,
    SELFTEST_PLAIN_BYTES = 100
};

/* The published test vectors of BLAKE3: bytes 0, 1, .. 250, 0, 1, ...; lengths
 * that use one leaf, a few, and every width of vectors. */
static const struct {
    size_t n;
    const char *plain; /* first 8 bytes of the hash, in hex */
    const char *keyed; /* under "whats the Elvish word for friend" */
} selftest_blake3_vector[] = {
    {0, "af1349b9f5f9a1a6", "92b2b75604ed3c76"},
    {1, "2d3adedff11b61f1", "6d7878dfff2f4856"},
    {64, "4eed7141ea4a5cd4", "ba8ced36f327700d"},
    {1023, "10108970eeda3eb9", "c951ecdf03288d0f"},
    {1024, "42214739f095a406", "75c46f6f3d9eb4f5"},
    {1025, "d00278ae47eb27b3", "357dc55de0c7e382"},
    {2048, "e776b6028c7cd22a", "879cf1fa2ea0e791"},
    {4097, "9b4052b38f1c5fc8", "00df940cd36bb9fa"},
    {8192, "aae792484c8efe4f", "dc9637c8845a770b"},
    {16384, "f875d6646de28985", "9e9fc4eb7cf081ea"},
    {31744, "62b6960e1a44bcc1", "efa53b389ab67c59"},
    {102400, "bc3e3d41a1146b06", "1c35d1a5811083fd"},
};

/* What other programs compute from the inputs below: Python's hashlib and
 * cryptography; libsodium 1.0.18 for the sealed secret; zstd 1.5.4. */
static const char selftest_kdf_hex[] =
    "9f9cb2ea251dc4d54dbe657738ea36008d6f6fcac9bf973dc04905743ef3af83";
static const char selftest_gcm_tag[] = "88e0b1f762e79aa668921072455f3c81";
static const char selftest_chacha_tag[] = "7eba6365af796785aae175a25855e34a";
static const char selftest_signature_hex[] =
    "342a294b50f372c23474112dd59cab04190d4e7991de1550e30d506a2f463b04"
    "13cb2efec3a4e347ff9f2a1b68858f69dd31d4ab2d2caca28ce29cc95304150e";
static const char selftest_sealed_hex[] =
    "efd66b30d5d53533d339a9d659144844b0d5009c7692f4cd1166a8edd123202f"
    "c51209fe9dfd25f2a49be0bad499dc47aac3cc1ece1f142e6fd73120c06faf08"
    "4ac98175a02b0c188d2d5e3eb0919cd2";
static const char selftest_zstd_hex[] = "28b52ffd00584500001061620100890e0b";

static int selftest_wrong(const char *what)
{
    return err_set(E_INTERNAL,
                   "self test: %s gives a wrong result. This machine or this "
                   "build of the program must not touch a repository: test "
                   "the hardware (memtest86+), then install the program anew",
                   what);
}

static bool selftest_is(const uint8_t *p, size_t n, const char *hex)
{
    char mine[2 * 64 + 1];

    ASSERT(n <= 64);
    return strcmp(id_hex(p, n, mine), hex) == 0;
}

static int selftest_blake3(const uint8_t *in)
{
    static const uint8_t key[] = "whats the Elvish word for friend";
    uint8_t out[BLAKE3_BYTES];
    size_t count =
        sizeof selftest_blake3_vector / sizeof selftest_blake3_vector[0];

    for (size_t i = 0; i < count; i++) {
        struct bytes x = bytes_of(in, selftest_blake3_vector[i].n);

        blake3_hash(x, out);
        if (!selftest_is(out, 8, selftest_blake3_vector[i].plain))
            return selftest_wrong("BLAKE3");
        blake3_keyed(key, x, out);
        if (!selftest_is(out, 8, selftest_blake3_vector[i].keyed))
            return selftest_wrong("keyed BLAKE3");
    }
    return 0;
}

/* Key 00..0f; inputs 00 01 02 ... of 8, 15 and 64 bytes. */
static int selftest_siphash(const uint8_t *in)
{
    struct siphash_key key = siphash_key_load(in);

    if (siphash(&key, bytes_of(in, 8)) != UINT64_C(0x93f5f5799a932462) ||
        siphash(&key, bytes_of(in, 15)) != UINT64_C(0xa129ca6149be45e5) ||
        siphash(&key, bytes_of(in, 64)) != siphash_64(&key, in))
        return selftest_wrong("SipHash");
    return 0;
}

static struct crypto_key selftest_key(uint8_t first)
{
    struct crypto_key k = {{0}};

    for (size_t i = 0; i < sizeof k.b; i++)
        k.b[i] = (uint8_t)(first + i);
    return k;
}

static int selftest_kdf(const uint8_t *in)
{
    struct crypto_key k = selftest_key(0);
    struct bytes x[] = {bytes_of(in, 16), bytes_of(in + 16, 16)};

    crypto_kdf(&k, &k, "dedup 1 self test", x, 2);
    if (!selftest_is(k.b, 32, selftest_kdf_hex))
        return selftest_wrong("the key derivation (BLAKE2b)");
    return 0;
}

static int selftest_aead(struct crypto_ctx *c, enum crypto_suite suite,
                         const uint8_t *in, const char *tag, const char *name)
{
    uint8_t sealed[SELFTEST_PLAIN_BYTES + CRYPTO_TAG_BYTES];
    uint8_t back[SELFTEST_PLAIN_BYTES];
    struct crypto_key k = selftest_key(7);
    struct bytes ad = bytes_of(in, SELFTEST_AD_BYTES);
    int rc = crypto_seal(c, suite, &k, ad, bytes_of(in, sizeof back), sealed);

    if (rc == 0)
        rc = crypto_open(c, suite, &k, ad, bytes_of(sealed, sizeof sealed),
                         back);
    if (rc < 0 || memcmp(back, in, sizeof back) != 0 ||
        !selftest_is(sealed + sizeof back, CRYPTO_TAG_BYTES, tag))
        return selftest_wrong(name);
    sealed[3] ^= 1;
    if (crypto_open(c, suite, &k, ad, bytes_of(sealed, sizeof sealed), back) !=
        E_CORRUPT)
        return selftest_wrong(name);
    return 0;
}

/* RFC 8032, section 7.1: the public key of test 1; and our own framing. */
static int selftest_signature(void)
{
    static const char seed[] =
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    static const char member_hex[] =
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    struct crypto_signer signer;
    struct crypto_key k;
    struct member_id member;
    struct object_id hash = {{1}};
    uint8_t sig[CRYPTO_SIGNATURE_BYTES];

    if (!id_from_hex(seed, k.b, sizeof k.b))
        return selftest_wrong("hex");
    crypto_signer_load(&k, &signer, &member);
    if (crypto_signature_make(&signer, "dedup 1 self test", &hash, sig) < 0 ||
        !selftest_is(member.b, sizeof member.b, member_hex) ||
        !selftest_is(sig, sizeof sig, selftest_signature_hex) ||
        !crypto_signature_ok(&member, "dedup 1 self test", &hash, sig))
        return selftest_wrong("Ed25519");
    sig[5] ^= 1;
    if (crypto_signature_ok(&member, "dedup 1 self test", &hash, sig))
        return selftest_wrong("Ed25519");
    return 0;
}

/* A secret sealed once, by another program: what it opens to is known. */
static int selftest_sealed(void)
{
    struct crypto_key secret_key = selftest_key(100);
    struct crypto_key want = selftest_key(200);
    struct crypto_key got;
    struct crypto_public pub;
    uint8_t sealed[CRYPTO_SEALED_BYTES];

    crypto_pair_public(&secret_key, &pub);
    if (!id_from_hex(selftest_sealed_hex, sealed, sizeof sealed) ||
        crypto_unlock(&pub, &secret_key, sealed, &got) < 0 ||
        memcmp(got.b, want.b, sizeof got.b) != 0)
        return selftest_wrong("the sealed box (X25519)");
    return 0;
}

/* zstd's output may change between its versions; what it gives back may not. */
static int selftest_zstd(const uint8_t *in, uint8_t *form, uint8_t *back)
{
    uint8_t fixed[(sizeof selftest_zstd_hex - 1) / 2]; /* 16 x "ab" */
    struct compress_ctx *c = NULL;
    size_t n = 0;
    int rc = compress_ctx_new(&c);

    if (rc < 0)
        return rc;
    rc = compress_pack(c, bytes_of(in, SELFTEST_BYTES), 3, form, &n);
    if (rc == 0)
        rc = compress_unpack(c, bytes_of(form, n), back, SELFTEST_BYTES);
    if (rc == 0 && memcmp(back, in, SELFTEST_BYTES) != 0)
        rc = E_CORRUPT;
    if (rc == 0 && id_from_hex(selftest_zstd_hex, fixed, sizeof fixed))
        rc = compress_unpack(c, bytes_of(fixed, sizeof fixed), back, 32);
    for (size_t i = 0; i < 32 && rc == 0; i++)
        if (back[i] != (i % 2 ? 'b' : 'a'))
            rc = E_CORRUPT;
    compress_ctx_free(c);
    return rc == 0 || rc == E_NOMEM ? rc : selftest_wrong("zstd");
}

static int selftest_ciphers(const uint8_t *in)
{
    struct crypto_ctx *c = NULL;
    int rc = crypto_ctx_new(&c);

    if (rc == 0)
        rc = selftest_aead(c, CRYPTO_AES256_GCM, in, selftest_gcm_tag,
                           "AES-256-GCM");
    if (rc == 0)
        rc = selftest_aead(c, CRYPTO_CHACHA20_POLY1305, in, selftest_chacha_tag,
                           "ChaCha20-Poly1305");
    crypto_ctx_free(c);
    return rc;
}

static int selftest_all(uint8_t *in, uint8_t *form, uint8_t *back)
{
    int rc;

    for (size_t i = 0; i < SELFTEST_BYTES; i++)
        in[i] = (uint8_t)(i % 251);
    rc = selftest_blake3(in);
    if (rc == 0)
        rc = selftest_siphash(in);
    if (rc == 0)
        rc = selftest_kdf(in);
    if (rc == 0)
        rc = selftest_ciphers(in);
    if (rc == 0)
        rc = selftest_signature();
    if (rc == 0)
        rc = selftest_sealed();
    return rc < 0 ? rc : selftest_zstd(in, form, back);
}

int selftest_run(void)
{
    uint8_t *memory;
    int rc = crypto_init();

    if (rc < 0)
        return rc;
    memory = mem_array(3, SELFTEST_BYTES);
    if (!memory)
        return err_set(E_NOMEM, "out of memory");
    rc = selftest_all(memory, memory + SELFTEST_BYTES,
                      memory + 2 * SELFTEST_BYTES);
    free(memory);
    return rc;
}
