#include "repo/writer_process.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fileop.h"

/* The first line of a small file, without its newline; empty when there is
 * none. */
static void writer_process_line(const char *path,
                                char out[WRITER_PROCESS_TEXT_MAX])
{
    int fd = fileop_openat(AT_FDCWD, path, O_RDONLY, 0);
    ssize_t n =
        fd < 0 ? -1 : fileop_read_full(fd, out, WRITER_PROCESS_TEXT_MAX - 1);

    out[n < 0 ? 0 : n] = 0;
    out[strcspn(out, "\n")] = 0;
    (void)fileop_close(fd);
}

/* Field 22 of /proc/self/stat, counted behind the name in parentheses. */
static uint64_t writer_process_start(void)
{
    char line[WRITER_PROCESS_TEXT_MAX];
    const char *p;

    writer_process_line("/proc/self/stat", line);
    p = strrchr(line, ')');
    for (int field = 2; p && field < 22; field++)
        p = strchr(p + 1, ' ');
    return p ? strtoull(p, NULL, 10) : 0;
}

static uint64_t writer_process_namespace(void)
{
    struct stat st;

    if (fileop_fstatat(AT_FDCWD, "/proc/self/ns/pid", &st, 0) < 0)
        return 0;
    return (uint64_t)st.st_ino;
}

void writer_process_get(struct writer_process *text, struct record_process *p)
{
    *text = (struct writer_process){.host = ""};
    if (gethostname(text->host, sizeof text->host - 1) < 0)
        text->host[0] = 0;
    writer_process_line("/proc/sys/kernel/random/boot_id", text->boot);
    *p = (struct record_process){.host = bytes_of_str(text->host),
                                 .boot_id = bytes_of_str(text->boot),
                                 .pid = (uint64_t)getpid(),
                                 .start = writer_process_start(),
                                 .pid_namespace = writer_process_namespace()};
}
