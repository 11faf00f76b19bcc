#include "cli/key_file.h"

#include "base/fileop.h"
#include "base/id.h"
#include "base/random.h"
#include "cli/fresh_file.h"

int key_file_create(const char *path, struct secret *s)
{
    char line[2 * KEY_FILE_BYTES + 2];
    uint8_t key[KEY_FILE_BYTES];
    int fd = -1;
    int rc = random_bytes(key, sizeof key);

    if (rc < 0)
        goto out;
    rc = fresh_file_create(path, &fd);
    if (rc < 0)
        goto out;
    (void)id_hex(key, sizeof key, line);
    line[sizeof line - 2] = '\n';
    rc = fresh_file_write(fd, path, bytes_of(line, sizeof line - 1));
    if (rc == 0)
        rc = secret_set(s, bytes_of(key, sizeof key));
    if (rc < 0)
        rc = fresh_file_drop(path, rc);
    (void)fileop_close(fd);
out:
    explicit_bzero(line, sizeof line);
    explicit_bzero(key, sizeof key);
    return rc;
}
