#include "cli/key_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "base/fileop.h"
#include "base/id.h"
#include "base/random.h"

/* The directory that path is in. */
static int key_file_sync_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + 1 : 1;
    char dir[PATH_MAX];
    int fd;
    int rc;

    if (n >= sizeof dir)
        return err_set(E_USAGE, "%s: too long", path);
    memcpy(dir, slash ? path : ".", n);
    dir[n] = 0;
    fd = fileop_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
    rc = fd < 0 || fileop_sync_dir(fd) < 0 ? -1 : 0;
    if (rc < 0)
        rc = err_set_errno(E_IO, errno, "%s", dir);
    (void)fileop_close(fd);
    return rc;
}

static int key_file_write(int fd, const char *path, struct bytes line)
{
    if (fileop_write_full(fd, line.p, line.n) < 0 || fileop_sync(fd) < 0)
        return err_set_errno(E_IO, errno, "%s", path);
    return key_file_sync_dir(path);
}

int key_file_create(const char *path, struct secret *s)
{
    char line[2 * KEY_FILE_BYTES + 2];
    uint8_t key[KEY_FILE_BYTES];
    int fd = -1;
    int rc = random_bytes(key, sizeof key);

    if (rc < 0)
        goto out;
    fd = fileop_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                       0600);
    if (fd < 0) {
        rc = err_set_errno(E_USAGE, errno, "%s", path);
        goto out;
    }
    (void)id_hex(key, sizeof key, line);
    line[sizeof line - 2] = '\n';
    rc = key_file_write(fd, path, bytes_of(line, sizeof line - 1));
    if (rc == 0)
        rc = secret_set(s, bytes_of(key, sizeof key));
    /* half a key must not be taken for one later */
    if (rc < 0 && fileop_unlinkat(AT_FDCWD, path, 0) < 0)
        rc = err_add(rc, "remove it");
    (void)fileop_close(fd);
out:
    explicit_bzero(line, sizeof line);
    explicit_bzero(key, sizeof key);
    return rc;
}
