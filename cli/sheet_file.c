#include "cli/sheet_file.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/fileop.h"
#include "cli/fresh_file.h"
#include "cli/inside.h"
#include "cli/sheet_ink.h"
#include "cli/sheet_pdf.h"
#include "cli/sheet_plain.h"
#include "cli/sheet_svg.h"
#include "cli/terminal.h"

static bool sheet_file_is_stdio(const char *path)
{
    return strcmp(path, "-") == 0;
}

int sheet_file_open(struct sheet_file *f, const char *path, const char *place,
                    bool json)
{
    struct stat st;
    bool inside = false;
    int rc = 0;

    *f = (struct sheet_file){.fd = -1};
    if (sheet_file_is_stdio(path)) {
        if (json)
            return err_set(E_USAGE, "the recovery sheet and --json cannot both "
                                    "go to standard output: name a file");
        if (terminal_is(1))
            return err_set(E_USAGE,
                           "a recovery sheet is not shown on a terminal, which "
                           "may keep it: name a file, or send it to a printer "
                           "('| lpr')");
        f->path = path;
        return 0;
    }
    if (fileop_fstatat(AT_FDCWD, place, &st, 0) == 0)
        rc = inside_dir(path, place, true, &inside);
    if (rc == 0 && inside)
        rc = err_set(E_REFUSED,
                     "%s: in the repository, which whoever stores it could "
                     "then read",
                     path);
    if (rc == 0)
        rc = fresh_file_create(path, &f->fd);
    if (rc == 0)
        f->path = path;
    return rc;
}

static bool sheet_file_ends(const char *path, const char *suffix)
{
    size_t n = strlen(path);
    size_t m = strlen(suffix);

    return n > m && strcasecmp(path + n - m, suffix) == 0;
}

static int sheet_file_draw(const struct sheet_file *f,
                           const struct sheet_page *p, struct secret *out)
{
    struct sheet_ink ink = {.out = out};
    int rc = 0;

    if (sheet_file_ends(f->path, ".svg"))
        rc = sheet_svg_draw(p, &ink);
    else if (sheet_file_ends(f->path, ".pdf"))
        rc = sheet_pdf_draw(p, &ink);
    else
        sheet_plain_draw(p, &ink);
    return rc < 0 ? rc : sheet_ink_status(&ink);
}

int sheet_file_write(struct sheet_file *f, const struct sheet_page *p)
{
    struct secret out = {0};
    int rc = secret_init(&out, SHEET_FILE_BYTES_MAX);

    if (rc == 0)
        rc = sheet_file_draw(f, p, &out);
    if (rc == 0 && f->fd >= 0)
        rc = fresh_file_write(f->fd, f->path, secret_bytes(&out));
    else if (rc == 0 && fileop_write_full(1, out.p, out.n) < 0)
        rc = err_set_errno(E_IO, errno, "standard output");
    secret_release(&out);
    return rc;
}

int sheet_file_close(struct sheet_file *f, int rc)
{
    if (f->path && f->fd >= 0) {
        if (rc < 0)
            rc = fresh_file_drop(f->path, rc);
        (void)fileop_close(f->fd);
    }
    *f = (struct sheet_file){.fd = -1};
    return rc;
}

int sheet_file_read(const char *path, struct sheet *s)
{
    bool stdio = sheet_file_is_stdio(path);
    struct secret text = {0};
    int fd = stdio ? 0 : fileop_openat(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0);
    ssize_t n = -1;
    int rc;

    if (fd < 0)
        return err_set_errno(E_USAGE, errno, "%s", path);
    rc = secret_init(&text, SHEET_FILE_BYTES_MAX);
    if (rc == 0)
        n = fileop_read_full(fd, secret_extend(&text, text.cap), text.cap);
    if (rc == 0 && n < 0)
        rc = err_set_errno(E_USAGE, errno, "cannot be read");
    if (rc == 0 && (size_t)n == text.cap)
        rc = err_set(E_KEY, "no recovery sheet: it is longer than one");
    if (rc == 0)
        rc = sheet_read(s, bytes_of(text.p, (size_t)n));
    secret_release(&text);
    if (!stdio)
        (void)fileop_close(fd);
    return err_add(rc, "%s", stdio ? "standard input" : path);
}
