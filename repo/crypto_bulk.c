/* crypto_bulk: the part of crypto.h that seals what is large: libcrypto, or
 * gcm.h where that is faster and has proved to do the same. */
#include <stdlib.h>

#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include "base/cpu.h"
#include "base/log.h"
#include "base/mem.h"
#include "repo/crypto.h"
#include "repo/gcm.h"

enum {
    CRYPTO_MESSAGE_MAX = 1 << 30,
    CRYPTO_GCM_LEAST = 4096, /* from here on gcm.h is much faster */
    CRYPTO_TRIALS = 32,
    CRYPTO_TRIAL_MAX = 8192
};

struct crypto_ctx {
    EVP_CIPHER_CTX *seal[CRYPTO_CHACHA20_POLY1305 + 1]; /* by suite */
    EVP_CIPHER_CTX *open[CRYPTO_CHACHA20_POLY1305 + 1];
};

static pthread_once_t crypto_gcm_once = PTHREAD_ONCE_INIT;
static bool crypto_gcm_good; /* gcm.h is there, and agrees with libcrypto */

enum crypto_suite crypto_suite_best(void)
{
    bool aes = crypto_aead_aes256gcm_is_available() != 0;

#if defined(__aarch64__) && defined(HWCAP_AES)
    aes = aes || (getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#endif
    return aes ? CRYPTO_AES256_GCM : CRYPTO_CHACHA20_POLY1305;
}

static EVP_CIPHER_CTX *crypto_cipher(enum crypto_suite suite, int seal)
{
    const char *name =
        suite == CRYPTO_AES256_GCM ? "AES-256-GCM" : "ChaCha20-Poly1305";
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

    if (cipher && c &&
        EVP_CipherInit_ex2(c, cipher, NULL, NULL, seal, NULL) != 1) {
        EVP_CIPHER_CTX_free(c);
        c = NULL;
    }
    if (!cipher) {
        EVP_CIPHER_CTX_free(c);
        c = NULL;
    }
    EVP_CIPHER_free(cipher); /* the context holds its own reference */
    return c;
}

int crypto_ctx_new(struct crypto_ctx **out)
{
    struct crypto_ctx *x = mem_alloc(sizeof *x);

    if (!x)
        return err_set(E_NOMEM, "out of memory");
    for (int s = CRYPTO_AES256_GCM; s <= CRYPTO_CHACHA20_POLY1305; s++) {
        x->seal[s] = crypto_cipher((enum crypto_suite)s, 1);
        x->open[s] = crypto_cipher((enum crypto_suite)s, 0);
        if (!x->seal[s] || !x->open[s]) {
            crypto_ctx_free(x);
            return err_set(E_INTERNAL, "libcrypto lacks a cipher");
        }
    }
    *out = x;
    return 0;
}

void crypto_ctx_free(struct crypto_ctx *x)
{
    if (!x)
        return;
    for (int s = CRYPTO_AES256_GCM; s <= CRYPTO_CHACHA20_POLY1305; s++) {
        EVP_CIPHER_CTX_free(x->seal[s]);
        EVP_CIPHER_CTX_free(x->open[s]);
    }
    free(x);
}

/* Key, associated data and text through one cipher, without the tag. */
static bool crypto_run(EVP_CIPHER_CTX *c, const struct crypto_key *key,
                       struct bytes ad, struct bytes text, uint8_t *out)
{
    int n = 0;

    if (EVP_CipherInit_ex2(c, NULL, key->b, crypto_nonce, -1, NULL) != 1)
        return false;
    if (ad.n > 0 && EVP_CipherUpdate(c, NULL, &n, ad.p, (int)ad.n) != 1)
        return false;
    if (text.n > 0 && EVP_CipherUpdate(c, out, &n, text.p, (int)text.n) != 1)
        return false;
    return true;
}

/* The reference: libcrypto, for any length and suite. */
static int crypto_seal_evp(EVP_CIPHER_CTX *c, const struct crypto_key *key,
                           struct bytes ad, struct bytes plain, uint8_t *out)
{
    int n = 0;

    if (!crypto_run(c, key, ad, plain, out) ||
        EVP_CipherFinal_ex(c, out + plain.n, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, CRYPTO_TAG_BYTES,
                            out + plain.n) != 1)
        return err_set(E_INTERNAL, "libcrypto failed to encrypt");
    return 0;
}

static bool crypto_open_evp(EVP_CIPHER_CTX *c, const struct crypto_key *key,
                            struct bytes ad, struct bytes sealed, uint8_t *out)
{
    size_t n = sealed.n - CRYPTO_TAG_BYTES;
    uint8_t tag[CRYPTO_TAG_BYTES];
    uint8_t none[1];
    int final_n = 0;

    memcpy(tag, sealed.p + n, sizeof tag);
    return crypto_run(c, key, ad, bytes_of(sealed.p, n), out) &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) ==
               1 &&
           EVP_CipherFinal_ex(c, none, &final_n) == 1;
}

/* Whether gcm.h seals a text to the bytes that libcrypto has for it, opens
 * them, and notices a change. */
static bool crypto_gcm_agrees(struct crypto_ctx *x, struct bytes text)
{
    static uint8_t want[CRYPTO_TRIAL_MAX + CRYPTO_TAG_BYTES];
    static uint8_t mine[CRYPTO_TRIAL_MAX + CRYPTO_TAG_BYTES];
    static uint8_t back[CRYPTO_TRIAL_MAX];
    struct bytes sealed = bytes_of(mine, text.n + CRYPTO_TAG_BYTES);
    struct bytes ad = bytes_of_str("trial");
    struct crypto_key key = {{(uint8_t)text.n}};

    if (crypto_seal_evp(x->seal[CRYPTO_AES256_GCM], &key, ad, text, want) < 0) {
        err_ignore(E_INTERNAL, "who seals next is told the same");
        return false;
    }
    if (!gcm_seal(&key, ad, text, mine) || memcmp(mine, want, sealed.n) != 0 ||
        !gcm_open(&key, ad, sealed, back) || memcmp(back, text.p, text.n) != 0)
        return false;
    mine[text.n / 2] ^= 1;
    return !gcm_open(&key, ad, sealed, back);
}

/* Lengths that take nearly all paths of messages of every length: after the
 * loops over 48 blocks, any number of blocks, and a piece of one, are left. */
static size_t crypto_trial_bytes(size_t i)
{
    return CRYPTO_GCM_LEAST + 16 * i + 5 + (i % 2 ? 3 * 768 : 0);
}

static void crypto_gcm_try(void)
{
    static uint8_t text[CRYPTO_TRIAL_MAX];
    struct crypto_ctx *x = NULL;
    bool good = gcm_ready();

    if (good && crypto_ctx_new(&x) < 0) {
        err_ignore(E_INTERNAL, "who makes the next is told the same");
        good = false;
    }
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i % 251);
    for (size_t i = 0; i < CRYPTO_TRIALS && good; i++)
        good = crypto_gcm_agrees(x, bytes_of(text, crypto_trial_bytes(i)));
    if (x && !good)
        log_debug("libipsec-mb does not encrypt as libcrypto does: it is not "
                  "used");
    crypto_ctx_free(x);
    crypto_gcm_good = good;
}

/* Whether gcm.h is to seal and open what is large. */
static bool crypto_by_gcm(enum crypto_suite suite)
{
    if (suite != CRYPTO_AES256_GCM || cpu_level() < CPU_AVX512)
        return false;
    (void)pthread_once(&crypto_gcm_once, crypto_gcm_try);
    return crypto_gcm_good;
}

const char *crypto_suite_by(enum crypto_suite suite)
{
    return crypto_by_gcm(suite) ? "libipsec-mb" : "libcrypto";
}

int crypto_seal(struct crypto_ctx *x, enum crypto_suite suite,
                const struct crypto_key *key, struct bytes ad,
                struct bytes plain, uint8_t *out)
{
    ASSERT(plain.n <= CRYPTO_MESSAGE_MAX && ad.n <= CRYPTO_MESSAGE_MAX);
    if (plain.n < CRYPTO_GCM_LEAST || !crypto_by_gcm(suite))
        return crypto_seal_evp(x->seal[suite], key, ad, plain, out);
    return gcm_seal(key, ad, plain, out)
               ? 0
               : err_set(E_INTERNAL, "libipsec-mb failed to encrypt");
}

int crypto_open(struct crypto_ctx *x, enum crypto_suite suite,
                const struct crypto_key *key, struct bytes ad,
                struct bytes sealed, uint8_t *out)
{
    bool good;
    size_t n;

    if (sealed.n < CRYPTO_TAG_BYTES)
        return err_set(E_CORRUPT, "shorter than its seal");
    n = sealed.n - CRYPTO_TAG_BYTES;
    ASSERT(n <= CRYPTO_MESSAGE_MAX && ad.n <= CRYPTO_MESSAGE_MAX);
    good = n < CRYPTO_GCM_LEAST || !crypto_by_gcm(suite)
               ? crypto_open_evp(x->open[suite], key, ad, sealed, out)
               : gcm_open(key, ad, sealed, out);
    if (good)
        return 0;
    if (n > 0)
        memset(out, 0, n);
    return err_set(E_CORRUPT, "the seal does not fit: damaged or forged");
}
