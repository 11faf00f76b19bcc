#include "repo/job/series.h"

#include <stdlib.h>

#include "base/blake3.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/mem.h"

enum {
    SERIES_HASH_BYTES = 4,
    SERIES_HASH_CHARS = 1 + 2 * SERIES_HASH_BYTES, /* ".HHHHHHHH" */
    SERIES_HOST_MAX = 40,                          /* leaves room for paths */
    SERIES_TEXT_MAX = 1 << 26
};

static int series_order(const void *a, const void *b)
{
    const struct bytes *x = a;
    const struct bytes *y = b;

    return bytes_cmp(*x, *y);
}

/* Whether a series may hold c, and c stands for itself alone. */
static bool series_is_plain(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c >= '0' && c <= '9') || c == '.' || c == '_';
}

/* The host's own '-' takes nothing away: there is nothing it could be
 * mistaken for before the '@'. */
static void series_put_host(struct buf *b, struct bytes host, bool *lossy)
{
    if (host.n > SERIES_HOST_MAX) {
        host.n = SERIES_HOST_MAX;
        *lossy = true;
    }
    for (size_t i = 0; i < host.n; i++) {
        bool ok = series_is_plain(host.p[i]) || host.p[i] == '-';

        *lossy = *lossy || !ok;
        buf_add(b, ok ? &host.p[i] : (const uint8_t *)"_", 1);
    }
    buf_add(b, "@", 1);
}

static void series_put_root(struct buf *b, struct bytes root, bool *lossy)
{
    if (root.n == 1) {
        buf_add(b, "-", 1);
        return;
    }
    for (size_t i = 1; i < root.n; i++) {
        uint8_t c = root.p[i];

        if (c == '/') {
            buf_add(b, "-", 1);
        } else if (series_is_plain(c)) {
            buf_add(b, &c, 1);
        } else {
            /* '-' and '+' stay as they are, to be read */
            buf_add(b, c == '-' || c == '+' ? &c : (const uint8_t *)"_", 1);
            *lossy = true;
        }
    }
}

/* Of host and roots, each with a NUL behind it, which neither can hold. */
static int series_hash(struct bytes host, const struct bytes *root, size_t n,
                       char out[SERIES_HASH_CHARS + 1])
{
    struct buf all;
    uint8_t hash[ID_BYTES];
    int rc;

    buf_init(&all, SERIES_TEXT_MAX);
    buf_add_bytes(&all, host);
    buf_add(&all, "", 1);
    for (size_t i = 0; i < n; i++) {
        buf_add_bytes(&all, root[i]);
        buf_add(&all, "", 1);
    }
    rc = buf_status(&all);
    if (rc == 0) {
        blake3_hash(buf_bytes(&all), hash);
        out[0] = '.';
        (void)id_hex(hash, SERIES_HASH_BYTES, out + 1);
    }
    buf_release(&all);
    return rc;
}

/* root is sorted, none twice. */
static int series_name(struct bytes host, const struct bytes *root, size_t n,
                       char out[MANIFEST_SERIES_MAX + 1])
{
    char hash[SERIES_HASH_CHARS + 1] = "";
    bool lossy = false;
    struct buf name;
    int rc;

    buf_init(&name, SERIES_TEXT_MAX);
    series_put_host(&name, host, &lossy);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add(&name, "+", 1);
        series_put_root(&name, root[i], &lossy);
    }
    rc = buf_status(&name);
    if (rc == 0 && (lossy || name.n > MANIFEST_SERIES_MAX))
        rc = series_hash(host, root, n, hash);
    if (rc == 0) {
        size_t room = MANIFEST_SERIES_MAX - strlen(hash);
        size_t kept = name.n < room ? name.n : room;

        memcpy(out, name.p, kept);
        memcpy(out + kept, hash, strlen(hash) + 1);
    }
    buf_release(&name);
    return rc;
}

int series_default(struct bytes host, const struct bytes *root, size_t root_n,
                   char out[MANIFEST_SERIES_MAX + 1])
{
    struct bytes *sorted = mem_array(root_n, sizeof *sorted);
    size_t n = 0;
    int rc;

    if (!sorted)
        return err_set(E_NOMEM, "out of memory");
    ASSERT(root_n > 0);
    memcpy(sorted, root, root_n * sizeof *sorted);
    qsort(sorted, root_n, sizeof *sorted, series_order);
    for (size_t i = 0; i < root_n; i++) {
        if (n == 0 || !bytes_equal(sorted[n - 1], sorted[i]))
            sorted[n++] = sorted[i];
    }
    rc = series_name(host, sorted, n, out);
    free(sorted);
    return rc;
}

int series_named(struct bytes host, struct bytes name,
                 char out[MANIFEST_SERIES_MAX + 1])
{
    char hash[SERIES_HASH_CHARS + 1] = "";
    bool lossy = false;
    struct buf text;
    int rc;

    ASSERT(name.n > 0 && name.n <= SERIES_NAME_MAX);
    buf_init(&text, MANIFEST_SERIES_MAX + 1);
    series_put_host(&text, host, &lossy);
    buf_add_bytes(&text, name);
    rc = lossy ? series_hash(host, &name, 1, hash) : 0;
    buf_add(&text, hash, strlen(hash) + 1);
    if (rc == 0)
        rc = buf_status(&text);
    if (rc == 0)
        memcpy(out, text.p, text.n);
    buf_release(&text);
    return rc;
}
