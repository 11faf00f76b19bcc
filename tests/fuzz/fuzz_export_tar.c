/*
 * The head of a tar member whose ACL is the input: an attribute that is
 * decoded, and named in text where it is one. Whatever it is, there is a head
 * of whole blocks.
 */
#include <stdint.h>

#include "repo/job/export_tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct entry_xattr acl = {.name = bytes_of_str("system.posix_acl_access"),
                              .value = bytes_of(data, n)};
    struct entry e = {.type = ENTRY_DIR, .xattr = &acl, .xattr_n = 1};
    struct export_member m = {.e = &e, .path = bytes_of_str("d")};
    struct buf b;

    if (n > ENTRY_XATTR_VALUE_MAX)
        return 0;
    buf_init(&b, 1 << 22);
    ASSERT(export_tar_head(&b, &m) == 0);
    ASSERT(b.n > n && b.n % EXPORT_TAR_BLOCK == 0);
    buf_release(&b);
    return 0;
}
