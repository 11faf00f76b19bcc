#include "cli/config_disk.h"

#include <errno.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fileop.h"
#include "base/read_all.h"

/* What it says is run: nobody but its reader and root may have written it. */
static int config_disk_check_owner(int fd, const char *path)
{
    struct stat st;

    if (fileop_fstat(fd, &st) < 0)
        return err_set_errno(E_USAGE, errno, "%s", path);
    if (S_ISCHR(st.st_mode)) /* /dev/null */
        return 0;
    if (!S_ISREG(st.st_mode))
        return err_set(E_USAGE, "%s: is not a file", path);
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return err_set(E_USAGE,
                       "%s: belongs to user %u, who could have dedup run "
                       "anything: chown it to root or to yourself",
                       path, (unsigned)st.st_uid);
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return err_set(E_USAGE,
                       "%s: others can write to it, and could have dedup run "
                       "anything: chmod go-w it",
                       path);
    return 0;
}

int config_disk_read(const char *path, struct config_file *c)
{
    struct buf text;
    int fd, rc;

    *c = (struct config_file){.path = NULL};
    /* a fifo would be waited for */
    fd = fileop_openat(AT_FDCWD, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
    if (fd < 0)
        return err_set_errno(E_USAGE, errno, "%s", path);
    buf_init(&text, CONFIG_FILE_BYTES_MAX);
    rc = config_disk_check_owner(fd, path);
    if (rc == 0)
        rc = read_all(fd, E_USAGE, path, &text);
    (void)fileop_close(fd);
    if (rc == 0)
        rc = config_file_parse(path, buf_bytes(&text), c);
    buf_release(&text);
    return rc;
}
